// Copies of many short runs of bytes.
#pragma once
#ifdef LANEWISE_KERNELS
#include "elements.h"

namespace lanewise {
namespace LANEWISE_ISA {

// Whole lines of y past the caches, and what is before and after them. endPast comes after the last of such copies.
static void copyPast(char* y, const char* x, int64_t bytes) {
  enum { LINE = 64 };
  int64_t i = lesser(bytes, -(intptr_t)y & (LINE - 1));
  __builtin_memcpy(y, x, (size_t)i);
  for (; i + LINE <= bytes; i += LINE) put(true, fetch<F32>(kHalves, (const float*)(x + i), Whole{}), (float*)(y + i), Whole{});
  __builtin_memcpy(y + i, x + i, (size_t)(bytes - i));
}

// A copy of SIZE to 2·SIZE bytes: the first and the last SIZE of them, which may overlap. (An array instead of Piece goes by way of the stack
// with clang: rows of 20 bytes 1.45 of the time.)
template <int SIZE, class From>
LW_INLINE void copyByEnds(char* y, int64_t apart, int64_t count, int64_t bytes, const From& from) {
  typedef char Piece __attribute__((vector_size(SIZE)));
  for (int64_t i = 0; i < count; i++, y += apart) {
    const char* x = from(i);
    Piece first, last;
    __builtin_memcpy(&first, x, SIZE);
    __builtin_memcpy(&last, x + bytes - SIZE, SIZE);
    __builtin_memcpy(y, &first, SIZE);
    __builtin_memcpy(y + bytes - SIZE, &last, SIZE);
  }
}

// `count` pieces of `bytes` > 0: from(i) to y + i·apart. Short ones without a call for each.
template <class From>
LW_INLINE void copyPieces(char* y, int64_t apart, int64_t count, int64_t bytes, const From& from) {
  if (bytes < 2) return copyByEnds<1>(y, apart, count, bytes, from);
  if (bytes < 4) return copyByEnds<2>(y, apart, count, bytes, from);
  if (bytes < 8) return copyByEnds<4>(y, apart, count, bytes, from);
  if (bytes < 16) return copyByEnds<8>(y, apart, count, bytes, from);
  if (bytes < 32) return copyByEnds<16>(y, apart, count, bytes, from);
  if (bytes < 64) return copyByEnds<32>(y, apart, count, bytes, from);
  if (bytes <= 128) return copyByEnds<64>(y, apart, count, bytes, from);
  for (int64_t i = 0; i < count; i++) __builtin_memcpy(y + i * apart, from(i), (size_t)bytes);
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
