// exp, log, tanh and sigmoid for F32 and F64: the same sequence of IEEE operations in every instruction set, no branch on
// a lane, no table, no libm. NaN propagates. Greatest error, in units of the result's last place (float32: all 2^32
// arguments; float64: 32 million random ones, and a search where tanh and sigmoid are worst):
//             exp    log    tanh   sigmoid
//   float32   0.93   0.90   2.50   2.49
//   float64   0.91   0.84   2.63   2.50
// Results of exp below the smallest normal number are flushed to 0, as are sigmoid's for x < -88.72 (-709.78).
// "Minimax" polynomials here were computed for this file by the Remez exchange; the others name their source.
#pragma once
#include "../cpu.h"
#include "many.h"

namespace lanewise {
namespace LANEWISE_ISA {

// c0 x^n + c1 x^(n-1) + … (highest power first), by Horner's rule in fused steps.
template <class V, class... C>
LW_INLINE V polynomial(V x, typename V::E highest, C... rest) {
  V y = V::set1(highest);
  ((y = fma(y, x, V::set1((typename V::E)rest))), ...);
  return y;
}

// What differs between the two types but for W.
template <class V> struct Real;

template <> struct Real<F32> {
  static constexpr float magic = 12582912.0f;                  // 1.5 * 2^23: x + magic has round(x) in its low bits
  static constexpr float log2e = 1.44269504088896341f;
  static constexpr float ln2High = 0.693145751953125f;         // 15 bits: n * ln2High is exact (Cody and Waite)
  static constexpr float ln2Low = 1.42860682030941723212e-6f;
  static constexpr float expMax = 88.72283172607421875f;       // the last x before exp(x) overflows
  static constexpr float expTop = 89;                          // exp of it and of more is infinity
  static constexpr float expMin = -87.33654022216796875f;      // the last x with exp(x) normal
  static constexpr float tanhMax = 20.0f;                      // from here on expm1(-x) rounds to -1
  static constexpr float tiny = 1.17549435082228750797e-38f;   // the smallest normal
  static constexpr float infinity = __builtin_inff(), nan = __builtin_nanf("");
  // (e^r - 1 - r) / r^2 for |r| <= ln(2)/2. Minimax of degree 4: e^r - 1 to 2^-26 of its size.
  template <class V>
  static LW_MEMBER V expTail(V r) {
    return polynomial(r, 0.00139464512089f, 0.0083665839407f, 0.0416662820101f, 0.166665429922f, 0.500000006194f);
  }
  // ln(1 + f) from f, which is 1 + f = m in [sqrt(1/2), sqrt(2)), and e * ln2Low. f - f^2/2 + f^3 q(f): the form of
  // Cephes' logf; q is minimax of degree 7, 2^-27.
  template <class V>
  static LW_MEMBER V logMantissa(V f, V low) {
    V q = polynomial(f, -0.0785980559157f, 0.128817519167f, -0.131287233797f, 0.141811738258f, -0.16624556086f,
                       0.200022872091f, -0.250008103414f, 0.333333167136f);
    V z = f * f;
    return f + fma(z, fma(q, f, V::set1(-0.5f)), low);
  }
};

template <> struct Real<F64> {
  static constexpr double magic = 6755399441055744.0;
  static constexpr double log2e = 1.44269504088896340736;
  static constexpr double ln2High = 6.93147180369123816490e-01;  // 32 bits (fdlibm)
  static constexpr double ln2Low = 1.90821492927058770002e-10;
  static constexpr double expMax = 709.782712893383973096;
  static constexpr double expTop = 710;
  static constexpr double expMin = -708.396418532264078749;
  static constexpr double tanhMax = 40.0;
  static constexpr double tiny = 2.22507385850720138309e-308;
  static constexpr double infinity = __builtin_inf(), nan = __builtin_nan("");
  // Minimax of degree 9: e^r - 1 to 2^-55.6 of its size.
  template <class V>
  static LW_MEMBER V expTail(V r) {
    return polynomial(r, 2.5114462301645383395e-8, 2.7626326845901294456e-7, 2.7557227985603532358e-6,
                      2.4801504445099468985e-5, 0.00019841269902998404002, 0.0013888888932379563726,
                      0.0083333333333146046758, 0.041666666666573622353, 0.16666666666666685982, 0.50000000000000055502);
  }
  // fdlibm's e_log.c: with s = f / (2 + f), ln(1 + f) = f - f^2/2 + s (f^2/2 + R(s^2)).
  template <class V>
  static LW_MEMBER V logMantissa(V f, V low) {
    V s = f / (f + V::set1(2.0)), z = s * s;
    V r = z * polynomial(z, 1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01,
                           2.222219843214978396e-01, 2.857142874366239149e-01, 3.999999999940941908e-01,
                           6.666666666666735130e-01);
    V half = V::set1(0.5) * f * f;
    return f - (half - fma(s, half + r, low));
  }
};

template <class V, int U> struct Real<Many<V, U>> : Real<V> {};

// x = n ln 2 + r, |r| <= ln(2)/2: t = n + magic. Returns r.
template <class V>
LW_INLINE V reduceExp(V x, V& t) {
  typedef Real<V> C;
  t = fma(x, V::set1(C::log2e), V::set1(C::magic));
  V n = t - V::set1(C::magic);
  return fnma(n, V::set1(C::ln2Low), fnma(n, V::set1(C::ln2High), x));
}

// exp of x from -kNear to 0, and of all whose exp is normal; of others nonsense, of a NaN too.
enum { kNear = 69 };
template <class V>
LW_INLINE V expNear(V x) {
  typedef Real<V> C;
  V t, r = reduceExp(x, t), one = V::set1(1);
  return addExponent(fma(fma(C::expTail(r), r, one), r, one), t);
}

// Results below the smallest normal number are flushed to 0; overflow gives infinity. Where no x is above expTop (UP_TO_TOP), some
// instruction sets have less to do.
template <class V, bool UP_TO_TOP = false>
LW_INLINE V expOf(V x) {
  typedef Real<V> C;
  if constexpr (V::kAnyExponent) {
    V t, one = V::set1(1);
    const V r = reduceExp(UP_TO_TOP ? x : min(V::set1(C::expTop), x), t);
    return scaleOrZero(x < V::set1(C::expMin), fma(fma(C::expTail(r), r, one), r, one), t - V::set1(C::magic));
  }
  V y = select(x <= V::set1(C::expMax), expNear(x), x * V::set1(C::infinity));  // also the way of a NaN
  return zeroWhere(x < V::set1(C::expMin), y);
}

// exp of x up to expTop or NaN, as softmax has it.
template <class V>
LW_INLINE V expUpToTop(V x) {
  return expOf<V, true>(x);
}

// ln 0 = -infinity, of less NaN; denormals are right.
template <class V>
LW_INLINE V logOf(V x) {
  typedef Real<V> C;
  if constexpr (V::kAnyExponent) {
    V m, e = split(x, m);
    return fma(e, V::set1(C::ln2High), C::logMantissa(m - V::set1(1), e * V::set1(C::ln2Low)));
  }
  const typename V::E shift = (typename V::E)((int64_t)1 << V::kMantissa);
  typename V::M small = x < V::set1(C::tiny);
  V m, e = split(select(small, x * V::set1(shift), x), m);
  e = e - select(small, V::set1((int)V::kMantissa), V::zero());
  V y = fma(e, V::set1(C::ln2High), C::logMantissa(m - V::set1(1), e * V::set1(C::ln2Low)));
  y = select(x < V::set1(C::infinity), y, x);  // infinity and NaN are their own logarithms
  V bad = select(x == V::zero(), V::set1(-C::infinity), V::set1(C::nan));
  return select(x <= V::zero(), bad, y);
}

// ln(1 + x) for x from 0 to 1, or NaN: as log does it, of 1 + x or, from sqrt(2) on, of its half, but 1 + x itself is never rounded.
template <class V>
LW_INLINE V logOnePlus(V x) {
  typedef Real<V> C;
  const V half = V::set1(0.5f), zero = V::zero();
  const typename V::M large = V::set1((typename V::E)0.41421356237309504880) <= x;
  const V f = select(large, fma(half, x, negate(half)), x);
  return C::logMantissa(f, select(large, V::set1(C::ln2Low), zero)) + select(large, V::set1(C::ln2High), zero);
}

// By u = e^(-2|x|) - 1, which does not cancel: tanh |x| = -u / (u + 2). x itself where x is tiny.
template <class V>
LW_INLINE V tanhOf(V x) {
  typedef Real<V> C;
  V a = abs(x), one = V::set1(1);
  V t, r = reduceExp(max(V::set1(-C::tanhMax), negate(a + a)), t);
  V power = addExponent(one, t);
  V u = fma(power, fma(C::expTail(r), r * r, r), power - one);
  return copySign(u / (u + V::set1(2)), x);
}

template <class V>
LW_INLINE V sigmoidOf(V x) {
  V one = V::set1(1);
  return one / (one + expOf(negate(x)));
}

// a / d for d from 1e-30 to 1e30: half the time of a division where that is slow. The reciprocal
// comes from an integer guess (5 % off) by one cubic and one quadratic Newton step, all in fused multiply-adds, so the bits are
// the same everywhere; it is within 8e-8 of its size, the quotient within 1.4e-7 of its. For float64 the division itself.
template <class V>
LW_INLINE V quotientByNewton(V a, V d) {
  const V one = V::set1(1);
  V y = subtractedFrom(0x7ef311c7, d), e = fnma(d, y, one);
  y = fma(y, fma(e, e, e), y);
  e = fnma(d, y, one);
  return a * fma(y, e, y);
}
LW_INLINE F32 quotient(F32 a, F32 d) { return quotientByNewton(a, d); }
LW_INLINE F64 quotient(F64 a, F64 d) { return a / d; }
template <int U> LW_INLINE Many<F32, U> quotient(Many<F32, U> a, Many<F32, U> d) { return quotientByNewton(a, d); }
template <int U> LW_INLINE Many<F64, U> quotient(Many<F64, U> a, Many<F64, U> d) { return a / d; }

// Zen 5 divides a whole register in 2.5 cycles, and does other things meanwhile.
#if defined(__AVX512F__)
LW_INLINE bool dividesSlowly() { return !isZen5; }
#else
LW_INLINE constexpr bool dividesSlowly() { return false; }
#endif

// Divides by the same number again and again, with the bits of a division: from the reciprocal, correctly rounded, a quotient within
// a unit of its last place, and from what that leaves over the right one (Markstein 1990). Where what is left over would be less than
// the smallest normal number, a division. With AVX2 a division is as fast (Zen 4; with AVX-512 softmax takes 0.92 of the time).
template <class V>
struct Divisor {
  typedef typename V::E E;
  static constexpr E kLeast = (E)(sizeof(E) == 4 ? 0x1p-100 : 0x1p-960);
  V d, reciprocal;
  explicit LW_MEMBER Divisor(V d) : Divisor(d, V::set1(1) / d) {}
  LW_MEMBER Divisor(V d, V reciprocal) : d(d), reciprocal(reciprocal) {}
  LW_MEMBER V under(V x) const { return !dividesSlowly() || any(x < V::set1(kLeast)) ? x / d : underAtLeast(x); }
  // The same for x of kLeast and more.
  LW_MEMBER V underAtLeast(V x) const {
    const V q = x * reciprocal;
    return fma(fnma(q, d, x), reciprocal, q);
  }
};

LW_INLINE F32 exp(F32 x) { return expOf(x); }
LW_INLINE F64 exp(F64 x) { return expOf(x); }
LW_INLINE F32 log(F32 x) { return logOf(x); }
LW_INLINE F64 log(F64 x) { return logOf(x); }
LW_INLINE F32 tanh(F32 x) { return tanhOf(x); }
LW_INLINE F64 tanh(F64 x) { return tanhOf(x); }
LW_INLINE F32 sigmoid(F32 x) { return sigmoidOf(x); }
LW_INLINE F64 sigmoid(F64 x) { return sigmoidOf(x); }
template <class V, int U> LW_INLINE Many<V, U> exp(Many<V, U> x) { return expOf(x); }
template <class V, int U> LW_INLINE Many<V, U> log(Many<V, U> x) { return logOf(x); }
template <class V, int U> LW_INLINE Many<V, U> tanh(Many<V, U> x) { return tanhOf(x); }
template <class V, int U> LW_INLINE Many<V, U> sigmoid(Many<V, U> x) { return sigmoidOf(x); }

}  // namespace LANEWISE_ISA
}  // namespace lanewise
