// Elementwise commands in units of kBlock elements, or fewer.
#pragma once
#ifdef LANEWISE_KERNELS
#include "lanes.h"

namespace lanewise {
namespace LANEWISE_ISA {

LW_INLINE void planUnits(int64_t n, double nanosecondsEach, Plan& plan, int64_t unit = kBlock) {
  plan.units = ceilDivide(n, unit);
  plan.nanoseconds = (double)n * nanosecondsEach;
}

// f(i, part) over the elements of units [begin, end) of n
template <class V, int64_t UNIT = kBlock, class F>
LW_INLINE void forUnits(int64_t n, int64_t begin, int64_t end, const F& f) {
  forEach<V>(begin * UNIT, lesser(n, end * UNIT), f);
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
