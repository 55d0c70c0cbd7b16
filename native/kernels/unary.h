// One number in, one number out; and the derivatives that are a map of two arrays.
#pragma once

#define LANEWISE_MAP "y:w:T:n x:i:T:n | n"
#define LANEWISE_GRAD "dx:w:T:n dy:i:T:n v:i:T:n | n"
#define LANEWISE_UNARY_OPS(OP) \
  OP(negate, LANEWISE_MAP) \
  OP(exp, LANEWISE_MAP) \
  OP(log, LANEWISE_MAP) \
  OP(sqrt, LANEWISE_MAP) \
  OP(square, LANEWISE_MAP) \
  OP(abs, LANEWISE_MAP) \
  OP(sigmoid, LANEWISE_MAP) \
  OP(tanh, LANEWISE_MAP) \
  OP(relu, LANEWISE_MAP) \
  OP(leakyRelu, LANEWISE_MAP " slope:d") \
  OP(clip, LANEWISE_MAP " lo:d hi:d") \
  OP(scale, LANEWISE_MAP " alpha:d beta:d") \
  OP(sigmoidGrad, LANEWISE_GRAD) \
  OP(tanhGrad, LANEWISE_GRAD) \
  OP(reluGrad, LANEWISE_GRAD) \
  OP(absGrad, LANEWISE_GRAD) \
  OP(sqrtGrad, LANEWISE_GRAD) \
  OP(leakyReluGrad, LANEWISE_GRAD " slope:d") \
  OP(clipGrad, LANEWISE_GRAD " lo:d hi:d")

#ifdef LANEWISE_KERNELS
#include "elements.h"

namespace lanewise {
namespace LANEWISE_ISA {

// Rough nanoseconds a number, for the plan: measured with AVX-512 on an Intel Xeon. Memory sets the pace of the
// cheap ones.
template <class V>
LW_INLINE double nanosecondsEach(double operations) {
  return (0.4 + 0.15 * operations) / (double)V::W;
}

// Whether a formula runs on several registers side by side (simd/many.h): it takes X, V or Many<V>, then.
template <class F>
constexpr bool kBeside = F::kOperations > 10;

// F is a function object made from the command: its parameters are rounded to the command's type there, once.
template <class V, template <class> class F>
struct Map {
  static void plan(const Command& c, Plan& plan) {
    planUnits(c.n[0], nanosecondsEach<V>(F<V>::kOperations), plan);
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    typedef typename V::E E;
    enum { kAhead = 512 };
    const F<V> f(c);
    E* y = (E*)c.p[0];
    const E* x = (const E*)c.p[1];
    const Reach reach = reachOf(c.n[0], y, x);
    const bool past = reach == Reach::past && isAligned<V>(y);
    const auto loop = [&](auto lines) LW_LAMBDA {
      forEach<V, kBeside<F<V>>>(begin * kBlock, lesser(end * kBlock, c.n[0]), [&](int64_t i, auto part) LW_LAMBDA {
        if (kAsksAhead && kBeside<F<V>>) {
          LW_UNROLL for (int64_t q = 0; q < kSideBySide * V::W; q += 64 / sizeof(E)) {
            __builtin_prefetch(x + i + kAhead + q);
            __builtin_prefetch(y + i + kAhead + q, 1);
          }
        }
        put(past, f(fetch<V>(lines, x + i, part)), y + i, part);
      });
    };
    if constexpr (kBeside<F<V>>) loop(Lines<false>());
    else byReach(reach, loop);
    endPast<V>(past);
  }
  static constexpr FinishFn finish = nullptr;
};

template <class V, template <class> class F>
struct GradMap : Map<V, F> {
  static void run(const Command& c, int64_t begin, int64_t end) {
    typedef typename V::E E;
    const F<V> f(c);
    E* dx = (E*)c.p[0];
    const E* dy = (const E*)c.p[1];
    const E* v = (const E*)c.p[2];
    const Reach reach = reachOf(c.n[0], dx, dy, v);
    const bool past = reach == Reach::past && isAligned<V>(dx);
    byReach(reach, [&](auto lines) LW_LAMBDA {
      forUnits<V>(c.n[0], begin, end, [&](int64_t i, auto part) LW_LAMBDA {
        put(past, f(fetch<V>(lines, dy + i, part), fetch<V>(lines, v + i, part)), dx + i, part);
      });
    });
    endPast<V>(past);
  }
};

namespace unary {

// A function object without parameters: what it costs, and its formula. The cost is an estimate in instructions, a division or root
// as 16: from it the plan knows whether threads pay, and Map whether the formula runs on Many (kBeside); derivatives run on V.
#define LW_FUNCTION(Name, operations, parameters, formula)        \
  template <class>                                                \
  struct Name {                                                   \
    enum { kOperations = operations };                            \
    explicit LW_MEMBER Name(const Command&) {}                    \
    template <class V>                                            \
    LW_MEMBER V operator() parameters const { return formula; }   \
  };

LW_FUNCTION(Negate, 1, (V x), negate(x))
LW_FUNCTION(Exp, 16, (V x), exp(x))
LW_FUNCTION(Log, 24, (V x), log(x))
LW_FUNCTION(Sqrt, 18, (V x), sqrt(x))
LW_FUNCTION(Square, 1, (V x), x * x)
LW_FUNCTION(Abs, 1, (V x), abs(x))
LW_FUNCTION(Sigmoid, 28, (V x), sigmoid(x))
LW_FUNCTION(Tanh, 28, (V x), tanh(x))
LW_FUNCTION(Relu, 2, (V x), zeroWhere(x <= V::zero(), x))  // NaN stays; -0 becomes 0

LW_FUNCTION(SigmoidGrad, 3, (V dy, V y), dy * (y * (V::set1(1) - y)))
LW_FUNCTION(TanhGrad, 3, (V dy, V y), dy * (V::set1(1) - y * y))
LW_FUNCTION(ReluGrad, 2, (V dy, V y), select(y > V::zero(), dy, V::zero()))
// A NaN gives NaN, not its sign: that differs between processors.
LW_FUNCTION(AbsGrad, 5, (V dy, V x), select(x == V::zero(), V::zero(), dy * select(isnan(x), x, copySign(V::set1(1), x))))
LW_FUNCTION(SqrtGrad, 18, (V dy, V y), V::set1((typename V::E)0.5) * dy / y)

// With parameters, which the constructor rounds.
template <class V>
struct LeakyRelu {
  enum { kOperations = 3 };
  V slope;
  explicit LW_MEMBER LeakyRelu(const Command& c) : slope(V::set1((typename V::E)c.d[0])) {}
  template <class X> LW_MEMBER X operator()(X x) const { return select(x < X::zero(), X(slope) * x, x); }
  LW_MEMBER V operator()(V dy, V x) const { return select(x > V::zero(), dy, slope * dy); }
};

template <class V>
struct Clip {
  enum { kOperations = 3 };
  V lo, hi;
  explicit LW_MEMBER Clip(const Command& c) : lo(V::set1((typename V::E)c.d[0])), hi(V::set1((typename V::E)c.d[1])) {}
  template <class X> LW_MEMBER X operator()(X x) const { return min(X(hi), max(X(lo), x)); }  // x is the second of each: NaN stays
  LW_MEMBER V operator()(V dy, V x) const { return select(and_(lo <= x, x <= hi), dy, V::zero()); }
};

template <class V>
struct Scale {
  enum { kOperations = 2 };
  V alpha, beta;
  explicit LW_MEMBER Scale(const Command& c) : alpha(V::set1((typename V::E)c.d[0])), beta(V::set1((typename V::E)c.d[1])) {}
  template <class X> LW_MEMBER X operator()(X x) const { return X(alpha) * x + X(beta); }
};

}  // namespace unary

namespace op {

template <class V> struct negate : Map<V, unary::Negate> {};
template <class V> struct exp : Map<V, unary::Exp> {};
template <class V> struct log : Map<V, unary::Log> {};
template <class V> struct sqrt : Map<V, unary::Sqrt> {};
template <class V> struct square : Map<V, unary::Square> {};
template <class V> struct abs : Map<V, unary::Abs> {};
template <class V> struct sigmoid : Map<V, unary::Sigmoid> {};
template <class V> struct tanh : Map<V, unary::Tanh> {};
template <class V> struct relu : Map<V, unary::Relu> {};
template <class V> struct leakyRelu : Map<V, unary::LeakyRelu> {};
template <class V> struct clip : Map<V, unary::Clip> {};
template <class V> struct scale : Map<V, unary::Scale> {};
template <class V> struct sigmoidGrad : GradMap<V, unary::SigmoidGrad> {};
template <class V> struct tanhGrad : GradMap<V, unary::TanhGrad> {};
template <class V> struct reluGrad : GradMap<V, unary::ReluGrad> {};
template <class V> struct absGrad : GradMap<V, unary::AbsGrad> {};
template <class V> struct sqrtGrad : GradMap<V, unary::SqrtGrad> {};
template <class V> struct leakyReluGrad : GradMap<V, unary::LeakyRelu> {};
template <class V> struct clipGrad : GradMap<V, unary::Clip> {};

}  // namespace op
}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
