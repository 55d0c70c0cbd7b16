// AVX-512 (F, BW, DQ, VL): the vector types of docs/simd.md. One register holds 16 floats or 8 doubles.
#pragma once
// GCC 12 warns of variables that its own intrinsics leave undefined on purpose (bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#pragma GCC diagnostic pop
#include "common.h"

namespace lanewise {
namespace LANEWISE_ISA {

struct F32 {
  typedef float E;
  typedef int32_t I;       // integer of the same width
  typedef __mmask16 M;     // one bit a lane
  enum { W = 16, kLanes = 16, kMantissa = 23, kAnyExponent = 1 };
  __m512 v;
  static LW_MEMBER F32 zero() { return {_mm512_setzero_ps()}; }
  static LW_MEMBER F32 set1(float x) { return {_mm512_set1_ps(x)}; }
  static LW_MEMBER F32 load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static LW_MEMBER F32 load(const float* p, Whole) { return load(p); }
  static LW_MEMBER F32 loadHalves(const float* p) {
    return {_mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(p)), _mm256_loadu_ps(p + 8), 1)};
  }
  static LW_MEMBER M first(int64_t n) { return (M)((1u << n) - 1); }  // mask of the first n lanes, 0 <= n <= W
  static LW_MEMBER F32 load(const float* p, M m) { return {_mm512_maskz_loadu_ps(m, p)}; }  // other lanes are 0, never read
  // Each 16 bytes of the register: from p, from p + ld, …
  static LW_MEMBER F32 loadParts(const float* p, int64_t ld) {
    const __m256 low = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + ld), 1);
    const __m256 high = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p + 2 * ld)), _mm_loadu_ps(p + 3 * ld), 1);
    return {_mm512_castpd_ps(_mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_castps_pd(low)), _mm256_castps_pd(high), 1))};
  }
  // p[0] … p[T - 1] again and again, in groups of 2 or 4; what fills a group up may be anything.
  template <int T>
  static LW_MEMBER F32 repeat(const float* p) {
    if constexpr (T == 1) return set1(p[0]);
    else if constexpr (T == 2) return {_mm512_castpd_ps(_mm512_set1_pd(bothOf(p)))};
    else if constexpr (T == 3) return {_mm512_broadcast_f32x4(_mm512_castps512_ps128(load(p, first(3)).v))};
    else return {_mm512_broadcast_f32x4(_mm_loadu_ps(p))};
  }
  LW_MEMBER void store(float* p) const { _mm512_storeu_ps(p, v); }
  LW_MEMBER void store(float* p, Whole) const { store(p); }
  LW_MEMBER void stream(float* p, Whole) const { stream(p); }
  LW_MEMBER void stream(float* p, M m) const { store(p, m); }
  LW_MEMBER void stream(float* p) const { _mm512_stream_ps(p, v); }
  static LW_MEMBER void streamed() { _mm_sfence(); }
  LW_MEMBER void store(float* p, M m) const { _mm512_mask_storeu_ps(p, m, v); }
};
LW_INLINE F32 operator+(F32 a, F32 b) { return {_mm512_add_ps(a.v, b.v)}; }
LW_INLINE F32 operator-(F32 a, F32 b) { return {_mm512_sub_ps(a.v, b.v)}; }
LW_INLINE F32 operator*(F32 a, F32 b) { return {_mm512_mul_ps(a.v, b.v)}; }
LW_INLINE F32 operator/(F32 a, F32 b) { return {_mm512_div_ps(a.v, b.v)}; }
LW_INLINE F32 fma(F32 a, F32 b, F32 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }       // a*b + c, one rounding
LW_INLINE F32 fnma(F32 a, F32 b, F32 c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }     // c - a*b, one rounding
LW_INLINE F32 sqrt(F32 a) { return {_mm512_sqrt_ps(a.v)}; }
LW_INLINE F32 max(F32 a, F32 b) { return {_mm512_max_ps(a.v, b.v)}; }                     // a > b ? a : b (b where a NaN is involved)
LW_INLINE F32 min(F32 a, F32 b) { return {_mm512_min_ps(a.v, b.v)}; }                     // a < b ? a : b
LW_INLINE F32 abs(F32 a) { return {_mm512_abs_ps(a.v)}; }
LW_INLINE F32 negate(F32 a) { return {_mm512_xor_ps(a.v, _mm512_set1_ps(-0.0f))}; }
LW_INLINE F32 copySign(F32 a, F32 s) {  // the magnitude of a, the sign of s
  __m512 sign = _mm512_set1_ps(-0.0f);
  return {_mm512_or_ps(_mm512_andnot_ps(sign, a.v), _mm512_and_ps(sign, s.v))};
}
LW_INLINE F32::M operator<(F32 a, F32 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ); }
LW_INLINE F32::M operator<=(F32 a, F32 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ); }
LW_INLINE F32::M operator==(F32 a, F32 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ); }
LW_INLINE F32::M isnan(F32 a) { return _mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q); }
LW_INLINE F32::M and_(F32::M a, F32::M b) { return (F32::M)(a & b); }
LW_INLINE uint32_t bits(F32::M m) { return m; }
LW_INLINE bool any(F32::M m) { return m != 0; }
LW_INLINE F32 select(F32::M m, F32 yes, F32 no) { return {_mm512_mask_blend_ps(m, no.v, yes.v)}; }

// a * 2^n by integer addition, where t = n + 1.5 * 2^23 (for float64, 2^52), whose low bits are n. a and the result normal.
LW_INLINE F32 addExponent(F32 a, F32 t) {
  return {_mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a.v), _mm512_slli_epi32(_mm512_castps_si512(t.v), 23)))};
}
// x = m * 2^e with m from sqrt(1/2) up to sqrt(2): returns e. Any x: e is -infinity for 0 and infinity for infinity, m is NaN for what
// is negative, as 0 is not with the sign control 3.
const _MM_MANTISSA_SIGN_ENUM kNegativeIsNaN = (_MM_MANTISSA_SIGN_ENUM)3;
LW_INLINE F32 split(F32 x, F32& m) {
  const __m512 from1 = _mm512_getmant_ps(x.v, _MM_MANT_NORM_1_2, kNegativeIsNaN), e = _mm512_getexp_ps(x.v);
  const __mmask16 above = _mm512_cmp_ps_mask(from1, _mm512_set1_ps(0x1.6a09e6p0f), _CMP_GE_OQ);
  m.v = _mm512_mask_mul_ps(from1, above, from1, _mm512_set1_ps(0.5f));
  return {_mm512_mask_add_ps(e, above, e, _mm512_set1_ps(1))};
}
// a * 2^n for any n, or 0 where `zero`.
LW_INLINE F32 scaleOrZero(F32::M zero, F32 a, F32 n) { return {_mm512_maskz_scalef_ps((__mmask16)~zero, a.v, n.v)}; }
LW_INLINE float sum(F32 a) {  // lanes joined by halving: j + (j + 8), + 4, + 2, + 1
  __m256 q = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  __m128 h = _mm_add_ps(_mm256_castps256_ps128(q), _mm256_extractf128_ps(q, 1));
  h = _mm_add_ps(h, _mm_movehl_ps(h, h));
  return _mm_cvtss_f32(_mm_add_ss(h, _mm_shuffle_ps(h, h, 1)));
}
LW_INLINE float top(F32 a) {  // the same with max
  __m256 q = _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  __m128 h = _mm_max_ps(_mm256_castps256_ps128(q), _mm256_extractf128_ps(q, 1));
  h = _mm_max_ps(h, _mm_movehl_ps(h, h));
  return _mm_cvtss_f32(_mm_max_ss(h, _mm_shuffle_ps(h, h, 1)));
}

struct F64 {
  typedef double E;
  typedef int64_t I;
  typedef __mmask8 M;
  enum { W = 8, kLanes = 8, kMantissa = 52, kAnyExponent = 1 };
  __m512d v;
  static LW_MEMBER F64 zero() { return {_mm512_setzero_pd()}; }
  static LW_MEMBER F64 set1(double x) { return {_mm512_set1_pd(x)}; }
  static LW_MEMBER F64 load(const double* p) { return {_mm512_loadu_pd(p)}; }
  static LW_MEMBER F64 load(const double* p, Whole) { return load(p); }
  static LW_MEMBER F64 loadHalves(const double* p) {
    return {_mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_loadu_pd(p)), _mm256_loadu_pd(p + 4), 1)};
  }
  static LW_MEMBER M first(int64_t n) { return (M)((1u << n) - 1); }
  static LW_MEMBER F64 load(const double* p, M m) { return {_mm512_maskz_loadu_pd(m, p)}; }
  // Each 16 bytes of the register: from p, from p + ld, …
  static LW_MEMBER F64 loadParts(const double* p, int64_t ld) {
    const __m256d low = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(p)), _mm_loadu_pd(p + ld), 1);
    const __m256d high = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(p + 2 * ld)), _mm_loadu_pd(p + 3 * ld), 1);
    return {_mm512_insertf64x4(_mm512_castpd256_pd512(low), high, 1)};
  }
  // p[0] … p[T - 1] again and again, in groups of 2; what fills a group up may be anything.
  template <int T>
  static LW_MEMBER F64 repeat(const double* p) {
    if constexpr (T == 1) return set1(p[0]);
    else return {_mm512_broadcast_f64x2(_mm_loadu_pd(p))};
  }
  LW_MEMBER void store(double* p) const { _mm512_storeu_pd(p, v); }
  LW_MEMBER void store(double* p, Whole) const { store(p); }
  LW_MEMBER void stream(double* p, Whole) const { stream(p); }
  LW_MEMBER void stream(double* p, M m) const { store(p, m); }
  LW_MEMBER void stream(double* p) const { _mm512_stream_pd(p, v); }
  static LW_MEMBER void streamed() { _mm_sfence(); }
  LW_MEMBER void store(double* p, M m) const { _mm512_mask_storeu_pd(p, m, v); }
};
LW_INLINE F64 operator+(F64 a, F64 b) { return {_mm512_add_pd(a.v, b.v)}; }
LW_INLINE F64 operator-(F64 a, F64 b) { return {_mm512_sub_pd(a.v, b.v)}; }
LW_INLINE F64 operator*(F64 a, F64 b) { return {_mm512_mul_pd(a.v, b.v)}; }
LW_INLINE F64 operator/(F64 a, F64 b) { return {_mm512_div_pd(a.v, b.v)}; }
LW_INLINE F64 fma(F64 a, F64 b, F64 c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }
LW_INLINE F64 fnma(F64 a, F64 b, F64 c) { return {_mm512_fnmadd_pd(a.v, b.v, c.v)}; }
LW_INLINE F64 sqrt(F64 a) { return {_mm512_sqrt_pd(a.v)}; }
LW_INLINE F64 max(F64 a, F64 b) { return {_mm512_max_pd(a.v, b.v)}; }
LW_INLINE F64 min(F64 a, F64 b) { return {_mm512_min_pd(a.v, b.v)}; }
LW_INLINE F64 abs(F64 a) { return {_mm512_abs_pd(a.v)}; }
LW_INLINE F64 negate(F64 a) { return {_mm512_xor_pd(a.v, _mm512_set1_pd(-0.0))}; }
LW_INLINE F64 copySign(F64 a, F64 s) {  // the magnitude of a, the sign of s
  __m512d sign = _mm512_set1_pd(-0.0);
  return {_mm512_or_pd(_mm512_andnot_pd(sign, a.v), _mm512_and_pd(sign, s.v))};
}
LW_INLINE F64::M operator<(F64 a, F64 b) { return _mm512_cmp_pd_mask(a.v, b.v, _CMP_LT_OQ); }
LW_INLINE F64::M operator<=(F64 a, F64 b) { return _mm512_cmp_pd_mask(a.v, b.v, _CMP_LE_OQ); }
LW_INLINE F64::M operator==(F64 a, F64 b) { return _mm512_cmp_pd_mask(a.v, b.v, _CMP_EQ_OQ); }
LW_INLINE F64::M isnan(F64 a) { return _mm512_cmp_pd_mask(a.v, a.v, _CMP_UNORD_Q); }
LW_INLINE F64::M and_(F64::M a, F64::M b) { return (F64::M)(a & b); }
LW_INLINE uint32_t bits(F64::M m) { return m; }
LW_INLINE bool any(F64::M m) { return m != 0; }
LW_INLINE F64 select(F64::M m, F64 yes, F64 no) { return {_mm512_mask_blend_pd(m, no.v, yes.v)}; }
LW_INLINE F64 addExponent(F64 a, F64 t) {
  return {_mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(a.v), _mm512_slli_epi64(_mm512_castpd_si512(t.v), 52)))};
}
LW_INLINE F64 split(F64 x, F64& m) {
  const __m512d from1 = _mm512_getmant_pd(x.v, _MM_MANT_NORM_1_2, kNegativeIsNaN), e = _mm512_getexp_pd(x.v);
  const __mmask8 above = _mm512_cmp_pd_mask(from1, _mm512_set1_pd(0x1.6a09e667f3bcdp0), _CMP_GE_OQ);
  m.v = _mm512_mask_mul_pd(from1, above, from1, _mm512_set1_pd(0.5));
  return {_mm512_mask_add_pd(e, above, e, _mm512_set1_pd(1))};
}
// a * 2^n for any n, or 0 where `zero`.
LW_INLINE F64 scaleOrZero(F64::M zero, F64 a, F64 n) { return {_mm512_maskz_scalef_pd((__mmask8)~zero, a.v, n.v)}; }
LW_INLINE double sum(F64 a) {
  __m256d q = _mm256_add_pd(_mm512_castpd512_pd256(a.v), _mm512_extractf64x4_pd(a.v, 1));
  __m128d h = _mm_add_pd(_mm256_castpd256_pd128(q), _mm256_extractf128_pd(q, 1));
  return _mm_cvtsd_f64(_mm_add_sd(h, _mm_unpackhi_pd(h, h)));
}
LW_INLINE double top(F64 a) {
  __m256d q = _mm256_max_pd(_mm512_castpd512_pd256(a.v), _mm512_extractf64x4_pd(a.v, 1));
  __m128d h = _mm_max_pd(_mm256_castpd256_pd128(q), _mm256_extractf128_pd(q, 1));
  return _mm_cvtsd_f64(_mm_max_sd(h, _mm_unpackhi_pd(h, h)));
}

// The lower (upper) halves of a and b interleaved: a0 b0 a1 b1 …
LW_INLINE F32 zipLow(F32 a, F32 b) {
  return {_mm512_permutex2var_ps(a.v, _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), b.v)};
}
LW_INLINE F32 zipHigh(F32 a, F32 b) {
  return {_mm512_permutex2var_ps(a.v, _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), b.v)};
}
LW_INLINE F64 zipLow(F64 a, F64 b) { return {_mm512_permutex2var_pd(a.v, _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), b.v)}; }
LW_INLINE F64 zipHigh(F64 a, F64 b) { return {_mm512_permutex2var_pd(a.v, _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15), b.v)}; }
// The greater of two numbers without sign; a NaN wins.
LW_INLINE F32 maximumByBits(F32 a, F32 b) { return {_mm512_castsi512_ps(_mm512_max_epu32(_mm512_castps_si512(a.v), _mm512_castps_si512(b.v)))}; }
// Lane i is lane from[i] of a.
LW_INLINE F32 permute(F32 a, const int32_t from[16]) { return {_mm512_permutexvar_ps(_mm512_loadu_si512(from), a.v)}; }
// r[k], each 16 bytes: element k of that part of a twice, then of b twice (F64: of a, twice).
LW_INLINE void spread(F32 a, F32 b, F32 r[4]) {
  r[0].v = _mm512_shuffle_ps(a.v, b.v, 0x00);
  r[1].v = _mm512_shuffle_ps(a.v, b.v, 0x55);
  r[2].v = _mm512_shuffle_ps(a.v, b.v, 0xaa);
  r[3].v = _mm512_shuffle_ps(a.v, b.v, 0xff);
}
LW_INLINE void spread(F64 a, F64, F64 r[2]) {
  r[0].v = _mm512_unpacklo_pd(a.v, a.v);
  r[1].v = _mm512_unpackhi_pd(a.v, a.v);
}
// Columns of W rows, as many as 16 bytes hold. Quarters of rows meet in the loads: half of the shuffles are saved.
LW_INLINE void transposeColumns(const F32 x[4], F32 r[4]) {
  const __m512 a[4] = {x[0].v, x[1].v, x[2].v, x[3].v};
  const __m512d low01 = _mm512_castps_pd(_mm512_unpacklo_ps(a[0], a[1])), high01 = _mm512_castps_pd(_mm512_unpackhi_ps(a[0], a[1]));
  const __m512d low23 = _mm512_castps_pd(_mm512_unpacklo_ps(a[2], a[3])), high23 = _mm512_castps_pd(_mm512_unpackhi_ps(a[2], a[3]));
  r[0].v = _mm512_castpd_ps(_mm512_unpacklo_pd(low01, low23));
  r[1].v = _mm512_castpd_ps(_mm512_unpackhi_pd(low01, low23));
  r[2].v = _mm512_castpd_ps(_mm512_unpacklo_pd(high01, high23));
  r[3].v = _mm512_castpd_ps(_mm512_unpackhi_pd(high01, high23));
}
LW_INLINE void loadColumns(const float* x, int64_t ldx, F32 r[4]) {
  F32 a[4];
  LW_UNROLL for (int q = 0; q < 4; q++) a[q] = F32::loadParts(x + q * ldx, 4 * ldx);
  transposeColumns(a, r);
}
LW_INLINE void loadColumns(const double* x, int64_t ldx, F64 r[2]) {
  const F64 a = F64::loadParts(x, 2 * ldx), b = F64::loadParts(x + ldx, 2 * ldx);
  r[0].v = _mm512_unpacklo_pd(a.v, b.v);
  r[1].v = _mm512_unpackhi_pd(a.v, b.v);
}
// A transposed square (kernels/transpose.h).
// Each line is taken whole before the next ones: lines of rows that lie a multiple of 4 KB apart share the eight places of one set.
LW_INLINE void loadSquare(const float* x, int64_t ldx, F32 r[16]) {
  F32 a[16];
  LW_UNROLL for (int q = 0; q < 4; q++)
    LW_UNROLL for (int h = 0; h < 16; h += 4) a[h + q] = F32::loadParts(x + q * ldx + h, 4 * ldx);
  LW_UNROLL for (int h = 0; h < 16; h += 4) transposeColumns(a + h, r + h);
}
// The bits of a, as integers, taken from `bits`: a first guess at 1/a (math.h, quotient).
LW_INLINE F32 subtractedFrom(int32_t bits, F32 a) {
  return {_mm512_castsi512_ps(_mm512_sub_epi32(_mm512_set1_epi32(bits), _mm512_castps_si512(a.v)))};
}

LW_INLINE F32 zeroWhere(F32::M m, F32 x) { return select(m, F32::zero(), x); }
LW_INLINE F64 zeroWhere(F64::M m, F64 x) { return select(m, F64::zero(), x); }

// Where no bit of the exponent from 32 (F64: 64) on is set, which one instruction tells; a comparison needs |x| first.
LW_INLINE F32::M isTiny(F32 x) { return _mm512_testn_epi32_mask(_mm512_castps_si512(x.v), _mm512_set1_epi32(0x70000000)); }
LW_INLINE F64::M isTiny(F64 x) { return _mm512_testn_epi64_mask(_mm512_castpd_si512(x.v), _mm512_set1_epi64(0x7c00000000000000)); }

// Whole numbers of 64 bits, as many as F64 has lanes, of the compiler's own type: + ^ & | << >> as for one.
typedef uint64_t Words __attribute__((vector_size(64)));
LW_INLINE Words bitsOf(F64 x) { return (Words)x.v; }
LW_INLINE F64 numberOf(Words w) { return {(__m512d)w}; }
LW_INLINE Words productOfLow(Words a, uint32_t b) { return (Words)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(b)); }  // the low halves of a, times b

LW_DERIVED(F32)
LW_DERIVED(F64)

// Half a register, for the few columns of a product (kernels/gemm-tile.h) and nothing else.
struct F32Half {
  typedef float E;
  typedef __mmask8 M;
  enum { W = 8 };
  __m256 v;
  static LW_MEMBER F32Half zero() { return {_mm256_setzero_ps()}; }
  static LW_MEMBER F32Half set1(float x) { return {_mm256_set1_ps(x)}; }
  static LW_MEMBER M first(int64_t n) { return (M)((1u << n) - 1); }
  static LW_MEMBER F32Half load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static LW_MEMBER F32Half load(const float* p, M m) { return {_mm256_maskz_loadu_ps(m, p)}; }
  LW_MEMBER void store(float* p) const { _mm256_storeu_ps(p, v); }
  LW_MEMBER void store(float* p, M m) const { _mm256_mask_storeu_ps(p, m, v); }
};
struct F64Half {
  typedef double E;
  typedef __mmask8 M;
  enum { W = 4 };
  __m256d v;
  static LW_MEMBER F64Half zero() { return {_mm256_setzero_pd()}; }
  static LW_MEMBER F64Half set1(double x) { return {_mm256_set1_pd(x)}; }
  static LW_MEMBER M first(int64_t n) { return (M)((1u << n) - 1); }
  static LW_MEMBER F64Half load(const double* p) { return {_mm256_loadu_pd(p)}; }
  static LW_MEMBER F64Half load(const double* p, M m) { return {_mm256_maskz_loadu_pd(m, p)}; }
  LW_MEMBER void store(double* p) const { _mm256_storeu_pd(p, v); }
  LW_MEMBER void store(double* p, M m) const { _mm256_mask_storeu_pd(p, m, v); }
};
LW_INLINE F32Half fma(F32Half a, F32Half b, F32Half c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
LW_INLINE F64Half fma(F64Half a, F64Half b, F64Half c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
template <> struct NarrowOf<F32> { typedef F32Half Type; };
template <> struct NarrowOf<F64> { typedef F64Half Type; };

}  // namespace LANEWISE_ISA
}  // namespace lanewise
