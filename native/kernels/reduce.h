// Reductions of a x b x c over b, and their way back. How sums are ordered: docs/commands.md, and lanes.h.
#pragma once

#define LANEWISE_REDUCE_OPS(OP)                                              \
  OP(sum, "y:w:T:a*c x:r:T:a*b*c | a b c")                                   \
  OP(mean, "y:w:T:a*c x:r:T:a*b*c | a b c")                                  \
  OP(max, "y:w:T:a*c x:r:T:a*b*c | a b c")                                   \
  OP(argmax, "y:w:i:a*c x:r:T:a*b*c | a b c")                                \
  OP(expand, "y:w:T:a*b*c x:r:T:a*c | a b c alpha:d")                        \
  OP(maxGrad, "dx:w:T:a*b*c dy:r:T:a*c x:r:T:a*b*c y:r:T:a*c | a b c")

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

// R registers of columns, b rows down: R chains at a time hide the latency of an addition.
template <class V, class Fold, int R, class Part>
LW_INLINE void foldColumns(typename V::E* y, const typename V::E* x, int64_t b, int64_t c, Part part) {
  V a[R];
  const Fold step = Fold();
  LW_UNROLL_VECTORS for (int r = 0; r < R; ++r) a[r] = V::set1(Fold::start());
  for (int64_t j = 0; j < b; ++j, x += c) {
    LW_UNROLL_VECTORS for (int r = 0; r + 1 < R; ++r) a[r] = step(a[r], V::load(x + r * V::W));
    a[R - 1] = step(a[R - 1], V::load(x + (R - 1) * V::W, part));
  }
  LW_UNROLL_VECTORS for (int r = 0; r + 1 < R; ++r) a[r].store(y + r * V::W);
  a[R - 1].store(y + (R - 1) * V::W, part);
}
// Columns [l, end), R registers at a time while there are so many; returns the first column that is left.
template <class V, class Fold, int R>
LW_INLINE int64_t foldGroups(typename V::E* y, const typename V::E* x, int64_t b, int64_t c, int64_t l, int64_t end) {
  for (; l + (R - 1) * V::W < end; l += R * V::W) {
    if (l + R * V::W <= end) foldColumns<V, Fold, R>(y + l, x + l, b, c, Whole{});
    else foldColumns<V, Fold, R>(y + l, x + l, b, c, V::first(end - l - (R - 1) * V::W));
  }
  return lesser(l, end);
}

// Columns [0, n) of rows that lie in memory, R rows down at once, y in between. The order of each sum is foldColumns'.
template <class V, class Fold, int R>
LW_INLINE void foldRows(typename V::E* y, const typename V::E* x, int64_t c, int64_t n) {
  const Fold step = Fold();
  forEach<V>(0, n, [&](int64_t l, auto part) LW_LAMBDA {
    V a = V::load(y + l, part);
    LW_UNROLL for (int r = 0; r < R; ++r) a = step(a, V::load(x + r * c + l, part));
    a.store(y + l, part);
  });
}
// Memory is fastest at long pieces in order: whole rows of up to a page come one after another, of longer rows, and of parts of rows, four
// at once (Zen 4, one thread: rows of 1024 35 and 23 GB/s, of 4096 16 and 29).
template <class V, class Fold>
static void foldWide(typename V::E* y, const typename V::E* x, int64_t b, int64_t c, int64_t n) {
  forEach<V>(0, n, [&](int64_t l, auto part) LW_LAMBDA { V::set1(Fold::start()).store(y + l, part); });
  int64_t j = 0;
  if (n < c || c * sizeof(*x) > 4096)
    for (; j + 4 <= b; j += 4) foldRows<V, Fold, 4>(y, x + j * c, c, n);
  for (; j < b; ++j) foldRows<V, Fold, 1>(y, x + j * c, c, n);
}

template <class V, class Fold>
struct Reduce {
  typedef typename V::E E;
  enum { kColumns = 8 * V::kLanes };  // a unit
  enum { kNear = 1 << 17, kMostJoined = 128 };  // elements that the nearer caches hold; units whose y they do besides

  // Few long rows are shared out by blocks, whose results wait in scratch; else a unit is a row or a group of columns.
  static LW_MEMBER bool byBlocks(const Command& c) { return c.n[2] == 1 && c.n[1] > kBlock && c.n[0] < 64; }

  // Short rows that come from memory are not divided: two threads that read halves of them are slower than one (Zen 4: rows of 512 22 and 32
  // GB/s), as memory is read ahead beyond each half.
  static LW_MEMBER int64_t columns(const Command& c) {
    const int64_t w = c.n[2];
    return w * (int64_t)sizeof(E) <= 4096 && isFar<E>(c.n[1] * w) ? w : (int64_t)kColumns;
  }

  // The first element of y that unit u computes.
  static LW_MEMBER int64_t firstOf(const Command& c, int64_t u) {
    const int64_t w = c.n[2], each = columns(c), groups = ceilDivide(w, each);
    return w > 1 ? u / groups * w + u % groups * each : u;
  }

  static void plan(const Command& c, Plan& plan) {
    const int64_t a = c.n[0], b = c.n[1];
    const bool split = byBlocks(c);
    plan.units = a * (c.n[2] > 1 ? ceilDivide(c.n[2], columns(c)) : split ? ceilDivide(b, kBlock) : c.n[2]);
    plan.nanoseconds = (double)a * (5 + (double)b * (double)c.n[2] * 0.1);
    plan.scratch = split ? (size_t)plan.units * sizeof(E) : 0;
  }

  static void run(const Command& c, int64_t begin, int64_t end) {
    E* y = (E*)c.p[0];
    const E* x = (const E*)c.p[1];
    const int64_t b = c.n[1], w = c.n[2];
    if (w > 1) {
      const int64_t each = columns(c), groups = ceilDivide(w, each);
      for (int64_t u = begin; u < end;) {
        const int64_t i = u / groups, first = (u % groups) * each;
        const int64_t joined = w * b > kNear ? lesser(lesser(end - u, groups - u % groups), kMostJoined) : 1;
        const int64_t last = lesser(w, first + joined * each);
        u += joined;
        if (last - first > kColumns) {
          foldWide<V, Fold>(y + i * w + first, x + i * b * w + first, b, w, last - first);
          continue;
        }
        int64_t l = foldGroups<V, Fold, 8>(y + i * w, x + i * b * w, b, w, first, last);
        l = foldGroups<V, Fold, 4>(y + i * w, x + i * b * w, b, w, l, last);
        l = foldGroups<V, Fold, 2>(y + i * w, x + i * b * w, b, w, l, last);
        foldGroups<V, Fold, 1>(y + i * w, x + i * b * w, b, w, l, last);
      }
    } else if (byBlocks(c)) {
      const int64_t blocks = ceilDivide(b, kBlock);
      E* part = (E*)c.scratch;
      for (int64_t u = begin; u < end;) {
        const int64_t i = u / blocks, first = (u % blocks) * kBlock;
        if (u + 4 <= end && first + 4 * kBlock <= b) {
          foldFourRows<V, Fold>(x + i * b + first, kBlock, part + u);
          u += 4;
        } else {
          part[u++] = foldBlock<V, Fold>(x + i * b, first, lesser(b, first + kBlock));
        }
      }
    } else {
      int64_t i = begin;
      if (b <= kBlock && c.n[0] * b <= kNear)  // from memory four rows at once would be slower
        for (; i + 4 <= end; i += 4) foldFourRows<V, Fold>(x + i * b, b, y + i);
      for (; i < end; ++i) y[i] = foldRow<V, Fold>(x + i * b, b);
    }
  }

  static void finish(const Command& c) {
    if (!byBlocks(c)) return;
    const int64_t b = c.n[1], blocks = ceilDivide(b, kBlock);
    for (int64_t i = 0; i < c.n[0]; ++i) {
      const E* part = (const E*)c.scratch + i * blocks;
      typename Fold::Total total = part[0];
      for (int64_t k = 1; k < blocks; ++k) total = Fold::blocks(total, part[k]);
      ((E*)c.p[0])[i] = (E)total;
    }
  }
};

// The sums, each divided by b once it is whole.
template <class V>
struct Mean {
  typedef Reduce<V, SumFold<V>> Sum;
  static void plan(const Command& c, Plan& plan) { Sum::plan(c, plan); }
  static void run(const Command& c, int64_t begin, int64_t end) {
    Sum::run(c, begin, end);
    if (!Sum::byBlocks(c)) divide(c, Sum::firstOf(c, begin), Sum::firstOf(c, end));
  }
  static void finish(const Command& c) {
    Sum::finish(c);
    if (Sum::byBlocks(c)) divide(c, 0, c.n[0]);
  }
  static LW_MEMBER void divide(const Command& c, int64_t first, int64_t last) {
    typename V::E* y = (typename V::E*)c.p[0];
    const V b = V::set1((typename V::E)c.n[1]);
    forEach<V>(first, last, [&](int64_t i, auto part) LW_LAMBDA { (V::load(y + i, part) / b).store(y + i, part); });
  }
};

// NaN if there is one, else the maximum, of b numbers, in all lanes.
template <class V>
LW_INLINE V bestOfRow(const typename V::E* x, int64_t b) {
  // Equal zeros are found alike, so the order is free: four chains hide the latency of a comparison.
  const MaxFold<V> step = MaxFold<V>();
  V a[4];
  LW_UNROLL for (int q = 0; q < 4; ++q) a[q] = V::set1(MaxFold<V>::start());
  int64_t from = 0;
  for (; from + 4 * V::W <= b; from += 4 * V::W)
    LW_UNROLL for (int q = 0; q < 4; ++q) a[q] = step(a[q], V::load(x + from + q * V::W));
  forEach<V>(from, b, [&](int64_t i, auto part) LW_LAMBDA { a[0] = step(a[0], select(part, V::load(x + i, part), a[0])); });
  return V::set1(MaxFold<V>::lane(step(step(a[0], a[1]), step(a[2], a[3]))));
}
// The first of b numbers for which is(v) holds, 0 if there is none.
template <class V, class F>
LW_INLINE int64_t firstWhere(const typename V::E* x, int64_t b, F is) {
  int64_t i = 0;
  for (; i + 4 * V::W <= b; i += 4 * V::W) {
    uint64_t found = 0;
    LW_UNROLL for (int q = 0; q < 4; ++q) found |= (uint64_t)bits(is(V::load(x + i + q * V::W))) << q * V::W;
    if (found) return i + __builtin_ctzll(found);
  }
  for (; i < b; i += V::W) {
    const int64_t n = lesser(b - i, V::W);
    const uint32_t found = bits(is(n == V::W ? V::load(x + i) : V::load(x + i, V::first(n)))) & ((1u << n) - 1);
    if (found) return i + __builtin_ctz(found);
  }
  return 0;
}
// The first place of what bestOfRow found in b >= 1 numbers.
template <class V>
LW_INLINE int64_t placeInRow(const typename V::E* x, int64_t b, V best) {
  if (any(isnan(best))) return firstWhere<V>(x, b, [](V v) LW_LAMBDA { return isnan(v); });
  return firstWhere<V>(x, b, [&](V v) LW_LAMBDA { return v == best; });
}
template <class V>
LW_INLINE int64_t argmaxRow(const typename V::E* x, int64_t b) {
  return placeInRow<V>(x, b, bestOfRow<V>(x, b));
}

template <class V>
struct Argmax {
  typedef typename V::E E;
  enum { kColumns = 64 };
  static void plan(const Command& c, Plan& plan) {
    plan.units = c.n[0] * (c.n[2] == 1 ? 1 : ceilDivide(c.n[2], kColumns));
    plan.nanoseconds = (double)c.n[0] * (10 + (double)c.n[1] * (double)c.n[2] * 0.3);
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    int32_t* y = (int32_t*)c.p[0];
    const E* x = (const E*)c.p[1];
    const int64_t b = c.n[1], w = c.n[2];
    if (w == 1) {
      if (begin == end) return;
      V best = bestOfRow<V>(x + begin * b, b);
      for (int64_t i = begin; i < end; ++i) {
        // the next row's while the last steps of this one's wait for each other
        const V next = i + 1 < end ? bestOfRow<V>(x + (i + 1) * b, b) : best;
        y[i] = (int32_t)placeInRow<V>(x + i * b, b, best);
        best = next;
      }
      return;
    }
    const int64_t groups = ceilDivide(w, kColumns);
    for (int64_t u = begin; u < end; ++u) {
      const int64_t i = u / groups, first = (u % groups) * kColumns, n = lesser(w - first, kColumns);
      const E* p = x + i * b * w + first;
      int32_t* at = y + i * w + first;
      E best[kColumns];
      for (int64_t l = 0; l < n; ++l) best[l] = -__builtin_inff(), at[l] = 0;
      for (int64_t j = 0; j < b; ++j, p += w) {
        for (int64_t l = 0; l < n; ++l) {
          const bool better = (p[l] > best[l]) | ((p[l] != p[l]) & (best[l] == best[l]));
          best[l] = better ? p[l] : best[l];
          at[l] = better ? (int32_t)j : at[l];
        }
      }
    }
  }
  static constexpr FinishFn finish = nullptr;
};

template <class V>
struct Expand {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) { planUnits(c.n[0] * c.n[1] * c.n[2], 0.1, plan); }
  static void run(const Command& c, int64_t begin, int64_t end) {
    E* y = (E*)c.p[0];
    const E* x = (const E*)c.p[1];
    const int64_t b = c.n[1], w = c.n[2], last = lesser(c.n[0] * b * w, end * kBlock);
    const V alpha = V::set1((E)c.d[0]);
    int64_t e = begin * kBlock;
    if (w == 1) {
      for (int64_t i = e / b; e < last; ++i) {
        const int64_t stop = lesser(last, (i + 1) * b);
        const V v = alpha * V::set1(x[i]);
        forEach<V>(e, stop, [&](int64_t k, auto part) LW_LAMBDA { v.store(y + k, part); });
        e = stop;
      }
      return;
    }
    for (int64_t row = e / w, i = row / b, j = row % b; e < last; ++row) {
      const int64_t stop = lesser(last, (row + 1) * w);
      forEach<V>(e, stop, [&](int64_t k, auto part) LW_LAMBDA { (alpha * V::load(x + k - (row - i) * w, part)).store(y + k, part); });
      e = stop;
      if (++j == b) j = 0, ++i;
    }
  }
  static constexpr FinishFn finish = nullptr;
};

// The gradient goes to all places of the maximum in equal parts.
template <class V>
struct MaxGrad {
  typedef typename V::E E;
  enum { kColumns = 64 };
  static void plan(const Command& c, Plan& plan) {
    plan.units = c.n[0] * ceilDivide(c.n[2], kColumns);
    plan.nanoseconds = (double)c.n[0] * (10 + (double)c.n[1] * (double)c.n[2] * 0.4);
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    const int64_t b = c.n[1], w = c.n[2], groups = ceilDivide(w, kColumns);
    for (int64_t u = begin; u < end; ++u) {
      const int64_t i = u / groups, first = (u % groups) * kColumns, n = lesser(w - first, kColumns);
      E* dx = (E*)c.p[0] + i * b * w + first;
      const E *dy = (const E*)c.p[1] + i * w + first, *x = (const E*)c.p[2] + i * b * w + first, *y = (const E*)c.p[3] + i * w + first;
      if (w == 1) {
        const E share = dy[0] / (E)count(x, *y, b);
        for (int64_t j = 0; j < b; ++j) dx[j] = x[j] == *y ? share : 0;
        continue;
      }
      int32_t ties[kColumns] = {};
      for (int64_t j = 0; j < b; ++j)
        for (int64_t l = 0; l < n; ++l) ties[l] += x[j * w + l] == y[l];
      E share[kColumns];
      for (int64_t l = 0; l < n; ++l) share[l] = dy[l] / (E)ties[l];
      for (int64_t j = 0; j < b; ++j)
        for (int64_t l = 0; l < n; ++l) dx[j * w + l] = x[j * w + l] == y[l] ? share[l] : 0;
    }
  }
  static LW_MEMBER int32_t count(const E* x, E y, int64_t b) {
    int32_t n = 0;
    for (int64_t j = 0; j < b; ++j) n += x[j] == y;
    return n;
  }
  static constexpr FinishFn finish = nullptr;
};

namespace op {

template <class V> struct sum : Reduce<V, SumFold<V>> {};
template <class V> struct mean : Mean<V> {};
template <class V> struct max : Reduce<V, MaxFold<V>> {};
template <class V> struct argmax : Argmax<V> {};
template <class V> struct expand : Expand<V> {};
template <class V> struct maxGrad : MaxGrad<V> {};

}  // namespace op
}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
