// No vectors: the types of docs/simd.md with one element a "register", for any machine. Built without flags, so on
// x86 there is no FMA instruction and a fused multiply-add is made from double arithmetic (slow, but correctly rounded).
#pragma once
#include "common.h"

namespace lanewise {
namespace LANEWISE_ISA {

LW_INLINE uint32_t bitsOf(float x) { uint32_t b; __builtin_memcpy(&b, &x, 4); return b; }
LW_INLINE uint64_t bitsOf(double x) { uint64_t b; __builtin_memcpy(&b, &x, 8); return b; }
LW_INLINE float ofBits(uint32_t b) { float x; __builtin_memcpy(&x, &b, 4); return x; }
LW_INLINE double ofBits(uint64_t b) { double x; __builtin_memcpy(&x, &b, 8); return x; }

// The product of two floats is exact in double, and its sum with c is off by less than half a unit. Rounding that to float
// again is right unless it stands exactly halfway between two floats (its lower 29 bits say so), or the result is below
// the normal floats. Then the sum is first rounded to odd (of the two doubles around the exact sum, the one whose last bit is 1),
// after which any second rounding is right: Boldo and Melquiond, "Emulation of FMA and correctly rounded sums". The branch is
// rarely taken; without it this costs four times as much.
LW_INLINE float fusedMultiplyAdd(float a, float b, float c) {
#ifdef __FP_FAST_FMAF
  return __builtin_fmaf(a, b, c);
#else
  double p = (double)a * (double)b, q = (double)c;
  double s = p + q;
  uint64_t u = bitsOf(s);
  if (__builtin_expect((u & 0x1fffffff) == 0x10000000 || __builtin_fabs(s) < 0x1p-126, 0)) {
    double t = s - p;                                             // TwoSum: e is the exact error of s, which is finite here
    double e = (p - (s - t)) + (q - t);
    if (e != 0 && !(u & 1)) s = ofBits((e > 0) == (s > 0) ? u + 1 : u - 1);
  }
  return (float)s;
#endif
}
LW_INLINE double fusedMultiplyAdd(double a, double b, double c) { return __builtin_fma(a, b, c); }  // libm's, correctly rounded

struct F32 {
  typedef float E;
  typedef int32_t I;
  typedef bool M;
  enum { W = 1, kLanes = 16, kMantissa = 23, kAnyExponent = 0 };
  float v;
  static LW_MEMBER F32 zero() { return {0.0f}; }
  static LW_MEMBER F32 set1(float x) { return {x}; }
  static LW_MEMBER M first(int64_t n) { return n > 0; }
  static LW_MEMBER F32 load(const float* p) { return {*p}; }
  static LW_MEMBER F32 load(const float* p, Whole) { return {*p}; }
  static LW_MEMBER F32 load(const float* p, M m) { return {m ? *p : 0.0f}; }
  LW_MEMBER void store(float* p) const { *p = v; }
  LW_MEMBER void store(float* p, Whole) const { *p = v; }
  LW_MEMBER void store(float* p, M m) const { if (m) *p = v; }
};

struct F64 {
  typedef double E;
  typedef int64_t I;
  typedef bool M;
  enum { W = 1, kLanes = 8, kMantissa = 52, kAnyExponent = 0 };
  double v;
  static LW_MEMBER F64 zero() { return {0.0}; }
  static LW_MEMBER F64 set1(double x) { return {x}; }
  static LW_MEMBER M first(int64_t n) { return n > 0; }
  static LW_MEMBER F64 load(const double* p) { return {*p}; }
  static LW_MEMBER F64 load(const double* p, Whole) { return {*p}; }
  static LW_MEMBER F64 load(const double* p, M m) { return {m ? *p : 0.0}; }
  LW_MEMBER void store(double* p) const { *p = v; }
  LW_MEMBER void store(double* p, Whole) const { *p = v; }
  LW_MEMBER void store(double* p, M m) const { if (m) *p = v; }
};

// Both types are alike here but for their constants.
#define LW_SCALAR(V, U, SIGN)                                                                               \
  LW_INLINE V operator+(V a, V b) { return {a.v + b.v}; }                                                   \
  LW_INLINE V operator-(V a, V b) { return {a.v - b.v}; }                                                   \
  LW_INLINE V operator*(V a, V b) { return {a.v * b.v}; }                                                   \
  LW_INLINE V operator/(V a, V b) { return {a.v / b.v}; }                                                   \
  LW_INLINE V fma(V a, V b, V c) { return {fusedMultiplyAdd(a.v, b.v, c.v)}; }                              \
  LW_INLINE V fnma(V a, V b, V c) { return {fusedMultiplyAdd(-a.v, b.v, c.v)}; }                            \
  LW_INLINE V max(V a, V b) { return {a.v > b.v ? a.v : b.v}; }                                             \
  LW_INLINE V min(V a, V b) { return {a.v < b.v ? a.v : b.v}; }                                             \
  LW_INLINE V abs(V a) { return {ofBits((U)(bitsOf(a.v) & ~SIGN))}; }                                       \
  LW_INLINE V negate(V a) { return {ofBits((U)(bitsOf(a.v) ^ SIGN))}; }                                     \
  LW_INLINE V copySign(V a, V s) { return {ofBits((U)((bitsOf(a.v) & ~SIGN) | (bitsOf(s.v) & SIGN)))}; }    \
  LW_INLINE V::M operator<(V a, V b) { return a.v < b.v; }                                                  \
  LW_INLINE V::M operator<=(V a, V b) { return a.v <= b.v; }                                                \
  LW_INLINE V::M operator==(V a, V b) { return a.v == b.v; }                                                \
  LW_INLINE V::M isnan(V a) { return a.v != a.v; }                                                          \
  LW_INLINE V select(V::M m, V yes, V no) { return m ? yes : no; }                                          \
  LW_INLINE V addExponent(V a, V t) { return {ofBits((U)(bitsOf(a.v) + (bitsOf(t.v) << V::kMantissa)))}; }  \
  LW_INLINE V::E sum(V a) { return a.v; }                                                                   \
  LW_INLINE V::E top(V a) { return a.v; }

LW_SCALAR(F32, uint32_t, 0x80000000u)
LW_SCALAR(F64, uint64_t, 0x8000000000000000u)
#undef LW_SCALAR

LW_INLINE F32 sqrt(F32 a) { return {__builtin_sqrtf(a.v)}; }
LW_INLINE F64 sqrt(F64 a) { return {__builtin_sqrt(a.v)}; }
LW_INLINE F32 split(F32 x, F32& m) {
  uint32_t t = bitsOf(x.v) + (0x3f800000u - 0x3f3504f3u);
  m.v = ofBits((t & 0x007fffffu) + 0x3f3504f3u);  // sqrt(1/2)
  return {ofBits((t >> 23) | 0x4b000000u) - (8388608.0f + 127.0f)};
}
LW_INLINE F64 split(F64 x, F64& m) {
  uint64_t t = bitsOf(x.v) + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu);
  m.v = ofBits((uint64_t)((t & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu));
  return {ofBits((uint64_t)((t >> 52) | 0x4330000000000000u)) - (4503599627370496.0 + 1023.0)};
}
LW_INLINE bool and_(bool a, bool b) { return a & b; }
LW_INLINE uint32_t bits(bool m) { return m; }
LW_INLINE bool any(bool m) { return m; }

LW_INLINE F32 zipLow(F32 a, F32) { return a; }
LW_INLINE F32 zipHigh(F32, F32 b) { return b; }
LW_INLINE F64 zipLow(F64 a, F64) { return a; }
LW_INLINE F64 zipHigh(F64, F64 b) { return b; }
// The bits of a, as integers, taken from `bits`: a first guess at 1/a (math.h, quotient).
LW_INLINE F32 subtractedFrom(int32_t bits, F32 a) { return {ofBits((uint32_t)bits - bitsOf(a.v))}; }

LW_INLINE F32 zeroWhere(F32::M m, F32 x) { return select(m, F32::zero(), x); }
LW_INLINE F64 zeroWhere(F64::M m, F64 x) { return select(m, F64::zero(), x); }

typedef uint64_t Words;
LW_INLINE Words bitsOf(F64 x) { return bitsOf(x.v); }
LW_INLINE F64 numberOf(Words w) { return {ofBits(w)}; }
LW_INLINE Words productOfLow(Words a, uint32_t b) { return (Words)(uint32_t)a * b; }

LW_DERIVED(F32)
LW_DERIVED(F64)

}  // namespace LANEWISE_ISA
}  // namespace lanewise
