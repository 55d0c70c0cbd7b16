// What every instruction set's header starts with: the macros, and the names that need no instruction of their own.
// Everything is inside the namespace LANEWISE_ISA and always inlined, so that no code built with -mavx512f can be
// picked by the linker for an older machine.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define LW_INLINE static inline __attribute__((always_inline))
#define LW_MEMBER inline __attribute__((always_inline))
#define LW_LAMBDA __attribute__((always_inline))  // [&](int64_t i, auto part) LW_LAMBDA { … }

// Before a loop over an array of registers: only if all of it is unrolled does the array stay in registers.
#if defined(__clang__)
#define LW_UNROLL _Pragma("unroll")
#define LW_TWICE _Pragma("unroll 2")
#else
#define LW_UNROLL _Pragma("GCC unroll 32")
#define LW_TWICE _Pragma("GCC unroll 2")
#endif
// The same for sums and the like, where it pays: clang halves their speed otherwise. Scalar code is built for size, and with it
// that of ARM would be a fifth larger for a gain nobody has measured.
#if defined(__AVX2__)
#define LW_UNROLL_VECTORS LW_UNROLL
#else
#define LW_UNROLL_VECTORS
#endif

namespace lanewise {
namespace LANEWISE_ISA {

// Whether V has stream() and streamed(): stores past the caches.
#if defined(__AVX2__)
enum { kStreams = 1 };
#else
enum { kStreams = 0 };
#endif

// The bits of two neighbours, wherever they lie.
LW_INLINE double bothOf(const float* p) {
  double bits;
  __builtin_memcpy(&bits, p, sizeof bits);
  return bits;
}

// The mask that says "every lane". A function written for `auto part` serves the body (Whole) and the tail (V::M) alike.
struct Whole {};
template <class Part> static constexpr bool kIsWhole = false;
template <> constexpr bool kIsWhole<Whole> = true;

// The type for a product's columns that fill at most half a register: V itself, but with AVX-512 half a register. Zen 4 has two such
// multiply-adds a cycle, of whole registers one.
template <class V> struct NarrowOf { typedef V Type; };

// Defined once each type has <, <=, ==, max, isnan, select.
#define LW_DERIVED(V)                                                                                        \
  LW_INLINE V::M operator>(V a, V b) { return b < a; }                                                       \
  LW_INLINE V::M operator>=(V a, V b) { return b <= a; }                                                     \
  LW_INLINE V select(Whole, V yes, V) { return yes; }                                                        \
  /* As NumPy's maximum: NaN wins, the first one if both are. Of equal numbers (0 and -0), b. */             \
  LW_INLINE V maximum(V a, V b) { return select(isnan(a), a, max(a, b)); }

}  // namespace LANEWISE_ISA
}  // namespace lanewise
