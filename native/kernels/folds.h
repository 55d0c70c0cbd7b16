// Sums and maxima of a row.
#pragma once
#ifdef LANEWISE_KERNELS
#include "units.h"

namespace lanewise {
namespace LANEWISE_ISA {

// What is done to b elements: step joins registers, lane joins the lanes of one, blocks joins blocks, in a Total.
template <class V>
struct SumFold {
  typedef typename V::E E;
  typedef double Total;
  static LW_MEMBER E start() { return 0; }
  LW_MEMBER V operator()(V a, V x) const { return a + x; }
  static LW_MEMBER E lane(V v) { return sum(v); }
  static LW_MEMBER Total blocks(Total a, E b) { return a + b; }
};

// The lanes matter here too: which of 0 and -0 is the greatest depends on the order.
template <class V>
struct MaxFold : SumFold<V> {
  typedef typename V::E E;
  typedef E Total;
  static LW_MEMBER E start() { return -__builtin_inff(); }
  LW_MEMBER V operator()(V a, V x) const { return maximum(a, x); }
  static LW_MEMBER E lane(V v) { return any(isnan(v)) ? (E)__builtin_nanf("") : top(v); }
  static LW_MEMBER E blocks(E a, E b) { return a != a || a > b ? a : b; }
};

template <class V, class Fold>
LW_INLINE typename V::E foldBlock(const typename V::E* x, int64_t begin, int64_t end) {
  Lanes<V> a = Lanes<V>::all(Fold::start());
  a.gather(begin, end, [&](int64_t i, auto part) LW_LAMBDA { return V::load(x + i, part); }, Fold());
  return Fold::lane(a.join(Fold()));
}
template <class V, class Fold>
LW_INLINE typename V::E foldRow(const typename V::E* x, int64_t b) {
  typename Fold::Total total = foldBlock<V, Fold>(x, 0, lesser(b, kBlock));
  for (int64_t i = kBlock; i < b; i += kBlock) total = Fold::blocks(total, foldBlock<V, Fold>(x, i, lesser(b, i + kBlock)));
  return (typename V::E)total;
}
// Four rows of b elements at once: four chains hide the latency of an addition. to[0 .. 3] as from foldBlock, b at most kBlock.
template <class V, class Fold>
LW_INLINE void foldFourRows(const typename V::E* x, int64_t b, typename V::E* to) {
  const Fold step = Fold();
  Lanes<V> a[4];
  LW_UNROLL_VECTORS for (int q = 0; q < 4; ++q) a[q] = Lanes<V>::all(Fold::start());
  int64_t i = 0;
  for (; i + V::kLanes <= b; i += V::kLanes)
    LW_UNROLL_VECTORS for (int q = 0; q < 4; ++q)
      LW_UNROLL_VECTORS for (int k = 0; k < Lanes<V>::R; ++k) a[q].r[k] = step(a[q].r[k], V::load(x + q * b + i + k * V::W));
  for (int q = 0; q < 4; ++q) {
    if (i < b) a[q].gather(i, b, [&](int64_t l, auto part) LW_LAMBDA { return V::load(x + q * b + l, part); }, step);
    to[q] = Fold::lane(a[q].join(step));
  }
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
