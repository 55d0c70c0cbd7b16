// Between the four element types: conversions of one number (the meaning), and of a register's worth (the speed).
// Included after the instruction set's vector types.
#pragma once
#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace lanewise {
namespace LANEWISE_ISA {

// To<D>::from(x): to float types rounded to nearest; to int32 and uint8 truncated, saturated, NaN gives 0.
template <class D> struct To;
template <> struct To<float> {
  template <class S> static LW_MEMBER float from(S x) { return (float)x; }
};
template <> struct To<double> {
  template <class S> static LW_MEMBER double from(S x) { return (double)x; }
};
template <> struct To<int32_t> {
  static LW_MEMBER int32_t from(int32_t x) { return x; }
  static LW_MEMBER int32_t from(uint8_t x) { return x; }
  static LW_MEMBER int32_t from(float x) { return from((double)x); }
  static LW_MEMBER int32_t from(double x) {
    if (!(x > -2147483648.0)) return x == x ? INT32_MIN : 0;
    return x < 2147483647.0 ? (int32_t)x : INT32_MAX;
  }
};
template <> struct To<uint8_t> {
  static LW_MEMBER uint8_t from(uint8_t x) { return x; }
  static LW_MEMBER uint8_t from(int32_t x) { return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x); }
  static LW_MEMBER uint8_t from(float x) { return from((double)x); }
  static LW_MEMBER uint8_t from(double x) { return from(To<int32_t>::from(x)); }
};

// f(typed pointer) for an operand of type A or L.
template <class F>
LW_INLINE void withPointer(void* p, DType type, const F& f) {
  switch (type) {
    case DType::f32: return f((float*)p);
    case DType::f64: return f((double*)p);
    case DType::i32: return f((int32_t*)p);
    case DType::u8: return f((uint8_t*)p);
  }
}

// Widen<V, S>::load(p): V::W elements of type S, converted.
template <class V, class S>
struct Widen {
  static LW_MEMBER V load(const S* p) {
    typename V::E e[V::W];
    for (int j = 0; j < V::W; ++j) e[j] = (typename V::E)p[j];
    return V::load(e);
  }
};
template <> struct Widen<F32, float> {
  static LW_MEMBER F32 load(const float* p) { return F32::load(p); }
};
template <> struct Widen<F64, double> {
  static LW_MEMBER F64 load(const double* p) { return F64::load(p); }
};

// Bytes, the usual form of images, by the register's type. (Not by the target's macros alone: scalar.h can be built for any.)
LW_INLINE void widenBytes(float& v, const uint8_t* p) { v = (float)*p; }
LW_INLINE void widenBytes(double& v, const uint8_t* p) { v = (double)*p; }
#if defined(__AVX512F__)
LW_INLINE void widenBytes(__m512& v, const uint8_t* p) { v = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)p))); }
LW_INLINE void widenBytes(__m512d& v, const uint8_t* p) { v = _mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)p))); }
#endif
#if defined(__AVX2__)
LW_INLINE void widenBytes(__m256& v, const uint8_t* p) { v = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)p))); }
LW_INLINE void widenBytes(__m256d& v, const uint8_t* p) {
  int32_t four;
  __builtin_memcpy(&four, p, 4);
  v = _mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(four)));
}
#endif
#if defined(__aarch64__)
LW_INLINE void widenBytes(float32x4_t& v, const uint8_t* p) {
  uint32_t four;
  __builtin_memcpy(&four, p, 4);
  v = vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(four)))));
}
LW_INLINE void widenBytes(float64x2_t& v, const uint8_t* p) {
  const double two[2] = {(double)p[0], (double)p[1]};
  v = vld1q_f64(two);
}
#endif
template <class V>
struct Widen<V, uint8_t> {
  static LW_MEMBER V load(const uint8_t* p) {
    V v;
    widenBytes(v.v, p);
    return v;
  }
};

// The same for the first n lanes only: nothing past p + n is read, the other lanes convert 0.
template <class V, class S>
LW_INLINE V widenFirst(const S* p, int64_t n) {
  S s[V::W] = {};
  for (int64_t j = 0; j < n; ++j) s[j] = p[j];
  return Widen<V, S>::load(s);
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
