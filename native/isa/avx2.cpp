// Built with -mavx2 -mfma.
#if defined(__x86_64__)
#define LANEWISE_ISA avx2
#define LANEWISE_SIMD "../simd/avx2.h"
#include "kernels.inc"
#endif
