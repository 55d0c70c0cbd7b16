// U registers as if they were one, each operation done to all of them before the next. A long formula on one register is a
// chain in which each step waits for the last, and the processor's window holds few such chains at a time: side by side,
// the chains fill each other's waiting. The operations on a lane are the same, so the bits are too.
//
//   forEach<V>(begin, end, [&](int64_t i, auto part) LW_LAMBDA { exp(load<V>(x + i, part)).store(y + i, part); })
//
// runs on Many where `part` is a Side, and on V in what is left. Names: docs/simd.md.
#pragma once

namespace lanewise {
namespace LANEWISE_ISA {

// On Zen 3 (a window of 256 steps) Adam took 0.97 ns a number alone, 0.77 with two side by side, 0.65 with four. With AVX-512 on
// Zen 4 four take 0.6 of the time of one for sigmoid and tanh, 0.8 to 0.9 for exp, log, sqrt and Adam. Not measured on ARM.
#if defined(__AVX2__) || defined(__aarch64__)
enum { kSideBySide = 4 };
#else
enum { kSideBySide = 1 };
#endif

// Whether there is permute(V, …). For float64 the code that uses it would be as large again; on NEON nothing was measured.
template <class V>
static constexpr bool kPermutes =
#if defined(__AVX2__)
    sizeof(typename V::E) == 4;
#else
    false;
#endif

// Where |x| < 2^-95 (float64: 2^-959).
template <class V>
LW_INLINE typename V::M isTiny(V x) {
  return abs(x) < V::set1((typename V::E)(sizeof(typename V::E) == 4 ? 0x1p-95 : 0x1p-959));
}

// The part of an element loop that is kSideBySide whole registers.
struct Side {};

template <class V, int U = kSideBySide>
struct Many {
  typedef typename V::E E;
  struct M { typename V::M m[U]; };
  enum { W = V::W * U, kMantissa = V::kMantissa, kAnyExponent = V::kAnyExponent };
  V v[U];
  Many() = default;
  LW_MEMBER Many(V x) { LW_UNROLL for (int u = 0; u < U; u++) v[u] = x; }
  static LW_MEMBER Many zero() { return V::zero(); }
  static LW_MEMBER Many set1(E x) { return V::set1(x); }
  static LW_MEMBER Many load(const E* p, Side) {
    Many r;
    LW_UNROLL for (int u = 0; u < U; u++) r.v[u] = V::load(p + u * V::W);
    return r;
  }
  LW_MEMBER void stream(E* p, Side) const { LW_UNROLL for (int u = 0; u < U; u++) v[u].stream(p + u * V::W); }
  LW_MEMBER void store(E* p, Side) const { LW_UNROLL for (int u = 0; u < U; u++) v[u].store(p + u * V::W); }

// Friends, so that a V converts where a Many is wanted.
#define LW_EACH(Type, name, parameters, field, value)                                          \
  friend LW_MEMBER Type name parameters {                                                      \
    Type r;                                                                                    \
    LW_UNROLL for (int u = 0; u < U; u++) r.field[u] = value;                                  \
    return r;                                                                                  \
  }
#define LW_ONE(name) LW_EACH(Many, name, (Many a), v, name(a.v[u]))
#define LW_TWO(name) LW_EACH(Many, name, (Many a, Many b), v, name(a.v[u], b.v[u]))
#define LW_THREE(name) LW_EACH(Many, name, (Many a, Many b, Many c), v, name(a.v[u], b.v[u], c.v[u]))
#define LW_COMPARE(op) LW_EACH(M, operator op, (Many a, Many b), m, a.v[u] op b.v[u])
#define LW_OPERATOR(op) LW_EACH(Many, operator op, (Many a, Many b), v, a.v[u] op b.v[u])
  LW_OPERATOR(+) LW_OPERATOR(-) LW_OPERATOR(*) LW_OPERATOR(/)
  LW_COMPARE(<) LW_COMPARE(<=) LW_COMPARE(==) LW_COMPARE(>) LW_COMPARE(>=)
  LW_THREE(fma) LW_THREE(fnma)
  LW_ONE(sqrt) LW_ONE(abs) LW_ONE(negate)
  LW_TWO(max) LW_TWO(min) LW_TWO(maximum) LW_TWO(copySign) LW_TWO(addExponent)
  LW_EACH(M, isTiny, (Many a), m, isTiny(a.v[u]))
  LW_EACH(Many, select, (M k, Many a, Many b), v, select(k.m[u], a.v[u], b.v[u]))
  LW_EACH(Many, zeroWhere, (M k, Many a), v, zeroWhere(k.m[u], a.v[u]))
  LW_EACH(Many, scaleOrZero, (M k, Many a, Many b), v, scaleOrZero(k.m[u], a.v[u], b.v[u]))
  LW_EACH(Many, split, (Many a, Many& b), v, split(a.v[u], b.v[u]))
  LW_EACH(Many, subtractedFrom, (int32_t bits, Many a), v, subtractedFrom(bits, a.v[u]))
#undef LW_EACH
#undef LW_ONE
#undef LW_TWO
#undef LW_THREE
#undef LW_COMPARE
#undef LW_OPERATOR
};

// A V, or a Many of them, as `part` says.
template <class V> LW_INLINE V load(const typename V::E* p, Whole) { return V::load(p); }
template <class V> LW_INLINE V load(const typename V::E* p, typename V::M part) { return V::load(p, part); }
template <class V> LW_INLINE Many<V> load(const typename V::E* p, Side part) { return Many<V>::load(p, part); }

}  // namespace LANEWISE_ISA
}  // namespace lanewise
