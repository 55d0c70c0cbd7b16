// Part of losses.h: what is computed element by element.
#pragma once
#include "folds.h"

namespace lanewise {
namespace LANEWISE_ISA {
namespace losses {

template <class E>
LW_INLINE E notANumber() { return (E)__builtin_nanf(""); }

// A probability is kept away from 0, whose logarithm is infinite, and from 1 where `upper` is below it. NaN stays.
template <class V>
struct Clipped {
  V lo = V::set1((typename V::E)1e-7), hi;
  explicit LW_MEMBER Clipped(double upper) : hi(V::set1((typename V::E)upper)) {}
  template <class X> LW_MEMBER X operator()(X p) const { return min(X(hi), max(X(lo), p)); }
  LW_MEMBER typename V::M inside(V p) const { return and_(lo <= p, p <= hi); }
};

// Whether a formula is so long that several registers are computed side by side. It takes X, V or Many<V>, then.
template <class F>
constexpr bool kLong = F::kOperations > 24;
// Roughly what it takes a register.
template <class F>
constexpr double kNanoseconds = (kLong<F> ? 0.15 : 0.3) * F::kOperations;

// y = kSign times the sum of f(p, t) / n: blocks' sums wait in scratch.
template <class V, template <class> class F>
struct MeanOfElements {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) {
    planUnits(c.n[0], (0.6 + kNanoseconds<F<V>>) / (double)V::W, plan);
    plan.scratch = (size_t)plan.units * sizeof(E);
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    const F<V> f(c);
    const E *p = (const E*)c.p[1], *t = (const E*)c.p[2];
    for (int64_t u = begin; u < end; ++u) {
      ((E*)c.scratch)[u] = foldBlock<V, SumFold<V>, kLong<F<V>>>(u * kBlock, lesser(c.n[0], (u + 1) * kBlock), [&](int64_t i, auto part) LW_LAMBDA {
        return f(load<V>(p + i, part), load<V>(t + i, part));
      });
    }
  }
  static void finish(const Command& c) {
    const int64_t n = c.n[0], blocks = ceilDivide(n, kBlock);
    const E* part = (const E*)c.scratch;
    double total = blocks > 0 ? part[0] : notANumber<E>();
    for (int64_t k = 1; k < blocks; ++k) total += part[k];
    *(E*)c.p[0] = F<V>::kSign * (E)total / (E)n;
  }
};

// dp = f(p, t), where f knows dy and the number of values in the mean
template <class V, template <class> class F>
struct GradOfElements {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) {
    planUnits(F<V>::count(c), (0.8 + kNanoseconds<F<V>>) / (double)V::W, plan);
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    const F<V> f(c, *(const E*)c.p[1]);
    E* dp = (E*)c.p[0];
    const E *p = (const E*)c.p[2], *t = (const E*)c.p[3];
    forEach<V, kLong<F<V>>>(begin * kBlock, lesser(F<V>::count(c), end * kBlock), [&](int64_t i, auto part) LW_LAMBDA {
      f(fetch<V>(kHalves, p + i, part), fetch<V>(kHalves, t + i, part)).store(dp + i, part);
    });
  }
  static constexpr FinishFn finish = nullptr;
};

template <class V>
struct SquaredError {
  enum { kOperations = 2, kSign = 1 };
  explicit LW_MEMBER SquaredError(const Command&) {}
  LW_MEMBER V operator()(V p, V t) const {
    const V d = p - t;
    return d * d;
  }
};

template <class V>
struct SquaredErrorGrad {
  typedef typename V::E E;
  enum { kOperations = 2 };
  V share;
  LW_MEMBER SquaredErrorGrad(const Command& c, E dy) : share(V::set1(2 * dy / (E)c.n[0])) {}
  static LW_MEMBER int64_t count(const Command& c) { return c.n[0]; }
  LW_MEMBER V operator()(V p, V t) const { return share * (p - t); }
};

template <class V>
struct BinaryCrossEntropy {
  enum { kOperations = 52, kSign = -1 };
  Clipped<V> clipped{1 - 1e-7};
  V one = V::set1(1);
  explicit LW_MEMBER BinaryCrossEntropy(const Command&) {}
  template <class X> LW_MEMBER X operator()(X p, X t) const {
    const X q = clipped(p), o = one;
    return t * log(q) + (o - t) * log(o - q);
  }
};

template <class V>
struct BinaryCrossEntropyGrad {
  typedef typename V::E E;
  enum { kOperations = 16 };
  Clipped<V> clipped{1 - 1e-7};
  V one = V::set1(1), share;
  LW_MEMBER BinaryCrossEntropyGrad(const Command& c, E dy) : share(V::set1(dy / (E)c.n[0])) {}
  static LW_MEMBER int64_t count(const Command& c) { return c.n[0]; }
  LW_MEMBER V operator()(V p, V t) const {
    return select(clipped.inside(p), share * (p - t) / (p * (one - p)), V::zero());
  }
};

template <class V>
struct BinaryCrossEntropyLogits {
  enum { kOperations = 56, kSign = 1 };
  explicit LW_MEMBER BinaryCrossEntropyLogits(const Command&) {}
  template <class X> LW_MEMBER X operator()(X x, X t) const {
    return max(X::zero(), x) - x * t + logOnePlus(exp(negate(abs(x))));  // 0 > x ? 0 : x, so NaN stays
  }
};

template <class V>
struct BinaryCrossEntropyLogitsGrad {
  typedef typename V::E E;
  enum { kOperations = 30 };
  V share;
  LW_MEMBER BinaryCrossEntropyLogitsGrad(const Command& c, E dy) : share(V::set1(dy / (E)c.n[0])) {}
  static LW_MEMBER int64_t count(const Command& c) { return c.n[0]; }
  template <class X> LW_MEMBER X operator()(X x, X t) const { return X(share) * (sigmoid(x) - t); }
};

// Here the mean is over the m rows. -dy t / (m p)
template <class V>
struct CrossEntropyDenseGrad {
  typedef typename V::E E;
  enum { kOperations = 14 };
  Clipped<V> clipped{1};
  V back, rows;
  LW_MEMBER CrossEntropyDenseGrad(const Command& c, E dy) : back(V::set1(-dy)), rows(V::set1((E)c.n[0])) {}
  static LW_MEMBER int64_t count(const Command& c) { return c.n[0] * c.n[1]; }
  LW_MEMBER V operator()(V p, V t) const { return select(clipped.inside(p), back * t / (rows * p), V::zero()); }
};

template <class V>
struct BinaryAccuracy {
  enum { kOperations = 4, kSign = 1 };
  V threshold;
  explicit LW_MEMBER BinaryAccuracy(const Command& c) : threshold(V::set1((typename V::E)c.d[0])) {}
  LW_MEMBER V operator()(V p, V t) const {
    const V one = V::set1(1), yes = select(t > V::set1((typename V::E)0.5), one, V::zero());
    return select(p > threshold, yes, one - yes);
  }
};

}  // namespace losses
}  // namespace LANEWISE_ISA
}  // namespace lanewise
