// Reductions of a x b x c over b, and their way back. How sums are ordered: docs/commands.md, and folds.h.
#pragma once

#define LANEWISE_REDUCE "y:w:T:a*c x:r:T:a*b*c | a b c"
#define LANEWISE_REDUCE_OPS(OP) \
  OP(sum, LANEWISE_REDUCE) \
  OP(mean, LANEWISE_REDUCE) \
  OP(max, LANEWISE_REDUCE) \
  OP(argmax, "y:w:i:a*c x:r:T:a*b*c | a b c") \
  OP(expand, "y:w:T:a*b*c x:r:T:a*c | a b c alpha:d") \
  OP(maxGrad, "dx:w:T:a*b*c dy:r:T:a*c x:r:T:a*b*c y:r:T:a*c | a b c")

#ifdef LANEWISE_KERNELS
#include "argmax.h"
#include "few-folds.h"

namespace lanewise {
namespace LANEWISE_ISA {

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
// One register of columns, Q blocks of kBlock rows at a time, whose results lie w apart: alone it would be one chain of additions (`bytes`: see askForRow).
template <class V, class Fold, int Q, class Part>
LW_INLINE void foldBlocksDown(typename V::E* y, const typename V::E* x, int64_t w, Part part, int64_t bytes) {
  V a[Q];
  const Fold step = Fold();
  LW_UNROLL_VECTORS for (int q = 0; q < Q; ++q) a[q] = V::set1(Fold::start());
  for (int64_t j = 0; j < kBlock; ++j)
    LW_UNROLL_VECTORS for (int q = 0; q < Q; ++q) {
      const typename V::E* row = x + (q * kBlock + j) * w;
      askForRow(row, bytes);
      a[q] = step(a[q], V::load(row, part));
    }
  LW_UNROLL_VECTORS for (int q = 0; q < Q; ++q) a[q].store(y + q * w, part);
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
  enum { kColumns = 8 * V::kLanes };  // at least as many as there are sums at once
  enum { kMostJoined = 128 };  // units whose y the nearer caches hold besides

  // Few long rows are shared out by blocks, whose results wait in scratch; else a unit is a row or a group of columns. Long columns of sums
  // are in blocks as well: each is a unit, or several are, like columns of its own.
  static LW_MEMBER bool byBlocks(const Command& c) { return c.n[1] > kBlock && (c.n[2] == 1 ? c.n[0] < 64 : Fold::kInBlocks != 0); }
  static LW_MEMBER int64_t blocksOf(const Command& c) { return byBlocks(c) ? ceilDivide(c.n[1], kBlock) : 1; }

  static LW_MEMBER bool isNear(const Command& c) { return c.n[1] * c.n[2] <= kNearNumbers; }

  // A unit's columns. Short rows that come from memory are not divided: two threads that read halves of them are slower than one (Zen 4: rows of
  // 512 22 and 32 GB/s), as memory is read ahead beyond each half.
  static LW_MEMBER int64_t columns(const Command& c) {
    const int64_t w = c.n[2];
    if (isNear(c)) return V::kLanes;
    return w * (int64_t)sizeof(E) <= 4096 && isFar<E>(c.n[1] * w) ? w : (int64_t)kColumns;
  }

  // The first element of y that unit u computes.
  static LW_MEMBER int64_t firstOf(const Command& c, int64_t u) {
    const int64_t w = c.n[2], each = columns(c), groups = ceilDivide(w, each);
    return w > 1 ? u / groups * w + u % groups * each : u;
  }

  static void plan(const Command& c, Plan& plan) {
    const int64_t a = c.n[0], b = c.n[1], w = c.n[2], parts = a * blocksOf(c);
    plan.units = w > 1 ? parts * ceilDivide(w, columns(c)) : parts * w;
    plan.nanoseconds = (double)a * (5 + (double)b * (double)w * 0.1);
    plan.scratch = byBlocks(c) ? (size_t)(parts * w) * sizeof(E) : 0;
  }

  static void run(const Command& c, int64_t begin, int64_t end) {
    if (c.n[2] > 1) runColumns(c, begin, end);
    else if (byBlocks(c)) runBlocks(c, begin, end);
    else runRows(c, begin, end);
  }
  static LW_MEMBER void runColumns(const Command& c, int64_t begin, int64_t end) {
    const E* x = (const E*)c.p[1];
    const int64_t b = c.n[1], w = c.n[2], each = columns(c), groups = ceilDivide(w, each), blocks = blocksOf(c);
    E* to = blocks > 1 ? (E*)c.scratch : (E*)c.p[0];
    for (int64_t u = begin; u < end;) {
      const int64_t part = u / groups, j = part % blocks * kBlock, rows = blocks > 1 ? lesser(b - j, kBlock) : b;
      const int64_t first = (u % groups) * each, left = lesser(end - u, groups - u % groups);
      E* yPart = to + part * w;
      const E* xPart = x + (part / blocks * b + j) * w;
      if (w <= V::W && j + 4 * kBlock <= b && u + 4 <= end && blocks > 1) {
        foldBlocksDown<V, Fold, 4>(yPart, xPart, w, V::first(w), askedBytes<E>(c.n[0] * b, w, true));
        u += 4;
        continue;
      }
      const int64_t joined = lesser(left, isNear(c) ? kColumns / each : (int64_t)kMostJoined), last = lesser(w, first + joined * each);
      u += joined;
      if (last - first > kColumns) {
        foldWide<V, Fold>(yPart + first, xPart + first, rows, w, last - first);
        continue;
      }
      int64_t l = foldGroups<V, Fold, 8>(yPart, xPart, rows, w, first, last);
      l = foldGroups<V, Fold, 4>(yPart, xPart, rows, w, l, last);
      l = foldGroups<V, Fold, 2>(yPart, xPart, rows, w, l, last);
      foldGroups<V, Fold, 1>(yPart, xPart, rows, w, l, last);
    }
  }
  static LW_MEMBER void runBlocks(const Command& c, int64_t begin, int64_t end) {
    const E* x = (const E*)c.p[1];
    E* part = (E*)c.scratch;
    const int64_t b = c.n[1], blocks = ceilDivide(b, kBlock);
    for (int64_t u = begin; u < end;) {
      const int64_t i = u / blocks, first = (u % blocks) * kBlock;
      if (u + 4 <= end && first + 4 * kBlock <= b) {
        foldFourRows<V, Fold>(x + i * b + first, kBlock, part + u);
        u += 4;
      } else {
        part[u++] = foldBlock<V, Fold>(x + i * b, first, lesser(b, first + kBlock));
      }
    }
  }
  static LW_MEMBER void runRows(const Command& c, int64_t begin, int64_t end) {
    const E* x = (const E*)c.p[1];
    E* y = (E*)c.p[0];
    const int64_t b = c.n[1], bytes = askedBytes<E>(c.n[0], b, !Fold::kInBlocks);
    int64_t i = begin + foldFewColumns<V, Fold>(x + begin * b, b, end - begin, y + begin, bytes);
    if (b <= kBlock && c.n[0] * b <= kNearNumbers)  // from memory four rows at once would be slower
      for (; i + 4 <= end; i += 4) foldFourRows<V, Fold>(x + i * b, b, y + i);
    for (; i < end; ++i) {
      askForRow(x + i * b, bytes);
      y[i] = row(x + i * b, b);
    }
  }
  // One row. A maximum is a slow chain of steps: four of them, from 256 numbers on, take 0.5 to 0.8 of the time (Zen 4, AVX-512; AVX2 0.8 to 1.1).
  static LW_MEMBER E row(const E* x, int64_t b) {
    if constexpr (!Fold::kInBlocks)
      if (b >= 256) {
        const E greatest = greatestOfRow<V>(x, b);
        if (greatest != 0) return greatest;  // only between 0 and -0 does the order tell
      }
    return foldRow<V, Fold>(x, b);
  }

  static void finish(const Command& c) {
    if (!byBlocks(c)) return;
    const int64_t w = c.n[2], blocks = blocksOf(c);
    for (int64_t i = 0; i < c.n[0]; ++i) {
      for (int64_t l = 0; l < w; ++l) {
        const E* part = (const E*)c.scratch + i * blocks * w + l;
        typename Fold::Total total = part[0];
        for (int64_t k = 1; k < blocks; ++k) total = Fold::blocks(total, part[k * w]);
        ((E*)c.p[0])[i * w + l] = (E)total;
      }
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
    if (Sum::byBlocks(c)) divide(c, 0, c.n[0] * c.n[2]);
  }
  static LW_MEMBER void divide(const Command& c, int64_t first, int64_t last) {
    typename V::E* y = (typename V::E*)c.p[0];
    const V b = V::set1((typename V::E)c.n[1]);
    forEach<V>(first, last, [&](int64_t i, auto part) LW_LAMBDA { (V::load(y + i, part) / b).store(y + i, part); });
  }
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
      const int64_t bytes = askedBytes<E>(c.n[0], b, false);
      for (int64_t i = e / b; e < last; ++i) {
        askForRow(y + e, bytes);
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
        const V top = V::set1(*y), share = V::set1(*dy / (E)count(x, *y, b));
        forEach<V>(0, b, [&](int64_t j, auto part) LW_LAMBDA { select(V::load(x + j, part) == top, share, V::zero()).store(dx + j, part); });
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
    const V top = V::set1(y);
    int32_t n = 0;
    int64_t j = 0;
    for (; j + V::W <= b; j += V::W) n += __builtin_popcount(bits(V::load(x + j) == top));
    for (; j < b; ++j) n += x[j] == y;
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
