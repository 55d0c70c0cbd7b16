// Optimizers: one pass over flat buffers. The scalars are prepared in float64 and rounded once.
#pragma once

#define LANEWISE_OPTIMIZERS_OPS(OP) \
  OP(sgd, "w:u:T:n g:r:T:n lr:r:d:1 | n decay:d") \
  OP(momentum, "w:u:T:n g:r:T:n v:u:T:n lr:r:d:1 | n nesterov<2 mu:d decay:d") \
  OP(rmsprop, "w:u:T:n g:r:T:n v:u:T:n lr:r:d:1 | n rho:d eps:d decay:d") \
  OP(adam, "w:u:T:n g:r:T:n m:u:T:n v:u:T:n lr:r:d:1 t:r:i:1 | n beta1:d beta2:d eps:d decay:d")

#ifdef LANEWISE_KERNELS
#include "elements.h"

namespace lanewise {
namespace LANEWISE_ISA {

// base^t, by multiplying only, so that it is the same everywhere. t counts steps: where it is not positive it has run over, and base^t is long 0.
LW_INLINE double powi(double base, int32_t t) {
  if (t <= 0) return 0;
  double result = 1;
  for (uint32_t left = (uint32_t)t; left; left >>= 1) {
    if (left & 1) result = result * base;
    base = base * base;
  }
  return result;
}

// A moving average of gradients that have stopped decays into denormal numbers, where some processors take a hundred times as
// long; and other processors would not, so no mode of the processor is used but a comparison. A NaN stays.
template <class X>
LW_INLINE X flush(X x) {
  return zeroWhere(isTiny(x), x);
}
// Of an average of squares what is beyond `least` is kept, which is all of it where it is some 2^25 times as large: two instructions that no
// pipe needs which multiplies (a comparison does, on Zen 4). Its root, from before that, is never 0, and counts as mostRoot at most.
template <class E> struct Squares;
template <> struct Squares<float> {
  static constexpr float least = 1e-36f, mostRoot = 1e30f;
};
template <> struct Squares<double> {
  static constexpr double least = 1e-300, mostRoot = 1e300;
};

// Elements of a unit: a line or two, so that a thread's share of the parameters is exactly the share of the gradient that it computed (16
// rows of weights are whole lines).
enum { kPart = 16 };
template <class E>
LW_INLINE void planParts(int64_t n, double nanosecondsEach, Plan& plan) {
  planUnits(n, nanosecondsEach, plan, kPart);
  plan.unitBytes = kPart * (int64_t)sizeof(E);
  plan.elementwise = true;
}

// What all optimizers have in common: the rate, and weight decay before anything else, w -= (lr * decay) * w.
template <class V>
struct Rate {
  typedef typename V::E E;
  double lr;
  bool decays;
  V rate, decay;
  LW_MEMBER Rate(const Command& c, int lrOperand, double decay)
      : lr(*(const double*)c.p[lrOperand]), decays((E)(lr * decay) != 0), rate(V::set1((E)lr)), decay(V::set1((E)(lr * decay))) {}
  template <class X> LW_MEMBER X decayed(X w) const { return decays ? fnma(X(decay), w, w) : w; }
};

// The kernels stand outside of namespace op, where sqrt and abs are commands.
template <class V>
struct Sgd {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) { planParts<E>(c.n[0], 0.1, plan); }
  static void run(const Command& c, int64_t begin, int64_t end) {
    E* w = (E*)c.p[0];
    const E* g = (const E*)c.p[1];
    const Rate<V> r(c, 2, c.d[0]);
    forUnits<V, kPart>(c.n[0], begin, end, [&](int64_t i, auto part) LW_LAMBDA {
      fnma(r.rate, fetch<V>(kHalves, g + i, part), r.decayed(fetch<V>(kHalves, w + i, part))).store(w + i, part);
    });
  }
  static constexpr FinishFn finish = nullptr;
};

// v = mu * v - lr * g (the product rounded, then one fma). Plain: w += v. Nesterov: w += mu * v - lr * g.
template <class V>
struct Momentum {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) { planParts<E>(c.n[0], 0.15, plan); }
  static void run(const Command& c, int64_t begin, int64_t end) {
    E *w = (E*)c.p[0], *v = (E*)c.p[2];
    const E* g = (const E*)c.p[1];
    const Rate<V> r(c, 3, c.d[1]);
    const V mu = V::set1((E)c.d[0]);
    const bool nesterov = c.n[1] != 0;
    forUnits<V, kPart>(c.n[0], begin, end, [&](int64_t i, auto part) LW_LAMBDA {
      const V back = negate(r.rate * flush(V::load(g + i, part)));
      const V velocity = flush(fma(mu, V::load(v + i, part), back));
      velocity.store(v + i, part);
      const V next = r.decayed(V::load(w + i, part)) + (nesterov ? fma(mu, velocity, back) : velocity);
      next.store(w + i, part);
    });
  }
  static constexpr FinishFn finish = nullptr;
};

// Where nothing is to be kept of an average (a share of 1), a - 1 (a - x) would be 0 wherever x is small against a: a counts as 0 then.
template <class V>
LW_INLINE void forgetAll(const Command& c, typename V::E* average, double kept, int64_t begin, int64_t end) {
  typedef typename V::E E;
  if ((E)(1 - kept) == 1) forUnits<V, kPart>(c.n[0], begin, end, [&](int64_t i, auto part) LW_LAMBDA { V::zero().store(average + i, part); });
}

// The root is kept at or below mostRoot, where quotient() is good; only an infinite v is beyond it.
// v += (1 - rho) * (g^2 - v), as v - (1 - rho) * (v - g^2) in two fused steps.
template <class V>
struct RmsProp {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) { planParts<E>(c.n[0], 0.6, plan); }
  static void run(const Command& c, int64_t begin, int64_t end) {
    E *w = (E*)c.p[0], *v = (E*)c.p[2];
    const E* g = (const E*)c.p[1];
    const Rate<V> r(c, 3, c.d[2]);
    forgetAll<V>(c, v, c.d[0], begin, end);
    const V share = V::set1((E)(1 - c.d[0])), eps = V::set1((E)c.d[1]), least = V::set1(Squares<E>::least), limit = V::set1(Squares<E>::mostRoot);
    // Returns the root.
    const auto average = [&](int64_t i, auto part) LW_LAMBDA {
      const auto gi = load<V>(g + i, part), vi = load<V>(v + i, part), next = max(decltype(gi)(least), fnma(share, fnma(gi, gi, vi), vi));
      (next - least).store(v + i, part);
      return sqrt(next + eps);
    };
    const auto step = [&](int64_t i, auto part, auto root) LW_LAMBDA {
      (r.decayed(load<V>(w + i, part)) - quotient(r.rate * load<V>(g + i, part), min(limit, root))).store(w + i, part);
    };
    forEachInTurn<V>(begin * kPart, lesser(c.n[0], end * kPart), average, step);
  }
  static constexpr FinishFn finish = nullptr;
};

// m += (1 - b1)(g - m) and v += (1 - b2)(g^2 - v), the second as in rmsprop; w -= a * m / (sqrt(v) + eps),
// a = lr * sqrt(1 - b2^t) / (1 - b1^t).
template <class V>
struct Adam {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) { planParts<E>(c.n[0], sizeof(E) == 4 ? 0.5 : 1.5, plan); }
  static void run(const Command& c, int64_t begin, int64_t end) {
    E *w = (E*)c.p[0], *m = (E*)c.p[2], *v = (E*)c.p[3];
    const E* g = (const E*)c.p[1];
    const Rate<V> r(c, 4, c.d[3]);
    const int32_t t = *(const int32_t*)c.p[5];
    forgetAll<V>(c, m, c.d[0], begin, end);
    forgetAll<V>(c, v, c.d[1], begin, end);
    const double corrected = r.lr * __builtin_sqrt(1 - powi(c.d[1], t)) / (1 - powi(c.d[0], t));
    const V a = V::set1((E)corrected), share1 = V::set1((E)(1 - c.d[0])), share2 = V::set1((E)(1 - c.d[1])), eps = V::set1((E)c.d[2]);
    const V least = V::set1(Squares<E>::least), limit = V::set1(Squares<E>::mostRoot);
    // Returns the root of the new v.
    const auto average = [&](int64_t i, auto part) LW_LAMBDA {
      const auto gi = load<V>(g + i, part), mi = load<V>(m + i, part), vi = load<V>(v + i, part);
      flush(fma(share1, gi - mi, mi)).store(m + i, part);
      const auto next = max(decltype(gi)(least), fnma(share2, fnma(gi, gi, vi), vi));
      (next - least).store(v + i, part);
      return sqrt(next);
    };
    const auto step = [&](int64_t i, auto part, auto root) LW_LAMBDA {
      const auto next = r.decayed(load<V>(w + i, part)) - quotient(a * load<V>(m + i, part), min(limit, root) + eps);
      next.store(w + i, part);
    };
    forEachInTurn<V>(begin * kPart, lesser(c.n[0], end * kPart), average, step);
  }
  static constexpr FinishFn finish = nullptr;
};

namespace op {

template <class V> struct sgd : Sgd<V> {};
template <class V> struct momentum : Momentum<V> {};
template <class V> struct rmsprop : RmsProp<V> {};
template <class V> struct adam : Adam<V> {};

}  // namespace op
}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
