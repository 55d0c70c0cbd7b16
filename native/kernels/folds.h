// Sums and maxima whose order does not depend on the register's width (docs/commands.md, "Order of a sum").
//
// The caller gives a function f(i, part), as forEach has it (elements.h), that returns a V. So sums of x, of x*y, of (p - t)^2, of
// exp(x - max) are one function:
//   sumOf<V>(n, [&](int64_t i, auto part) LW_LAMBDA { return V::load(x + i, part) * V::load(y + i, part); })
// Lanes outside the mask may come back as anything (exp of a 0 that was not read): they are dropped here.
#pragma once
#ifdef LANEWISE_KERNELS
#include "elements.h"

namespace lanewise {
namespace LANEWISE_ISA {

// kLanes accumulators in kLanes / W registers, whatever the instruction set.
template <class V>
struct Lanes {
  enum { R = V::kLanes / V::W };
  V r[R];

  static LW_MEMBER Lanes all(typename V::E x) {
    Lanes a;
    LW_UNROLL_VECTORS for (int k = 0; k < R; k++) a.r[k] = V::set1(x);
    return a;
  }
  // r = op(r, f) in [begin, end); lane j takes the elements begin + j, begin + j + kLanes, … in that order. With SIDE, f of several
  // registers side by side as long as they last.
  template <bool SIDE = false, class F, class Op>
  LW_MEMBER void fold(int64_t begin, int64_t end, F f, Op op) {
    int64_t i = begin;
    if constexpr (SIDE && kSideBySide > 1) {
      static_assert(kSideBySide % R == 0, "whole turns");
      for (; i + Many<V>::W <= end; i += Many<V>::W) {
        const Many<V> x = f(i, Side{});
        LW_UNROLL for (int u = 0; u < kSideBySide; u++) r[u % R] = op(r[u % R], x.v[u]);
      }
    }
    for (; i + V::kLanes <= end; i += V::kLanes)
      LW_UNROLL_VECTORS for (int k = 0; k < R; k++) r[k] = op(r[k], f(i + k * V::W, Whole{}));
    LW_UNROLL_VECTORS for (int k = 0; k < R; k++, i += V::W) {
      if (i + V::W <= end) {
        r[k] = op(r[k], f(i, Whole{}));
      } else if (i < end) {
        typename V::M m = V::first(end - i);
        r[k] = select(m, op(r[k], f(i, m)), r[k]);
      }
    }
  }
  // Register k with k + R/2, … : the first halvings of the tree; sum(V) or top(V) does the rest.
  template <class Op>
  LW_MEMBER V join(Op op) const {
    Lanes a = *this;
    LW_UNROLL_VECTORS for (int h = R / 2; h > 0; h /= 2)
      LW_UNROLL_VECTORS for (int k = 0; k < h; k++) a.r[k] = op(a.r[k], a.r[k + h]);
    return a.r[0];
  }
};

// What is done to elements: step joins registers, lane joins the lanes of one, blocks joins blocks, in a Total.
template <class V>
struct SumFold {
  typedef typename V::E E;
  typedef double Total;
  enum { kInBlocks = 1 };  // whether the order matters so much that long columns are in blocks
  static LW_MEMBER E start() { return 0; }
  LW_MEMBER V operator()(V a, V x) const { return a + x; }
  static LW_MEMBER E lane(V v) { return sum(v); }
  // What was joined without start().
  static LW_MEMBER V few(V v) { return v + V::zero(); }
  static LW_MEMBER Total blocks(Total a, E b) { return a + b; }
};

// The lanes matter here too: which of 0 and -0 is the greatest depends on the order.
template <class V>
struct MaxFold : SumFold<V> {
  typedef typename V::E E;
  typedef E Total;
  enum { kInBlocks = 0 };
  static LW_MEMBER E start() { return -__builtin_inff(); }
  LW_MEMBER V operator()(V a, V x) const { return maximum(a, x); }
  static LW_MEMBER E lane(V v) { return any(isnan(v)) ? (E)__builtin_nanf("") : top(v); }
  static LW_MEMBER V few(V v) { return select(isnan(v), V::set1(__builtin_nanf("")), v); }
  static LW_MEMBER E blocks(E a, E b) { return a != a || a > b ? a : b; }
};

// The maximum of one block where a NaN is passed over: where it matters, ask isnan as well.
template <class V>
struct Greatest : MaxFold<V> {
  LW_MEMBER V operator()(V a, V x) const { return max(x, a); }
  static LW_MEMBER typename V::E lane(V v) { return top(v); }
};

// f over one block [begin, end).
template <class V, class Fold, bool SIDE = false, class F>
LW_INLINE typename V::E foldBlock(int64_t begin, int64_t end, F f) {
  Lanes<V> a = Lanes<V>::all(Fold::start());
  a.template fold<SIDE>(begin, end, f, Fold());
  return Fold::lane(a.join(Fold()));
}
// f over [0, n), in blocks. Threads that own blocks, and join them in order, give the same.
template <class V, class Fold, class F>
LW_INLINE typename V::E foldOf(int64_t n, F f) {
  typename Fold::Total total = 0;
  for (int64_t i = 0;; i += kBlock) {  // f stands here once: it may be long
    const typename V::E part = foldBlock<V, Fold>(i, lesser(n, i + kBlock), f);
    if (n <= kBlock) return part;
    total = i > 0 ? Fold::blocks(total, part) : part;
    if (i + kBlock >= n) return (typename V::E)total;
  }
}
// The sum of f over [0, n), +0 for nothing. Blocks are added in float64: a float32 sum of 20 million equal numbers was 4e-5 off otherwise.
template <class V, class F>
LW_INLINE typename V::E sumOf(int64_t n, F f) {
  return foldOf<V, SumFold<V>>(n, f);
}
// Folds of numbers in memory.
template <class V, class Fold>
LW_INLINE typename V::E foldBlock(const typename V::E* x, int64_t begin, int64_t end) {
  return foldBlock<V, Fold>(begin, end, [&](int64_t i, auto part) LW_LAMBDA { return V::load(x + i, part); });
}
template <class V, class Fold>
LW_INLINE typename V::E foldRow(const typename V::E* x, int64_t b) {
  return foldOf<V, Fold>(b, [&](int64_t i, auto part) LW_LAMBDA { return V::load(x + i, part); });
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
    if (i < b) a[q].fold(i, b, [&](int64_t l, auto part) LW_LAMBDA { return V::load(x + q * b + l, part); }, step);
    to[q] = Fold::lane(a[q].join(step));
  }
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
