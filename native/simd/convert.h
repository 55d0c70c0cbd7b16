// Between the four element types: conversions of one number (the meaning), and of a register's worth (the speed).
// Included after the instruction set's vector types.
#pragma once

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

// A number that another thread may be changing is read once: what was checked is what is used.
LW_INLINE int64_t readOnce(const int32_t* p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
LW_INLINE int64_t readOnce(const uint8_t* p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
LW_INLINE int64_t label(const Command& c, int operand, int64_t i) {
  return c.types[operand] == DType::u8 ? readOnce((const uint8_t*)c.p[operand] + i) : readOnce((const int32_t*)c.p[operand] + i);
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

#if defined(__AVX512F__)
template <> struct Widen<F32, uint8_t> {
  static LW_MEMBER F32 load(const uint8_t* p) { return {_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)p)))}; }
};
template <> struct Widen<F64, uint8_t> {
  static LW_MEMBER F64 load(const uint8_t* p) { return {_mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)p)))}; }
};
#elif defined(__AVX2__)
template <> struct Widen<F32, uint8_t> {
  static LW_MEMBER F32 load(const uint8_t* p) { return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)p)))}; }
};
template <> struct Widen<F64, uint8_t> {
  static LW_MEMBER F64 load(const uint8_t* p) {
    int32_t four;
    __builtin_memcpy(&four, p, 4);
    return {_mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(four)))};
  }
};
#elif defined(__aarch64__)
template <> struct Widen<F32, uint8_t> {
  static LW_MEMBER F32 load(const uint8_t* p) {
    uint32_t four;
    __builtin_memcpy(&four, p, 4);
    const uint16x8_t words = vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four)));
    return {vcvtq_f32_u32(vmovl_u16(vget_low_u16(words)))};
  }
};
#endif

// The same for the first n lanes only: nothing past p + n is read, the other lanes convert 0.
template <class V, class S>
LW_INLINE V widenFirst(const S* p, int64_t n) {
  S s[V::W] = {};
  for (int64_t j = 0; j < n; ++j) s[j] = p[j];
  return Widen<V, S>::load(s);
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
