// AVX2 + FMA: the vector types of docs/simd.md. One register holds 8 floats or 4 doubles.
#pragma once
#include <immintrin.h>
#include "common.h"

namespace lanewise {
namespace LANEWISE_ISA {

struct F32 {
  typedef float E;
  typedef int32_t I;
  struct M { __m256 m; };  // a lane is all ones or all zeros
  enum { W = 8, kLanes = 16, kMantissa = 23, kAnyExponent = 0 };
  __m256 v;
  static LW_MEMBER F32 zero() { return {_mm256_setzero_ps()}; }
  static LW_MEMBER F32 set1(float x) { return {_mm256_set1_ps(x)}; }
  static LW_MEMBER M first(int64_t n) {
    return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)))};
  }
  static LW_MEMBER F32 load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static LW_MEMBER F32 load(const float* p, Whole) { return load(p); }
  static LW_MEMBER F32 load(const float* p, M m) { return {_mm256_maskload_ps(p, _mm256_castps_si256(m.m))}; }
  // Each 16 bytes of the register: from p, from p + ld, …
  static LW_MEMBER F32 loadParts(const float* p, int64_t ld) {
    return {_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + ld), 1)};
  }
  // p[0] … p[T - 1] again and again, in groups of 2; what fills a group up may be anything.
  template <int T>
  static LW_MEMBER F32 repeat(const float* p) {
    return T == 1 ? set1(p[0]) : F32{_mm256_castpd_ps(_mm256_set1_pd(bothOf(p)))};
  }
  LW_MEMBER void store(float* p) const { _mm256_storeu_ps(p, v); }
  LW_MEMBER void store(float* p, Whole) const { store(p); }
  LW_MEMBER void stream(float* p) const { _mm256_stream_ps(p, v); }
  static LW_MEMBER void streamed() { _mm_sfence(); }
  // Masks of stores are first(n). Piece by piece: a masked store takes some processors (Zen) as long as ten others.
  LW_MEMBER void store(float* p, M m) const {
    const int n = __builtin_popcount((unsigned)_mm256_movemask_ps(m.m));
    if (n & 8) return _mm256_storeu_ps(p, v);
    __m128 h = _mm256_castps256_ps128(v);
    if (n & 4) {
      _mm_storeu_ps(p, h);
      h = _mm256_extractf128_ps(v, 1);
      p += 4;
    }
    if (n & 2) {
      _mm_storel_pi((__m64*)p, h);
      h = _mm_movehl_ps(h, h);
      p += 2;
    }
    if (n & 1) _mm_store_ss(p, h);
  }
};
LW_INLINE F32 operator+(F32 a, F32 b) { return {_mm256_add_ps(a.v, b.v)}; }
LW_INLINE F32 operator-(F32 a, F32 b) { return {_mm256_sub_ps(a.v, b.v)}; }
LW_INLINE F32 operator*(F32 a, F32 b) { return {_mm256_mul_ps(a.v, b.v)}; }
LW_INLINE F32 operator/(F32 a, F32 b) { return {_mm256_div_ps(a.v, b.v)}; }
LW_INLINE F32 fma(F32 a, F32 b, F32 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
LW_INLINE F32 fnma(F32 a, F32 b, F32 c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
LW_INLINE F32 sqrt(F32 a) { return {_mm256_sqrt_ps(a.v)}; }
LW_INLINE F32 max(F32 a, F32 b) { return {_mm256_max_ps(a.v, b.v)}; }
LW_INLINE F32 min(F32 a, F32 b) { return {_mm256_min_ps(a.v, b.v)}; }
LW_INLINE F32 abs(F32 a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
LW_INLINE F32 negate(F32 a) { return {_mm256_xor_ps(a.v, _mm256_set1_ps(-0.0f))}; }
LW_INLINE F32 copySign(F32 a, F32 s) {
  __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_or_ps(_mm256_andnot_ps(sign, a.v), _mm256_and_ps(sign, s.v))};
}
LW_INLINE F32::M operator<(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}; }
LW_INLINE F32::M operator<=(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)}; }
LW_INLINE F32::M operator==(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)}; }
LW_INLINE F32::M isnan(F32 a) { return {_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q)}; }
LW_INLINE F32::M and_(F32::M a, F32::M b) { return {_mm256_and_ps(a.m, b.m)}; }
LW_INLINE uint32_t bits(F32::M m) { return (uint32_t)_mm256_movemask_ps(m.m); }
LW_INLINE F32 select(F32::M m, F32 yes, F32 no) { return {_mm256_blendv_ps(no.v, yes.v, m.m)}; }
LW_INLINE F32 addExponent(F32 a, F32 t) {
  return {_mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a.v), _mm256_slli_epi32(_mm256_castps_si256(t.v), 23)))};
}
LW_INLINE F32 split(F32 x, F32& m) {
  const __m256i root = _mm256_set1_epi32(0x3f3504f3);  // sqrt(1/2)
  __m256i t = _mm256_add_epi32(_mm256_castps_si256(x.v), _mm256_set1_epi32(0x3f800000 - 0x3f3504f3));
  m.v = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_and_si256(t, _mm256_set1_epi32(0x007fffff)), root));
  __m256i whole = _mm256_or_si256(_mm256_srli_epi32(t, 23), _mm256_set1_epi32(0x4b000000));  // 2^23 + exponent + 127
  return {_mm256_sub_ps(_mm256_castsi256_ps(whole), _mm256_set1_ps(8388608.0f + 127.0f))};
}
LW_INLINE float sum(F32 a) {
  __m128 h = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  h = _mm_add_ps(h, _mm_movehl_ps(h, h));
  return _mm_cvtss_f32(_mm_add_ss(h, _mm_shuffle_ps(h, h, 1)));
}
LW_INLINE float top(F32 a) {
  __m128 h = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  h = _mm_max_ps(h, _mm_movehl_ps(h, h));
  return _mm_cvtss_f32(_mm_max_ss(h, _mm_shuffle_ps(h, h, 1)));
}

struct F64 {
  typedef double E;
  typedef int64_t I;
  struct M { __m256d m; };
  enum { W = 4, kLanes = 8, kMantissa = 52, kAnyExponent = 0 };
  __m256d v;
  static LW_MEMBER F64 zero() { return {_mm256_setzero_pd()}; }
  static LW_MEMBER F64 set1(double x) { return {_mm256_set1_pd(x)}; }
  static LW_MEMBER M first(int64_t n) {
    return {_mm256_castsi256_pd(_mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3)))};
  }
  static LW_MEMBER F64 load(const double* p) { return {_mm256_loadu_pd(p)}; }
  static LW_MEMBER F64 load(const double* p, Whole) { return load(p); }
  static LW_MEMBER F64 load(const double* p, M m) { return {_mm256_maskload_pd(p, _mm256_castpd_si256(m.m))}; }
  // Each 16 bytes of the register: from p, from p + ld, …
  static LW_MEMBER F64 loadParts(const double* p, int64_t ld) {
    return {_mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(p)), _mm_loadu_pd(p + ld), 1)};
  }
  // p[0] … p[T - 1] again and again, in groups of 2; what fills a group up may be anything.
  template <int T>
  static LW_MEMBER F64 repeat(const double* p) {
    return T == 1 ? set1(p[0]) : F64{_mm256_broadcast_pd((const __m128d*)p)};
  }
  LW_MEMBER void store(double* p) const { _mm256_storeu_pd(p, v); }
  LW_MEMBER void store(double* p, Whole) const { store(p); }
  LW_MEMBER void stream(double* p) const { _mm256_stream_pd(p, v); }
  static LW_MEMBER void streamed() { _mm_sfence(); }
  LW_MEMBER void store(double* p, M m) const {
    const int n = __builtin_popcount((unsigned)_mm256_movemask_pd(m.m));
    if (n & 4) return _mm256_storeu_pd(p, v);
    __m128d h = _mm256_castpd256_pd128(v);
    if (n & 2) {
      _mm_storeu_pd(p, h);
      h = _mm256_extractf128_pd(v, 1);
      p += 2;
    }
    if (n & 1) _mm_store_sd(p, h);
  }
};
LW_INLINE F64 operator+(F64 a, F64 b) { return {_mm256_add_pd(a.v, b.v)}; }
LW_INLINE F64 operator-(F64 a, F64 b) { return {_mm256_sub_pd(a.v, b.v)}; }
LW_INLINE F64 operator*(F64 a, F64 b) { return {_mm256_mul_pd(a.v, b.v)}; }
LW_INLINE F64 operator/(F64 a, F64 b) { return {_mm256_div_pd(a.v, b.v)}; }
LW_INLINE F64 fma(F64 a, F64 b, F64 c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
LW_INLINE F64 fnma(F64 a, F64 b, F64 c) { return {_mm256_fnmadd_pd(a.v, b.v, c.v)}; }
LW_INLINE F64 sqrt(F64 a) { return {_mm256_sqrt_pd(a.v)}; }
LW_INLINE F64 max(F64 a, F64 b) { return {_mm256_max_pd(a.v, b.v)}; }
LW_INLINE F64 min(F64 a, F64 b) { return {_mm256_min_pd(a.v, b.v)}; }
LW_INLINE F64 abs(F64 a) { return {_mm256_andnot_pd(_mm256_set1_pd(-0.0), a.v)}; }
LW_INLINE F64 negate(F64 a) { return {_mm256_xor_pd(a.v, _mm256_set1_pd(-0.0))}; }
LW_INLINE F64 copySign(F64 a, F64 s) {
  __m256d sign = _mm256_set1_pd(-0.0);
  return {_mm256_or_pd(_mm256_andnot_pd(sign, a.v), _mm256_and_pd(sign, s.v))};
}
LW_INLINE F64::M operator<(F64 a, F64 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_LT_OQ)}; }
LW_INLINE F64::M operator<=(F64 a, F64 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_LE_OQ)}; }
LW_INLINE F64::M operator==(F64 a, F64 b) { return {_mm256_cmp_pd(a.v, b.v, _CMP_EQ_OQ)}; }
LW_INLINE F64::M isnan(F64 a) { return {_mm256_cmp_pd(a.v, a.v, _CMP_UNORD_Q)}; }
LW_INLINE F64::M and_(F64::M a, F64::M b) { return {_mm256_and_pd(a.m, b.m)}; }
LW_INLINE uint32_t bits(F64::M m) { return (uint32_t)_mm256_movemask_pd(m.m); }
LW_INLINE F64 select(F64::M m, F64 yes, F64 no) { return {_mm256_blendv_pd(no.v, yes.v, m.m)}; }
LW_INLINE F64 addExponent(F64 a, F64 t) {
  return {_mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(a.v), _mm256_slli_epi64(_mm256_castpd_si256(t.v), 52)))};
}
LW_INLINE F64 split(F64 x, F64& m) {
  const __m256i root = _mm256_set1_epi64x(0x3fe6a09e667f3bcd);
  __m256i t = _mm256_add_epi64(_mm256_castpd_si256(x.v), _mm256_set1_epi64x(0x3ff0000000000000 - 0x3fe6a09e667f3bcd));
  m.v = _mm256_castsi256_pd(_mm256_add_epi64(_mm256_and_si256(t, _mm256_set1_epi64x(0x000fffffffffffff)), root));
  __m256i whole = _mm256_or_si256(_mm256_srli_epi64(t, 52), _mm256_set1_epi64x(0x4330000000000000));
  return {_mm256_sub_pd(_mm256_castsi256_pd(whole), _mm256_set1_pd(4503599627370496.0 + 1023.0))};
}
LW_INLINE double sum(F64 a) {
  __m128d h = _mm_add_pd(_mm256_castpd256_pd128(a.v), _mm256_extractf128_pd(a.v, 1));
  return _mm_cvtsd_f64(_mm_add_sd(h, _mm_unpackhi_pd(h, h)));
}
LW_INLINE double top(F64 a) {
  __m128d h = _mm_max_pd(_mm256_castpd256_pd128(a.v), _mm256_extractf128_pd(a.v, 1));
  return _mm_cvtsd_f64(_mm_max_sd(h, _mm_unpackhi_pd(h, h)));
}

LW_INLINE F32 zipLow(F32 a, F32 b) {
  return {_mm256_permute2f128_ps(_mm256_unpacklo_ps(a.v, b.v), _mm256_unpackhi_ps(a.v, b.v), 0x20)};
}
LW_INLINE F32 zipHigh(F32 a, F32 b) {
  return {_mm256_permute2f128_ps(_mm256_unpacklo_ps(a.v, b.v), _mm256_unpackhi_ps(a.v, b.v), 0x31)};
}
LW_INLINE F64 zipLow(F64 a, F64 b) {
  return {_mm256_permute2f128_pd(_mm256_unpacklo_pd(a.v, b.v), _mm256_unpackhi_pd(a.v, b.v), 0x20)};
}
LW_INLINE F64 zipHigh(F64 a, F64 b) {
  return {_mm256_permute2f128_pd(_mm256_unpacklo_pd(a.v, b.v), _mm256_unpackhi_pd(a.v, b.v), 0x31)};
}
// r[k], each 16 bytes: element k of that part of a twice, then of b twice (F64: of a, twice).
LW_INLINE void spread(F32 a, F32 b, F32 r[4]) {
  r[0].v = _mm256_shuffle_ps(a.v, b.v, 0x00);
  r[1].v = _mm256_shuffle_ps(a.v, b.v, 0x55);
  r[2].v = _mm256_shuffle_ps(a.v, b.v, 0xaa);
  r[3].v = _mm256_shuffle_ps(a.v, b.v, 0xff);
}
LW_INLINE void spread(F64 a, F64, F64 r[2]) {
  r[0].v = _mm256_unpacklo_pd(a.v, a.v);
  r[1].v = _mm256_unpackhi_pd(a.v, a.v);
}
// Columns of W rows, as many as 16 bytes hold. Halves of rows meet in the loads: shuffles across them are slow on Zen.
LW_INLINE void loadColumns(const float* x, int64_t ldx, F32 r[4]) {
  __m256 a[4];
  LW_UNROLL for (int q = 0; q < 4; q++) a[q] = F32::loadParts(x + q * ldx, 4 * ldx).v;
  const __m256d low01 = _mm256_castps_pd(_mm256_unpacklo_ps(a[0], a[1])), high01 = _mm256_castps_pd(_mm256_unpackhi_ps(a[0], a[1]));
  const __m256d low23 = _mm256_castps_pd(_mm256_unpacklo_ps(a[2], a[3])), high23 = _mm256_castps_pd(_mm256_unpackhi_ps(a[2], a[3]));
  r[0].v = _mm256_castpd_ps(_mm256_unpacklo_pd(low01, low23));
  r[1].v = _mm256_castpd_ps(_mm256_unpackhi_pd(low01, low23));
  r[2].v = _mm256_castpd_ps(_mm256_unpacklo_pd(high01, high23));
  r[3].v = _mm256_castpd_ps(_mm256_unpackhi_pd(high01, high23));
}
LW_INLINE void loadColumns(const double* x, int64_t ldx, F64 r[2]) {
  const F64 a = F64::loadParts(x, 2 * ldx), b = F64::loadParts(x + ldx, 2 * ldx);
  r[0].v = _mm256_unpacklo_pd(a.v, b.v);
  r[1].v = _mm256_unpackhi_pd(a.v, b.v);
}
// A transposed square (kernels/transpose.h).
LW_INLINE void loadSquare(const float* x, int64_t ldx, F32 r[8]) {
  LW_UNROLL for (int h = 0; h < 8; h += 4) loadColumns(x + h, ldx, r + h);
}
LW_INLINE void loadSquare(const double* x, int64_t ldx, F64 r[4]) {
  LW_UNROLL for (int h = 0; h < 4; h += 2) loadColumns(x + h, ldx, r + h);
}
// The greater of two numbers without sign; a NaN wins.
LW_INLINE F32 maximumByBits(F32 a, F32 b) { return {_mm256_castsi256_ps(_mm256_max_epu32(_mm256_castps_si256(a.v), _mm256_castps_si256(b.v)))}; }
// Lane i is lane from[i] of a.
LW_INLINE F32 permute(F32 a, const int32_t from[8]) { return {_mm256_permutevar8x32_ps(a.v, _mm256_loadu_si256((const __m256i*)from))}; }
// The bits of a, as integers, taken from `bits`: a first guess at 1/a (math.h, quotient).
LW_INLINE F32 subtractedFrom(int32_t bits, F32 a) {
  return {_mm256_castsi256_ps(_mm256_sub_epi32(_mm256_set1_epi32(bits), _mm256_castps_si256(a.v)))};
}

// Not a blend with zero: of that GCC makes two instructions.
LW_INLINE F32 zeroWhere(F32::M m, F32 x) { return {_mm256_andnot_ps(m.m, x.v)}; }
LW_INLINE F64 zeroWhere(F64::M m, F64 x) { return {_mm256_andnot_pd(m.m, x.v)}; }

// Whole numbers of 64 bits, as many as F64 has lanes, of the compiler's own type: + ^ & | << >> as for one.
typedef uint64_t Words __attribute__((vector_size(32)));
LW_INLINE Words bitsOf(F64 x) { return (Words)x.v; }
LW_INLINE F64 numberOf(Words w) { return {(__m256d)w}; }
LW_INLINE Words productOfLow(Words a, uint32_t b) { return (Words)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(b)); }  // the low halves of a, times b

LW_DERIVED(F32)
LW_DERIVED(F64)
LW_INLINE bool any(F32::M m) { return bits(m) != 0; }
LW_INLINE bool any(F64::M m) { return bits(m) != 0; }

}  // namespace LANEWISE_ISA
}  // namespace lanewise
