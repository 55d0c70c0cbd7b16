// Any machine: the compiler's baseline, one element a "register".
#define LANEWISE_ISA scalar
#define LANEWISE_SIMD "../simd/scalar.h"
#include "kernels.inc"
