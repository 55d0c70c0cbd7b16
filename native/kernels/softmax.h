// Softmax over rows, its logarithm, and their derivatives.
#pragma once

#define LANEWISE_ROWS "y:w:T:m*n x:i:T:m*n | m n"
#define LANEWISE_ROWS_GRAD "dx:w:T:m*n dy:i:T:m*n y:r:T:m*n | m n"
#define LANEWISE_SOFTMAX_OPS(OP) \
  OP(softmax, LANEWISE_ROWS) \
  OP(logSoftmax, LANEWISE_ROWS) \
  OP(softmaxGrad, LANEWISE_ROWS_GRAD) \
  OP(logSoftmaxGrad, LANEWISE_ROWS_GRAD)

#ifdef LANEWISE_KERNELS
#include "../scratch.h"
#include "few-columns.h"

namespace lanewise {
namespace LANEWISE_ISA {

// Units of about kBlock elements in whole rows; short ones in whole blocks (few-columns.h).
LW_INLINE int64_t rowsPerUnit(int64_t n) {
  const int64_t rows = rowsAtOnce(n);
  return rows > 64 ? rows & -64 : rows;
}

template <class V>
LW_INLINE void planRows(int64_t m, int64_t n, double operations, Plan& plan) {
  plan.units = n > 0 ? ceilDivide(m, rowsPerUnit(n)) : 0;
  // measured with AVX-512 on an Intel Xeon; a row has its own price: the start, the sum's tree, the tail
  plan.nanoseconds = (double)m * (4.0 + 0.4 * operations + (double)n * (0.5 + 0.2 * operations) / (double)V::W);
}

// The logarithms of n numbers, in their place. A function, as several ops ask for it.
template <class V>
static __attribute__((noinline)) void logAll(typename V::E* x, int64_t n) {
  forEach<V, true>(0, n, [&](int64_t i, auto part) LW_LAMBDA { log(load<V>(x + i, part)).store(x + i, part); });
}

// The greatest of a row. A NaN is passed over: every user of this goes on with exp(x - max), where it shows.
template <class V>
LW_INLINE typename V::E rowMax(int64_t n, const typename V::E* x) {
  return foldBlock<V, Greatest<V>>(0, n, [&](int64_t i, auto part) LW_LAMBDA { return V::load(x + i, part); });
}

// Whether each row asks for the next one, which would come from memory while this one keeps the processor busy.
LW_INLINE bool asksForNext(bool far) { return kAsksAhead || (isZen5 && far); }
// Whether far rows of n numbers, the first at y, go past the caches: then all begin where registers do.
template <class V>
LW_INLINE bool rowsGoPast(bool far, int64_t n, const typename V::E* y) {
  return far && n % V::W == 0 && isAligned<V>(y);
}

// y = exp(x - max), x and y may be the same; returns the sum. also(j, part) for the same j.
template <class V, class Also>
LW_INLINE typename V::E expRow(int64_t n, const typename V::E* x, typename V::E* y, typename V::E max, bool asks, Also also) {
  const V top = V::set1(max);
  return sumOf<V>(n, [&](int64_t j, auto part) LW_LAMBDA {
    if (asks) __builtin_prefetch(x + n + j);
    V e = expUpToTop(V::load(x + j, part) - top);
    e.store(y + j, part);
    also(j, part);
    return e;
  });
}

// y = softmax(x) for after.rows rows of n, x and y may be the same. While one row's exponentials are taken the one before is divided: where rows go
// past the caches, up to kMostHeld numbers are kept near until then. A function, as several ops ask for it.
template <class V>
static __attribute__((noinline)) void softmaxRows(int64_t n, const typename V::E* x, typename V::E* y, const After<typename V::E>& after) {
  typedef typename V::E E;
  enum { kMostHeld = 16384 / sizeof(E) };
  int64_t i = n <= kFewColumns ? softmaxOfFewColumns<V>(after.rows, n, x, y, after) : 0;
  if (i == after.rows) return;
  const bool far = n <= kMostHeld && rowsGoPast<V>(after.past, n, y), asks = asksForNext(after.past);
  E* const held = far ? (E*)workspace(2 * kMostHeld * sizeof(E)) : nullptr;
  const bool past = held != nullptr;
  x += i * n;
  y += i * n;
  const int64_t most = lesser(kMostNoted, rowsAtOnce(n));
  alignas(64) E totals[kMostNoted], maxima[kMostNoted];
  int64_t noted = 0;
  E* row = past ? held : y;
  E max = rowMax<V>(n, x), total = expRow<V>(n, x, row, max, asks, [](int64_t, auto) LW_LAMBDA {});
  for (;; y += n) {
    const Divisor<V> sum(V::set1(total));
    const auto divide = [&](int64_t j, auto part) LW_LAMBDA { put<V>(past, sum.under(V::load(row + j, part)), y + j, part); };
    if (after.f) {
      totals[noted] = total;
      maxima[noted++] = max;
    }
    const bool last = ++i == after.rows;
    if (last) {
      forEach<V>(0, n, divide);
    } else {
      E* next = !past ? y + n : row == held ? held + kMostHeld : held;
      x += n;
      max = rowMax<V>(n, x);
      total = expRow<V>(n, x, next, max, asks, divide);
      row = next;
    }
    if (noted == most || (last && noted > 0)) {
      after(i - noted, noted, totals, maxima);
      noted = 0;
    }
    if (last) return endPast<V>(past);
  }
}

namespace softmaxes {

template <class V>
struct Softmax {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) { planRows<V>(c.n[0], c.n[1], 26, plan); }
  static void run(const Command& c, int64_t begin, int64_t end) {
    const int64_t n = c.n[1], each = rowsPerUnit(n), first = begin * each;
    const E* x = (const E*)c.p[1];
    E* y = (E*)c.p[0];
    const After<E> nothing{c, nullptr, first, lesser(c.n[0], end * each) - first, goesPast(c.n[0] * n, y, x)};
    softmaxRows<V>(n, x + first * n, y + first * n, nothing);
  }
  static constexpr FinishFn finish = nullptr;
};

template <class V>
struct LogSoftmax {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) { planRows<V>(c.n[0], c.n[1], 24, plan); }
  // Rows of few columns: their sums come with their softmax, many at once (few-columns.h). Where y is x, that is gone by then.
  static void after(const Command& c, int64_t row, int64_t count, E* totals, E* maxima) {
    const int64_t n = c.n[1];
    const E* x = (const E*)c.p[1] + row * n;
    E* y = (E*)c.p[0] + row * n;
    logAll<V>(totals, count);
    for (int64_t i = 0; i < count; i++) {
      const V top = V::set1(maxima[i]), logTotal = V::set1(totals[i]);
      forEachReaching<V>(i * n, (i + 1) * n, count * n, [&](int64_t j, auto part) LW_LAMBDA { (V::load(x + j, part) - top - logTotal).store(y + j, part); });
    }
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    const int64_t n = c.n[1], each = rowsPerUnit(n), last = lesser(c.n[0], end * each);
    const E* x = (const E*)c.p[1];
    int64_t row = begin * each;
    if (V::W > 1 && n <= kFewColumns && x != (const E*)c.p[0])
      row += softmaxOfWholeBlocks<V>(last - row, n, x + row * n, (E*)c.p[0] + row * n, After<E>{c, after, row, last - row, false});
    if (row == last) return;
    E* y = (E*)c.p[0];
    const bool far = goesPast(c.n[0] * n, y, x), past = rowsGoPast<V>(far, n, y), asks = asksForNext(far);
    V max = V::set1(rowMax<V>(n, x + row * n));
    for (; row < last; row++) {
      const V top = max;
      const E* from = x + row * n;
      E* to = y + row * n;
      const E total = sumOf<V>(n, [&](int64_t j, auto part) LW_LAMBDA {
        if (asks) __builtin_prefetch(from + n + j);
        return expUpToTop(V::load(from + j, part) - top);
      });
      // as in softmaxRows
      if (row + 1 < last) max = V::set1(rowMax<V>(n, from + n));
      const V logTotal = log(V::set1(total));
      forEach<V>(0, n, [&](int64_t j, auto part) LW_LAMBDA { put<V>(past, V::load(from + j, part) - top - logTotal, to + j, part); });
    }
    endPast<V>(past);
  }
  static constexpr FinishFn finish = nullptr;
};

// A row: dx from its dy and y, and the sum of what `summed` makes of these.
template <class V>
struct SoftmaxGrad {
  enum { kOperations = 4 };
  static LW_MEMBER V summed(V dy, V y) { return dy * y; }
  static LW_MEMBER V result(V dy, V y, V total) { return y * (dy - total); }
};

template <class V>
struct LogSoftmaxGrad {
  enum { kOperations = 14 };
  static LW_MEMBER V summed(V dy, V) { return dy; }
  static LW_MEMBER V result(V dy, V y, V total) { return fnma(exp(y), total, dy); }
};

// Rows of few columns, many at once (groups.h): the most whole blocks of them; returns how many rows those were.
template <class V, template <class> class R, int C>
static __attribute__((noinline)) int64_t gradByGroups(int64_t rows, int U, typename V::E* dx, const typename V::E* dy, const typename V::E* y, int64_t bytes) {
  const Groups<V, C, int> groups(U);
  int64_t i = 0;
  for (; i + groups.L <= rows; i += groups.L, dx += C * V::W, dy += C * V::W, y += C * V::W) {
    V a[C], b[C], terms[C];
    const int64_t asked = bytes > 0 ? (int64_t)sizeof a : 0;
    askForRow(dx, asked);
    askForRow(dy, asked);
    askForRow(y, asked);
    groups.load(dy, a);
    groups.load(y, b);
    LW_UNROLL for (int j = 0; j < C; j++) terms[j] = R<V>::summed(a[j], b[j]);
    const V total = SumFold<V>::few(groups.template folded<SumFold<V>>(terms));
    LW_UNROLL for (int j = 0; j < C; j++) a[j] = R<V>::result(a[j], b[j], total);
    groups.store(false, a, dx);
  }
  return i;
}

template <class V, template <class> class R>
struct GradRows {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) { planRows<V>(c.n[0], c.n[1], R<V>::kOperations, plan); }
  static int64_t fewColumns(int64_t rows, int64_t n, E* dx, const E* dy, const E* y, int64_t bytes) {
    if (n > kFewColumns || rows < 16) return 0;
    return withGroups<V>(n, [&](auto registers, int U) LW_LAMBDA { return gradByGroups<V, R, decltype(registers)::count>(rows, U, dx, dy, y, bytes); });
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    const int64_t n = c.n[1], each = rowsPerUnit(n), last = lesser(c.n[0], end * each), bytes = askedBytes<E>(c.n[0], n, false);
    E* dx = (E*)c.p[0];
    const E *dy = (const E*)c.p[1], *y = (const E*)c.p[2];
    int64_t row = begin * each;
    for (row += fewColumns(last - row, n, dx + row * n, dy + row * n, y + row * n, bytes); row < last; row++) {
      const int64_t i = row * n;
      askForRow(dx + i, bytes);
      askForRow(dy + i, bytes);
      askForRow(y + i, bytes);
      const V total = V::set1(sumOf<V>(n, [&](int64_t j, auto part) LW_LAMBDA { return R<V>::summed(V::load(dy + i + j, part), V::load(y + i + j, part)); }));
      forEach<V>(i, i + n, [&](int64_t j, auto part) LW_LAMBDA { R<V>::result(V::load(dy + j, part), V::load(y + j, part), total).store(dx + j, part); });
    }
  }
  static constexpr FinishFn finish = nullptr;
};

}  // namespace softmaxes

namespace op {

template <class V> struct softmax : softmaxes::Softmax<V> {};
template <class V> struct logSoftmax : softmaxes::LogSoftmax<V> {};
template <class V> struct softmaxGrad : softmaxes::GradRows<V, softmaxes::SoftmaxGrad> {};
template <class V> struct logSoftmaxGrad : softmaxes::GradRows<V, softmaxes::LogSoftmaxGrad> {};

}  // namespace op
}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
