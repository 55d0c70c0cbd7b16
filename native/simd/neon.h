// NEON on arm64: the vector types of docs/simd.md. One register holds 4 floats or 2 doubles. NEON's own max, min treat
// NaN and -0 in another way than x86's, so they are compared and selected here; it has no masked memory access.
#pragma once
#include <arm_neon.h>
#include "common.h"

namespace lanewise {
namespace LANEWISE_ISA {

struct F32 {
  typedef float E;
  typedef int32_t I;
  typedef uint32x4_t M;  // a lane is all ones or all zeros
  enum { W = 4, kLanes = 16, kMantissa = 23, kAnyExponent = 0 };
  float32x4_t v;
  static LW_MEMBER F32 zero() { return {vdupq_n_f32(0)}; }
  static LW_MEMBER F32 set1(float x) { return {vdupq_n_f32(x)}; }
  static LW_MEMBER M first(int64_t n) {
    const uint32_t i[4] = {0, 1, 2, 3};
    return vcltq_u32(vld1q_u32(i), vdupq_n_u32((uint32_t)n));
  }
  static LW_MEMBER F32 load(const float* p) { return {vld1q_f32(p)}; }
  static LW_MEMBER F32 load(const float* p, Whole) { return load(p); }
  static LW_MEMBER F32 load(const float* p, M m) {
    float32x4_t v = vdupq_n_f32(0);
    if (vgetq_lane_u32(m, 0)) v = vld1q_lane_f32(p, v, 0);
    if (vgetq_lane_u32(m, 1)) v = vld1q_lane_f32(p + 1, v, 1);
    if (vgetq_lane_u32(m, 2)) v = vld1q_lane_f32(p + 2, v, 2);
    if (vgetq_lane_u32(m, 3)) v = vld1q_lane_f32(p + 3, v, 3);
    return {v};
  }
  LW_MEMBER void store(float* p) const { vst1q_f32(p, v); }
  LW_MEMBER void store(float* p, Whole) const { store(p); }
  LW_MEMBER void store(float* p, M m) const {
    if (vgetq_lane_u32(m, 0)) vst1q_lane_f32(p, v, 0);
    if (vgetq_lane_u32(m, 1)) vst1q_lane_f32(p + 1, v, 1);
    if (vgetq_lane_u32(m, 2)) vst1q_lane_f32(p + 2, v, 2);
    if (vgetq_lane_u32(m, 3)) vst1q_lane_f32(p + 3, v, 3);
  }
};
LW_INLINE F32 operator+(F32 a, F32 b) { return {vaddq_f32(a.v, b.v)}; }
LW_INLINE F32 operator-(F32 a, F32 b) { return {vsubq_f32(a.v, b.v)}; }
LW_INLINE F32 operator*(F32 a, F32 b) { return {vmulq_f32(a.v, b.v)}; }
LW_INLINE F32 operator/(F32 a, F32 b) { return {vdivq_f32(a.v, b.v)}; }
LW_INLINE F32 fma(F32 a, F32 b, F32 c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
LW_INLINE F32 fnma(F32 a, F32 b, F32 c) { return {vfmsq_f32(c.v, a.v, b.v)}; }
LW_INLINE F32 sqrt(F32 a) { return {vsqrtq_f32(a.v)}; }
LW_INLINE F32 max(F32 a, F32 b) { return {vbslq_f32(vcgtq_f32(a.v, b.v), a.v, b.v)}; }
LW_INLINE F32 min(F32 a, F32 b) { return {vbslq_f32(vcltq_f32(a.v, b.v), a.v, b.v)}; }
LW_INLINE F32 abs(F32 a) { return {vabsq_f32(a.v)}; }
LW_INLINE F32 negate(F32 a) { return {vnegq_f32(a.v)}; }
LW_INLINE F32 copySign(F32 a, F32 s) { return {vbslq_f32(vdupq_n_u32(0x80000000u), s.v, a.v)}; }
LW_INLINE F32::M operator<(F32 a, F32 b) { return vcltq_f32(a.v, b.v); }
LW_INLINE F32::M operator<=(F32 a, F32 b) { return vcleq_f32(a.v, b.v); }
LW_INLINE F32::M operator==(F32 a, F32 b) { return vceqq_f32(a.v, b.v); }
LW_INLINE F32::M isnan(F32 a) { return vmvnq_u32(vceqq_f32(a.v, a.v)); }
LW_INLINE F32::M and_(F32::M a, F32::M b) { return vandq_u32(a, b); }
LW_INLINE uint32_t bits(F32::M m) { const uint32_t b[4] = {1, 2, 4, 8}; return vaddvq_u32(vandq_u32(m, vld1q_u32(b))); }
LW_INLINE bool any(F32::M m) { return vmaxvq_u32(m) != 0; }
LW_INLINE F32 select(F32::M m, F32 yes, F32 no) { return {vbslq_f32(m, yes.v, no.v)}; }
LW_INLINE F32 addExponent(F32 a, F32 t) {
  return {vreinterpretq_f32_u32(vaddq_u32(vreinterpretq_u32_f32(a.v), vshlq_n_u32(vreinterpretq_u32_f32(t.v), 23)))};
}
LW_INLINE F32 split(F32 x, F32& m) {
  uint32x4_t t = vaddq_u32(vreinterpretq_u32_f32(x.v), vdupq_n_u32(0x3f800000u - 0x3f3504f3u));
  m.v = vreinterpretq_f32_u32(vaddq_u32(vandq_u32(t, vdupq_n_u32(0x007fffffu)), vdupq_n_u32(0x3f3504f3u)));
  uint32x4_t whole = vorrq_u32(vshrq_n_u32(t, 23), vdupq_n_u32(0x4b000000u));
  return {vsubq_f32(vreinterpretq_f32_u32(whole), vdupq_n_f32(8388608.0f + 127.0f))};
}
LW_INLINE float sum(F32 a) {
  float32x2_t h = vadd_f32(vget_low_f32(a.v), vget_high_f32(a.v));
  return vget_lane_f32(h, 0) + vget_lane_f32(h, 1);
}
LW_INLINE float top(F32 a) {
  float32x2_t l = vget_low_f32(a.v), g = vget_high_f32(a.v);
  float32x2_t h = vbsl_f32(vcgt_f32(l, g), l, g);
  float x = vget_lane_f32(h, 0), y = vget_lane_f32(h, 1);
  return x > y ? x : y;
}

struct F64 {
  typedef double E;
  typedef int64_t I;
  typedef uint64x2_t M;
  enum { W = 2, kLanes = 8, kMantissa = 52, kAnyExponent = 0 };
  float64x2_t v;
  static LW_MEMBER F64 zero() { return {vdupq_n_f64(0)}; }
  static LW_MEMBER F64 set1(double x) { return {vdupq_n_f64(x)}; }
  static LW_MEMBER M first(int64_t n) { const uint64_t i[2] = {0, 1}; return vcltq_u64(vld1q_u64(i), vdupq_n_u64((uint64_t)n)); }
  static LW_MEMBER F64 load(const double* p) { return {vld1q_f64(p)}; }
  static LW_MEMBER F64 load(const double* p, Whole) { return load(p); }
  static LW_MEMBER F64 load(const double* p, M m) {
    float64x2_t v = vdupq_n_f64(0);
    if (vgetq_lane_u64(m, 0)) v = vld1q_lane_f64(p, v, 0);
    if (vgetq_lane_u64(m, 1)) v = vld1q_lane_f64(p + 1, v, 1);
    return {v};
  }
  LW_MEMBER void store(double* p) const { vst1q_f64(p, v); }
  LW_MEMBER void store(double* p, Whole) const { store(p); }
  LW_MEMBER void store(double* p, M m) const {
    if (vgetq_lane_u64(m, 0)) vst1q_lane_f64(p, v, 0);
    if (vgetq_lane_u64(m, 1)) vst1q_lane_f64(p + 1, v, 1);
  }
};
LW_INLINE F64 operator+(F64 a, F64 b) { return {vaddq_f64(a.v, b.v)}; }
LW_INLINE F64 operator-(F64 a, F64 b) { return {vsubq_f64(a.v, b.v)}; }
LW_INLINE F64 operator*(F64 a, F64 b) { return {vmulq_f64(a.v, b.v)}; }
LW_INLINE F64 operator/(F64 a, F64 b) { return {vdivq_f64(a.v, b.v)}; }
LW_INLINE F64 fma(F64 a, F64 b, F64 c) { return {vfmaq_f64(c.v, a.v, b.v)}; }
LW_INLINE F64 fnma(F64 a, F64 b, F64 c) { return {vfmsq_f64(c.v, a.v, b.v)}; }
LW_INLINE F64 sqrt(F64 a) { return {vsqrtq_f64(a.v)}; }
LW_INLINE F64 max(F64 a, F64 b) { return {vbslq_f64(vcgtq_f64(a.v, b.v), a.v, b.v)}; }
LW_INLINE F64 min(F64 a, F64 b) { return {vbslq_f64(vcltq_f64(a.v, b.v), a.v, b.v)}; }
LW_INLINE F64 abs(F64 a) { return {vabsq_f64(a.v)}; }
LW_INLINE F64 negate(F64 a) { return {vnegq_f64(a.v)}; }
LW_INLINE F64 copySign(F64 a, F64 s) { return {vbslq_f64(vdupq_n_u64(0x8000000000000000u), s.v, a.v)}; }
LW_INLINE F64::M operator<(F64 a, F64 b) { return vcltq_f64(a.v, b.v); }
LW_INLINE F64::M operator<=(F64 a, F64 b) { return vcleq_f64(a.v, b.v); }
LW_INLINE F64::M operator==(F64 a, F64 b) { return vceqq_f64(a.v, b.v); }
LW_INLINE F64::M isnan(F64 a) { return veorq_u64(vceqq_f64(a.v, a.v), vdupq_n_u64(~(uint64_t)0)); }
LW_INLINE F64::M and_(F64::M a, F64::M b) { return vandq_u64(a, b); }
LW_INLINE uint32_t bits(F64::M m) { return (uint32_t)((vgetq_lane_u64(m, 0) & 1) | (vgetq_lane_u64(m, 1) & 2)); }
LW_INLINE bool any(F64::M m) { return bits(m) != 0; }
LW_INLINE F64 select(F64::M m, F64 yes, F64 no) { return {vbslq_f64(m, yes.v, no.v)}; }
LW_INLINE F64 addExponent(F64 a, F64 t) {
  return {vreinterpretq_f64_u64(vaddq_u64(vreinterpretq_u64_f64(a.v), vshlq_n_u64(vreinterpretq_u64_f64(t.v), 52)))};
}
LW_INLINE F64 split(F64 x, F64& m) {
  uint64x2_t t = vaddq_u64(vreinterpretq_u64_f64(x.v), vdupq_n_u64(0x3ff0000000000000u - 0x3fe6a09e667f3bcdu));
  m.v = vreinterpretq_f64_u64(vaddq_u64(vandq_u64(t, vdupq_n_u64(0x000fffffffffffffu)), vdupq_n_u64(0x3fe6a09e667f3bcdu)));
  uint64x2_t whole = vorrq_u64(vshrq_n_u64(t, 52), vdupq_n_u64(0x4330000000000000u));
  return {vsubq_f64(vreinterpretq_f64_u64(whole), vdupq_n_f64(4503599627370496.0 + 1023.0))};
}
LW_INLINE double sum(F64 a) { return vgetq_lane_f64(a.v, 0) + vgetq_lane_f64(a.v, 1); }
LW_INLINE double top(F64 a) {
  double x = vgetq_lane_f64(a.v, 0), y = vgetq_lane_f64(a.v, 1);
  return x > y ? x : y;
}

LW_INLINE F32 zipLow(F32 a, F32 b) { return {vzip1q_f32(a.v, b.v)}; }
LW_INLINE F32 zipHigh(F32 a, F32 b) { return {vzip2q_f32(a.v, b.v)}; }
LW_INLINE F64 zipLow(F64 a, F64 b) { return {vzip1q_f64(a.v, b.v)}; }
LW_INLINE F64 zipHigh(F64 a, F64 b) { return {vzip2q_f64(a.v, b.v)}; }
// The bits of a, as integers, taken from `bits`: a first guess at 1/a (math.h, quotient).
LW_INLINE F32 subtractedFrom(int32_t bits, F32 a) {
  return {vreinterpretq_f32_s32(vsubq_s32(vdupq_n_s32(bits), vreinterpretq_s32_f32(a.v)))};
}

LW_INLINE F32 zeroWhere(F32::M m, F32 x) { return select(m, F32::zero(), x); }
LW_INLINE F64 zeroWhere(F64::M m, F64 x) { return select(m, F64::zero(), x); }

// Whole numbers of 64 bits, as many as F64 has lanes, of the compiler's own type: + ^ & | << >> as for one.
typedef uint64_t Words __attribute__((vector_size(16)));
LW_INLINE Words bitsOf(F64 x) { return (Words)x.v; }
LW_INLINE F64 numberOf(Words w) { return {(float64x2_t)w}; }
LW_INLINE Words productOfLow(Words a, uint32_t b) { return (Words)vmull_n_u32(vmovn_u64(a), b); }  // the low halves of a, times b

LW_DERIVED(F32)
LW_DERIVED(F64)

}  // namespace LANEWISE_ISA
}  // namespace lanewise
