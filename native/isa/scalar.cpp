// Any machine but arm64, whose baseline has NEON: one element a "register".
#if !defined(__aarch64__)
#define LANEWISE_ISA scalar
#define LANEWISE_SIMD "../simd/scalar.h"
#include "kernels.inc"
#endif
