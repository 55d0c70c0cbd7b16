// Any machine but arm64, whose baseline has NEON: one element a "register".
#if !defined(__aarch64__)
#if defined(__i386__) && !defined(__SSE2_MATH__)
#error "x87 keeps more digits than float32 has: other bits. JavaScript computes instead, or compile with -msse2 -mfpmath=sse"
#endif
#define LANEWISE_ISA scalar
#define LANEWISE_SIMD "../simd/scalar.h"
#include "kernels.inc"
#endif
