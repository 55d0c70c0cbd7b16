// Softmax of rows of few columns, as a classifier's: many rows at once. Both ways take the sums as sumOf does: element j with j + 8,
// then + 4, + 2, + 1, where adding the 0 of an empty lane changes nothing. Which of 0 and -0 is the greatest may differ, but then
// there are two of them, and neither exp nor the logarithm of a sum above 1 shows it.
#pragma once
#ifdef LANEWISE_KERNELS
#include "groups.h"
#include "transpose.h"

namespace lanewise {
namespace LANEWISE_ISA {

// What is to be done with rows [row, row + count) once their softmax is there: a function, so that there is one kernel for all.
template <class E>
struct After {
  typedef void (*Function)(const Command& c, int64_t row, int64_t count, E* totals, E* maxima);
  const Command& c;
  Function f;     // gets the sums of exp(x - max) and the maxima, and may write to both; null for nothing
  int64_t first;  // the command's row that is row 0 here
  int64_t rows;   // how many there are: what is filled up to a block has more
  bool past;      // whether the softmax goes past the caches where whole registers of y are aligned: f does not read it
  LW_MEMBER void operator()(int64_t row, int64_t count, E* totals, E* maxima) const {
    f(c, first + row, lesser(count, rows - row), totals, maxima);
  }
};

// The most rows that `after` gets at once, as long as they are near: one logarithm for each took as long as the softmax of 20 columns.
enum { kMostNoted = 64 };

// W rows at once, a register for each column of all rows: transposed, and back.
template <class V>
LW_INLINE void softmaxByColumns(int64_t row, int64_t n, const typename V::E* x, typename V::E* y, const After<typename V::E>& after) {
  typedef typename V::E E;
  alignas(64) E t[kFewColumns * V::W];
  transposeBlock<V>(x, n, V::W, n, t, V::W);
  if (kAsksAhead)
    for (int64_t i = 0; i < n * V::W; i += 64 / (int64_t)sizeof(E)) __builtin_prefetch(x + 3 * n * V::W + i);
  V top = V::set1(-__builtin_inff());
  for (int64_t j = 0; j < n; j++) top = Greatest<V>()(top, V::load(t + j * V::W));
  forEach<V, true>(0, n * V::W, [&](int64_t i, auto part) LW_LAMBDA { expUpToTop(load<V>(t + i, part) - top).store(t + i, part); });
  V s[8];
  LW_UNROLL for (int j = 0; j < 8; j++) {
    s[j] = j < n ? V::load(t + j * V::W) : V::zero();
    if (j + 8 < n) s[j] = s[j] + V::load(t + (j + 8) * V::W);
  }
  LW_UNROLL for (int h = 4; h > 0; h /= 2)
    LW_UNROLL for (int j = 0; j < h; j++) s[j] = s[j] + s[j + h];
  const Divisor<V> sum(s[0]);
  alignas(64) E back[V::W * kFewColumns];
  for (int64_t j0 = 0; j0 < n; j0 += V::W) {
    V r[V::W];
    LW_UNROLL for (int j = 0; j < V::W; j++) r[j] = j0 + j < n ? sum.under(V::load(t + (j0 + j) * V::W)) : V::zero();
    transposeSquare<V>(r);
    LW_UNROLL for (int j = 0; j < V::W; j++) r[j].store(back + j * kFewColumns + j0);
  }
  // Whole registers, although they reach into the next row, which is written next: masked stores are slow on some processors.
  const int64_t reach = ceilDivide(n, V::W) * V::W;
  for (int64_t r = 0; r < V::W; r++) {
    const E* from = back + r * kFewColumns;
    E* to = y + r * n;
    if (r * n + reach <= V::W * n) for (int64_t j = 0; j < n; j += V::W) V::load(from + j).store(to + j);
    else for (int64_t j = 0; j < n; j++) to[j] = from[j];
  }
  if (after.f) {
    alignas(64) E totals[V::W], maxima[V::W];
    s[0].store(totals);
    top.store(maxima);
    after(row, V::W, totals, maxima);
  }
}

LW_INLINE constexpr int blocksSideBySide(int C) { return C < 5 ? 4 : 2; }

// L rows in C registers (groups.h), B such blocks side by side. The most whole blocks in `rows`; returns how many rows they were.
template <class V, int C, class Width>
static __attribute__((noinline)) int64_t softmaxByGroups(int64_t rows, Width U, const typename V::E* x, typename V::E* y, const After<typename V::E>& after) {
  typedef typename V::E E;
  enum { B = blocksSideBySide(C) };
  const Groups<V, C, Width> groups(U);
  const int L = groups.L;
  const bool past = after.past && isAligned<V>(y);
  alignas(64) E totals[kMostNoted + V::W], maxima[kMostNoted + V::W];
  int64_t i = 0, noted = 0;
  for (; i + L * B <= rows; i += L * B, x += B * C * V::W, y += B * C * V::W) {
    Many<V, C> e[B];
    V top[B], total[B], reciprocal[B];
    LW_UNROLL for (int b = 0; b < B; b++) {
      groups.load(x + b * C * V::W, e[b].v);
      if (kAsksAhead) LW_UNROLL for (int k = 0; k < C; k++) __builtin_prefetch(x + (4 * B + b) * C * V::W + k * V::W);
      top[b] = e[b].v[0];
      LW_UNROLL for (int j = 1; j < C; j++) top[b] = Greatest<V>()(top[b], e[b].v[j]);
      top[b] = groups.joined(top[b], Greatest<V>());
      e[b] = e[b] - Many<V, C>(top[b]);
    }
    bool near = false;  // with AVX-512, or few registers, there is little to gain
    if (!V::kAnyExponent && C >= 5) {
      V farthest = V::zero();
      LW_UNROLL for (int b = 0; b < B; b++)
        LW_UNROLL for (int j = 0; j < C; j++) farthest = maximumByBits(farthest, abs(e[b].v[j]));
      near = bits(farthest <= V::set1(kNear)) == (1u << V::W) - 1;
    }
    if (near) LW_UNROLL for (int b = 0; b < B; b++) e[b] = expNear(e[b]);
    else LW_UNROLL for (int b = 0; b < B; b++) e[b] = expUpToTop(e[b]);
    V least = V::set1(1);  // and never NaN
    LW_UNROLL for (int b = 0; b < B; b++) {
      Many<V, C> sums = e[b];
      LW_UNROLL for (int j = 0; j < C; j++) least = min(e[b].v[j], least);
      total[b] = groups.template folded<SumFold<V>>(sums.v);
      reciprocal[b] = V::set1(1) / total[b];
    }
    if (!dividesSlowly() || any(least < V::set1(Divisor<V>::kLeast))) {
      LW_UNROLL for (int b = 0; b < B; b++) e[b] = e[b] / Many<V, C>(total[b]);
    } else {
      LW_UNROLL for (int b = 0; b < B; b++)
        LW_UNROLL for (int j = 0; j < C; j++) e[b].v[j] = Divisor<V>(total[b], reciprocal[b]).underAtLeast(e[b].v[j]);
    }
    LW_UNROLL for (int b = 0; b < B; b++) groups.store(past, e[b].v, y + b * C * V::W);
    if (after.f) {
      LW_UNROLL for (int b = 0; b < B; b++, noted += L) {  // in order: what the next one writes over is not a row's
        groups.storeOfRows(total[b], totals + noted);
        groups.storeOfRows(top[b], maxima + noted);
      }
      if (noted + L * B > kMostNoted) {
        after(i + L * B - noted, noted, totals, maxima);
        noted = 0;
      }
    }
  }
  if (noted > 0) after(i - noted, noted, totals, maxima);
  endPast<V>(past);
  return i;
}

// The rows that fill blocks, from the first on; returns how many. A function, as several ops ask for it.
template <class V>
static __attribute__((noinline)) int64_t softmaxOfWholeBlocks(int64_t rows, int64_t n, const typename V::E* x, typename V::E* y, const After<typename V::E>& after) {
  if (byGroups<V>(n)) {
    return withGroups<V>(n, [&](auto registers, int U) LW_LAMBDA -> int64_t {
      enum { C = decltype(registers)::count };
      if (C == 5 && U == 2) return softmaxByGroups<V, 5>(rows, Two(), x, y, after);
      return softmaxByGroups<V, C>(rows, U, x, y, after);
    });
  }
  int64_t i = 0;
  for (; i + V::W <= rows; i += V::W) softmaxByColumns<V>(i, n, x + i * n, y + i * n, after);
  return i;
}

// How many rows a block has: at most 64.
template <class V>
LW_INLINE int64_t rowsOfBlock(int64_t n) {
  const int U = groupOf(n);
  return byGroups<V>(n) ? V::W / U * blocksSideBySide((int)n / U) : (int64_t)V::W;
}

// Most of `rows`, from the first on; returns how many.
template <class V>
LW_INLINE int64_t softmaxOfFewColumns(int64_t rows, int64_t n, const typename V::E* x, typename V::E* y, const After<typename V::E>& after) {
  typedef typename V::E E;
  if (V::W == 1) return 0;
  const int64_t done = softmaxOfWholeBlocks<V>(rows, n, x, y, after), rest = rows - done, block = rowsOfBlock<V>(n);
  // A block takes as long as a fifth of its rows one by one; to fill one up takes time too.
  if (rest * 4 < block) return done;
  alignas(64) E filled[64 * kFewColumns];
  const size_t bytes = (size_t)(rest * n) * sizeof(E);
  __builtin_memcpy(filled, x + done * n, bytes);
  __builtin_memset(filled + rest * n, 0, (size_t)((block - rest) * n) * sizeof(E));
  softmaxOfWholeBlocks<V>(block, n, filled, filled, After<E>{after.c, after.f, after.first + done, rest, false});
  __builtin_memcpy(y + done * n, filled, bytes);
  return rows;
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
