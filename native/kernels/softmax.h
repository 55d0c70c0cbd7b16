// Softmax over rows, its logarithm, and their derivatives.
#pragma once

#define LANEWISE_SOFTMAX_OPS(OP)                                   \
  OP(softmax, "y:w:T:m*n x:i:T:m*n | m n")                         \
  OP(logSoftmax, "y:w:T:m*n x:i:T:m*n | m n")                      \
  OP(softmaxGrad, "dx:w:T:m*n dy:i:T:m*n y:r:T:m*n | m n")         \
  OP(logSoftmaxGrad, "dx:w:T:m*n dy:i:T:m*n y:r:T:m*n | m n")

#ifdef LANEWISE_KERNELS
#include "lanes.h"
#include "transpose.h"

namespace lanewise {
namespace LANEWISE_ISA {

// Units of about kBlock elements in whole rows.
LW_INLINE int64_t rowsPerUnit(int64_t n) { return n > 0 && n < kBlock ? kBlock / n : 1; }

template <class V>
LW_INLINE void planRows(int64_t m, int64_t n, double operations, Plan& plan) {
  plan.units = n > 0 ? ceilDivide(m, rowsPerUnit(n)) : 0;
  // measured with AVX-512 on the development machine; a row has its own price: the start, the sum's tree, the tail
  plan.nanoseconds = (double)m * (4.0 + 0.4 * operations + (double)n * (0.5 + 0.2 * operations) / (double)V::W);
  plan.scratch = 0;
}

// f(n, i) for each row of n elements from element i on, in units [begin, end).
template <class V, class F>
LW_INLINE void forRows(const Command& c, int64_t begin, int64_t end, F f) {
  const int64_t n = c.n[1], each = rowsPerUnit(n), last = lesser(c.n[0], end * each);
  for (int64_t row = begin * each; row < last; row++) f(n, row * n);
}

// The greatest of a row. A NaN is passed over: every user of this goes on with exp(x - max), where it shows.
template <class V>
LW_INLINE typename V::E rowMax(int64_t n, const typename V::E* x) {
  return maxOf<V>(n, [&](int64_t i, auto part) LW_LAMBDA { return V::load(x + i, part); });
}

// y = exp(x - max), x and y may be the same; returns the sum.
template <class V>
LW_INLINE typename V::E expRow(int64_t n, const typename V::E* x, typename V::E* y, typename V::E max) {
  const V top = V::set1(max);
  return sumOf<V>(n, [&](int64_t i, auto part) LW_LAMBDA {
    __builtin_prefetch(x + n + i);  // the next row: this one keeps the processor busy, and memory idle
    V e = exp(V::load(x + i, part) - top);
    e.store(y + i, part);
    return e;
  });
}

#if defined(__AVX512F__)
static constexpr bool kDividesSlowly = true;
#else
static constexpr bool kDividesSlowly = false;
#endif

// Divides by the same number again and again, with the bits of a division: from the reciprocal, correctly rounded, a quotient within
// a unit of its last place, and from what that leaves over the right one (Markstein 1990). Where what is left over would be less than
// the smallest normal number, a division. With AVX2 a division is as fast (Zen 4; with AVX-512 softmax takes 0.92 of the time).
template <class V>
struct Divisor {
  typedef typename V::E E;
  V d, reciprocal, least;
  explicit LW_MEMBER Divisor(V d)
      : d(d), reciprocal(V::set1(1) / d), least(V::set1((E)(sizeof(E) == 4 ? 0x1p-100 : 0x1p-960))) {}
  LW_MEMBER V under(V x) const {
    if (!kDividesSlowly) return x / d;
    const V q = x * reciprocal;
    return any(x < least) ? x / d : fma(fnma(q, d, x), reciprocal, q);
  }
};

// y = softmax(x), x and y may be the same. `max` and the returned sum of exp(x - max) are what a loss needs besides.
template <class V>
LW_INLINE typename V::E softmaxRow(int64_t n, const typename V::E* x, typename V::E* y, typename V::E& max) {
  max = rowMax<V>(n, x);
  const typename V::E total = expRow<V>(n, x, y, max);
  const Divisor<V> sum(V::set1(total));
  forEach<V>(0, n, [&](int64_t i, auto part) LW_LAMBDA { sum.under(V::load(y + i, part)).store(y + i, part); });
  return total;
}

// The most columns of "few": the lanes of a sum in float32, twice those in float64.
enum { kFewColumns = 16 };

// softmaxRow for W rows of few columns at once, a register for each column of all rows. The sums are the same tree as
// sumOf's: element j with j + 8, then + 4, + 2, + 1, where adding the 0 of an empty lane changes nothing. Which of 0 and -0
// is the greatest may differ, but then there are two of them, and neither exp nor the logarithm of a sum above 1 shows it.
template <class V>
LW_INLINE void softmaxOfFewColumns(int64_t n, const typename V::E* x, typename V::E* y, V& total, V& greatest) {
  typedef typename V::E E;
  alignas(64) E t[kFewColumns * V::W];
  transposeBlock<V>(x, n, V::W, n, t, V::W);
  for (int64_t i = 0; i < n * V::W; i += 64 / (int64_t)sizeof(E)) __builtin_prefetch(x + 3 * n * V::W + i);
  V top = V::set1(-__builtin_inff());
  for (int64_t j = 0; j < n; j++) top = Greater<V>()(top, V::load(t + j * V::W));
  forEach<V, true>(0, n * V::W, [&](int64_t i, auto part) LW_LAMBDA { exp(load<V>(t + i, part) - top).store(t + i, part); });
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
  total = s[0];
  greatest = top;
}

// y = softmax(x) for `rows` rows of n; done(row, sum of exp(x - max), max) after each. x and y may be the same.
template <class V, class F>
LW_INLINE void softmaxRows(int64_t rows, int64_t n, const typename V::E* x, typename V::E* y, F done) {
  typedef typename V::E E;
  int64_t i = 0;
  if (V::W > 1 && n <= kFewColumns) {
    for (; i + V::W <= rows; i += V::W) {
      V total, greatest;
      softmaxOfFewColumns<V>(n, x + i * n, y + i * n, total, greatest);
      E totals[V::W], maxima[V::W];
      total.store(totals);
      greatest.store(maxima);
      for (int64_t r = 0; r < V::W; r++) done(i + r, totals[r], maxima[r]);
    }
  }
  for (; i < rows; i++) {
    E max;
    const E total = softmaxRow<V>(n, x + i * n, y + i * n, max);
    done(i, total, max);
  }
}

// The logarithm of one number, by the vector's own.
template <class V>
LW_INLINE typename V::E logOfNumber(typename V::E x) {
  return top(log(V::set1(x)));
}

namespace softmaxes {

template <class V>
struct Softmax {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) { planRows<V>(c.n[0], c.n[1], 26, plan); }
  static void run(const Command& c, int64_t begin, int64_t end) {
    const int64_t n = c.n[1], each = rowsPerUnit(n), first = begin * each;
    softmaxRows<V>(lesser(c.n[0], end * each) - first, n, (const E*)c.p[1] + first * n, (E*)c.p[0] + first * n,
                   [](int64_t, E, E) LW_LAMBDA {});
  }
  static constexpr FinishFn finish = nullptr;
};

template <class V>
struct LogSoftmax {
  typedef typename V::E E;
  enum { kOperations = 24 };
  static LW_MEMBER void row(int64_t n, E* y, const E* x) {
    const V max = V::set1(rowMax<V>(n, x));
    const E total = sumOf<V>(n, [&](int64_t i, auto part) LW_LAMBDA { return exp(V::load(x + i, part) - max); });
    const V logTotal = log(V::set1(total));
    forEach<V>(0, n, [&](int64_t i, auto part) LW_LAMBDA { (V::load(x + i, part) - max - logTotal).store(y + i, part); });
  }
};

template <class V>
struct SoftmaxGrad {
  typedef typename V::E E;
  enum { kOperations = 4 };
  static LW_MEMBER void row(int64_t n, E* dx, const E* dy, const E* y) {
    const V total = V::set1(sumOf<V>(n, [&](int64_t i, auto part) LW_LAMBDA {
      return V::load(dy + i, part) * V::load(y + i, part);
    }));
    forEach<V>(0, n, [&](int64_t i, auto part) LW_LAMBDA {
      (V::load(y + i, part) * (V::load(dy + i, part) - total)).store(dx + i, part);
    });
  }
};

template <class V>
struct LogSoftmaxGrad {
  typedef typename V::E E;
  enum { kOperations = 14 };
  static LW_MEMBER void row(int64_t n, E* dx, const E* dy, const E* y) {
    const V total = V::set1(sumOf<V>(n, [&](int64_t i, auto part) LW_LAMBDA { return V::load(dy + i, part); }));
    forEach<V>(0, n, [&](int64_t i, auto part) LW_LAMBDA {
      fnma(exp(V::load(y + i, part)), total, V::load(dy + i, part)).store(dx + i, part);
    });
  }
};

template <class V, template <class> class R>
struct Rows {
  static void plan(const Command& c, Plan& plan) { planRows<V>(c.n[0], c.n[1], R<V>::kOperations, plan); }
  static void run(const Command& c, int64_t begin, int64_t end) {
    forRows<V>(c, begin, end, [&](int64_t n, int64_t i) LW_LAMBDA {
      R<V>::row(n, (typename V::E*)c.p[0] + i, (const typename V::E*)c.p[1] + i);
    });
  }
  static constexpr FinishFn finish = nullptr;
};

template <class V, template <class> class R>
struct GradRows : Rows<V, R> {
  static void run(const Command& c, int64_t begin, int64_t end) {
    forRows<V>(c, begin, end, [&](int64_t n, int64_t i) LW_LAMBDA {
      R<V>::row(n, (typename V::E*)c.p[0] + i, (const typename V::E*)c.p[1] + i, (const typename V::E*)c.p[2] + i);
    });
  }
};

}  // namespace softmaxes

namespace op {

template <class V> struct softmax : softmaxes::Softmax<V> {};
template <class V> struct logSoftmax : softmaxes::Rows<V, softmaxes::LogSoftmax> {};
template <class V> struct softmaxGrad : softmaxes::GradRows<V, softmaxes::SoftmaxGrad> {};
template <class V> struct logSoftmaxGrad : softmaxes::GradRows<V, softmaxes::LogSoftmaxGrad> {};

}  // namespace op
}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
