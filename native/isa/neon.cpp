// arm64, where NEON is always there.
#if defined(__aarch64__) || defined(_M_ARM64)
#define LANEWISE_ISA neon
#define LANEWISE_SIMD "../simd/neon.h"
#include "kernels.inc"
#endif
