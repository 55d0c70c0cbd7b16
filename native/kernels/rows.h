// Rows of a data set, chosen by indices that live in a buffer: what gatherRows copies, and gatherAffine multiplies. The indices are tested
// here, while the command runs: each is read once, so that what was tested is what is used even while somebody writes to the buffer.
#pragma once
#ifdef LANEWISE_KERNELS
#include "../simd/convert.h"
#include "checked.h"
#include "elements.h"
#include "pieces.h"

namespace lanewise {
namespace LANEWISE_ISA {

// One register of a converted row, from three ways to divide by what the tape fixed. All three are the IEEE quotient.
struct ByOne {
  template <class V> LW_MEMBER V operator()(V x) const { return x; }
};
template <class V>
struct ByDivision {
  V divisor;
  LW_MEMBER V operator()(V x) const { return x / divisor; }
};
// x / 255 for a byte x: the reciprocal in two parts gives the quotient with an error of about 2^-45 (float64: 2^-103) before
// the one rounding that counts. The digits of k/255 repeat every 8 bits, so no quotient is that near to the middle of two
// numbers: the rounding is right. test/ compares all 256.
template <class V>
struct BytesBy255 {
  V d = V::set1(255), high = V::set1(1) / d, low = fnma(d, high, V::set1(1)) / d;
  LW_MEMBER V operator()(V x) const { return fma(x, high, x * low); }
};

// How a row is taken: n elements of x converted to y's type and, for the float types, divided; past the caches if so (elements.h, put).
typedef void (*TakeRow)(void* y, const void* x, int64_t n, double divisor, bool past);

template <class V, class S, class Divide>
LW_INLINE void takeDivided(bool past, typename V::E* y, const S* x, int64_t n, const Divide& divide) {
  int64_t j = 0;
  for (; j + V::W <= n; j += V::W) put(past, divide(Widen<V, S>::load(x + j)), y + j, Whole{});
  if (j < n) divide(widenFirst<V, S>(x + j, n - j)).store(y + j, V::first(n - j));
}
template <class V, class S>
static void takeFloats(void* to, const void* from, int64_t n, double divisor, bool past) {
  typedef typename V::E E;
  E* y = (E*)to;
  const S* x = (const S*)from;
  past = past && isAligned<V>(y);
  if (divisor == 1) takeDivided<V>(past, y, x, n, ByOne());
  else if (divisor == 255 && sizeof(S) == 1 && V::W > 1) takeDivided<V>(past, y, x, n, BytesBy255<V>());
  else takeDivided<V>(past, y, x, n, ByDivision<V>{V::set1((E)divisor)});
}
template <class D, class S>
static void takeIntegers(void* y, const void* x, int64_t n, double, bool) {
  for (int64_t j = 0; j < n; ++j) ((D*)y)[j] = To<D>::from(((const S*)x)[j]);
}
template <class S> LW_INLINE TakeRow takeRow(float*, const S*) { return takeFloats<F32, S>; }
template <class S> LW_INLINE TakeRow takeRow(double*, const S*) { return takeFloats<F64, S>; }
template <class D, class S> LW_INLINE TakeRow takeRow(D*, const S*) { return takeIntegers<D, S>; }

// The start of the rows idx[cursor], idx[cursor + 1], ...; null where m of them are not there. For none of them the cursor may be anywhere.
static const int32_t* chosenRows(const Command& c, int64_t& cursor) {
  const int64_t m = c.n[0], count = c.n[3];
  cursor = readOnce((const int32_t*)c.p[3]);
  if (m == 0) cursor = 0;
  if (cursor >= 0 && cursor + m <= count) return (const int32_t*)c.p[2] + cursor;
  fail(c, -1, cursor);
  return nullptr;
}

enum { kAheadRows = 32 };
LW_INLINE double gatherNanoseconds(int64_t m, int64_t n) { return (double)m * (20 + (double)n * 0.1); }

// Rows [row0, row1) and columns [column0, column1) of those a command names by its operands 1 to 3 (source, indices, cursor), its first
// parameters (m, n, rows, count) and its first double (divisor).
struct Segment {
  int64_t row0, row1, column0, column1;
};

// Where those rows are, by numbers of its own: bytes that are written anywhere could be the command's, for all a compiler knows.
struct Source {
  enum { kOperand = 1, kBatch = 4 };  // operands: of all, and of gatherAffine
  int64_t rows, count, cursor, pitch = 0, bytes = 0;  // pitch from row to row, bytes of the part of each
  const char* first;                                  // of row 0
  const int32_t* idx;                                 // null where there are not as many indices
  LW_MEMBER Source(const Command& c, const Segment& part) : rows(c.n[2]), count(c.n[3]) {
    withPointer(c.p[kOperand], c.types[kOperand], [&](auto* x) {
      pitch = c.n[1] * (int64_t)sizeof(*x);
      bytes = (part.column1 - part.column0) * (int64_t)sizeof(*x);
      first = (const char*)(x + part.column0);
    });
    idx = chosenRows(c, cursor);
  }
  LW_MEMBER bool has(int64_t row) const { return row >= 0 && row < rows; }
  // Where the part of a row that there is begins.
  LW_MEMBER const char* at(int64_t row) const { return first + row * pitch; }
  // A hint, so that rows come from memory in time: the part of the row that is `ahead` of row i.
  LW_MEMBER void ask(int64_t i, int64_t ahead) const {
    if (!idx || cursor + ahead + i >= count) return;
    const int64_t next = readOnce(idx + ahead + i);
    if (!has(next)) return;
    // Every line of it, wherever in a line it begins.
    const uintptr_t p = (uintptr_t)at(next);
    for (uintptr_t line = p / 64 * 64; line < p + (uintptr_t)bytes; line += 64) __builtin_prefetch((const void*)line, 0, 2);
  }
};

// How a command takes its rows. As with copy, the types of the operands decide, not the command's dtype.
struct Taking {
  TakeRow take = nullptr;
  int64_t sizeY = 0;
  bool copies;  // as they are
  LW_MEMBER explicit Taking(const Command& c) : copies(c.types[0] == c.types[1] && c.d[0] == 1) {
    withPointer(c.p[0], c.types[0], [&](auto* to) {
      withPointer(c.p[1], c.types[1], [&](auto* x) { take = takeRow(to, x), sizeY = sizeof(*to); });
    });
  }
};

enum { kShortRow = 128 };  // bytes
static const char kZeros[kShortRow] = {};

// A segment, to y on, where rows are `pitch` elements apart; with ASKS it asks for those of the next batch if it is small, while this step
// computes; else for rows that follow soon (of a large batch few would be left in a near cache). A bad row becomes zeros.
template <bool ASKS>
static void gatherPart(const Command& c, const Segment& part, char* y, int64_t pitch, bool past = false) {
  const Taking taking(c);
  const Source source(c, part);
  const int64_t width = part.column1 - part.column0, sizeY = taking.sizeY, ahead = lesser(c.n[0], kAheadRows);
  if (!source.idx && width == 0) return;  // nothing bounds m then
  // Short rows as they are: 2.4 ns each (Zen 4), where by the call below one takes 9 to 12.
  if (ASKS && taking.copies && width > 0 && width * sizeY <= kShortRow) {
    return copyPieces(y, pitch * sizeY, part.row1 - part.row0, width * sizeY, [&](int64_t j) LW_LAMBDA {
      const int64_t i = part.row0 + j, row = source.idx ? readOnce(source.idx + i) : -1;
      source.ask(i, ahead);
      if (source.has(row)) return source.at(row);
      if (source.idx) fail(c, i, row);
      return kZeros;
    });
  }
  for (int64_t i = part.row0; i < part.row1; ++i, y += pitch * sizeY) {
    if (ASKS) source.ask(i, ahead);
    const int64_t row = source.idx ? readOnce(source.idx + i) : -1;
    if (source.has(row)) {
      taking.take(y, source.at(row), width, c.d[0], past);
      continue;
    }
    if (source.idx) fail(c, i, row);
    __builtin_memset(y, 0, (size_t)(width * sizeY));
  }
}

// Asks for a segment of the next batch.
LW_INLINE void askAfter(const Command& c, const Segment& part) {
  const Source source(c, part);
  for (int64_t i = part.row0; i < part.row1; ++i) source.ask(i, c.n[0]);
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
