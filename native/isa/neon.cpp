// arm64, where NEON is always there.
#if defined(__aarch64__)
#define LANEWISE_ISA neon
#define LANEWISE_SIMD "../simd/neon.h"
#include "kernels.inc"
#endif
