// Elementwise commands in units of kBlock elements.
#pragma once
#ifdef LANEWISE_KERNELS
#include "lanes.h"

namespace lanewise {
namespace LANEWISE_ISA {

LW_INLINE void planUnits(int64_t n, double nanosecondsEach, Plan& plan) {
  plan.units = ceilDivide(n, kBlock);
  plan.nanoseconds = (double)n * nanosecondsEach;
  plan.scratch = 0;
}

// f(i, part) over the elements of units [begin, end) of n
template <class V, class F>
LW_INLINE void forUnits(int64_t n, int64_t begin, int64_t end, const F& f) {
  forEach<V>(begin * kBlock, lesser(n, end * kBlock), f);
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
