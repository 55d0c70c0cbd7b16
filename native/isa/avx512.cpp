// Built with -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma.
#if defined(__x86_64__)
#define LANEWISE_ISA avx512
#define LANEWISE_SIMD "../simd/avx512.h"
#include "kernels.inc"
#endif
