// Rows chosen by indices that live in buffers. The indices are tested here, while the command runs: each is read once, so
// that what was tested is what is used even while somebody writes to the buffer.
#pragma once

#define LANEWISE_INDEXING_OPS(OP)                                                                                       \
  OP(oneHot, "y:w:T:m*n t:r:L:m | m n")                                                                                 \
  OP(gatherRows, "y:w:A:m*n src:r:A:rows*n idx:r:i:count cursor:r:i:1 | m n rows count divisor:d")                      \
  OP(gatherPanels, "x:u:T:m*n*panels src:r:A:rows*n idx:r:i:count cursor:r:i:1 | m n<16777216 rows count panels<17 divisor:d")\
  OP(scatterRows, "dsrc:w:T:rows*n dy:r:T:m*n idx:r:i:count cursor:r:i:1 | m n rows count divisor:d")

#ifdef LANEWISE_KERNELS
#include "../simd/convert.h"
#include "panels.h"
#include "units.h"

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

// The rows and columns of units [begin, end). A small batch of long rows is divided by columns: the products that read it
// next divide k, and the weights their rows, in the same places, so each thread finds its part in its own cache.
struct Segment {
  enum { COLUMNS = 64 };
  int64_t row0, row1, column0, column1;
  static LW_MEMBER bool byColumns(const Command& c) { return c.n[0] <= 64 && c.n[1] >= 4 * COLUMNS; }
  static LW_MEMBER int64_t count(const Command& c) { return byColumns(c) ? ceilDivide(c.n[1], COLUMNS) : c.n[0]; }
  static LW_MEMBER Segment of(const Command& c, int64_t begin, int64_t end) {
    if (!byColumns(c)) return {begin, end, 0, c.n[1]};
    return {0, c.n[0], begin * COLUMNS, lesser(c.n[1], end * COLUMNS)};
  }
};

// How a row is taken: n elements of x converted to y's type and, for the float types, divided.
typedef void (*TakeRow)(void* y, const void* x, int64_t n, double divisor);

template <class V, class S, class Divide>
LW_INLINE void takeDivided(typename V::E* y, const S* x, int64_t n, const Divide& divide) {
  int64_t j = 0;
  for (; j + V::W <= n; j += V::W) divide(Widen<V, S>::load(x + j)).store(y + j);
  if (j < n) divide(widenFirst<V, S>(x + j, n - j)).store(y + j, V::first(n - j));
}
template <class V, class S>
static void takeFloats(void* to, const void* from, int64_t n, double divisor) {
  typedef typename V::E E;
  E* y = (E*)to;
  const S* x = (const S*)from;
  if (divisor == 1) takeDivided<V>(y, x, n, ByOne());
  else if (divisor == 255 && sizeof(S) == 1 && V::W > 1) takeDivided<V>(y, x, n, BytesBy255<V>());
  else takeDivided<V>(y, x, n, ByDivision<V>{V::set1((E)divisor)});
}
template <class D, class S>
static void takeIntegers(void* y, const void* x, int64_t n, double) {
  for (int64_t j = 0; j < n; ++j) ((D*)y)[j] = To<D>::from(((const S*)x)[j]);
}
template <class S> LW_INLINE TakeRow takeRow(float*, const S*) { return takeFloats<F32, S>; }
template <class S> LW_INLINE TakeRow takeRow(double*, const S*) { return takeFloats<F64, S>; }
template <class D, class S> LW_INLINE TakeRow takeRow(D*, const S*) { return takeIntegers<D, S>; }

// The start of the rows idx[cursor], idx[cursor + 1], ...; null where m of them are not there.
LW_INLINE const int32_t* chosenRows(const Command& c, int64_t& cursor) {
  const int64_t m = c.n[0], count = c.n[3];
  cursor = readOnce((const int32_t*)c.p[3]);
  if (cursor >= 0 && cursor + m <= count) return (const int32_t*)c.p[2] + cursor;
  fail(c, -1, cursor);
  return nullptr;
}

enum { kAheadRows = 32 };

// The rows and columns of `part`, to y on, where rows are `pitch` elements apart. As with copy, the types of the operands decide, not the
// command's dtype. A bad row becomes zeros.
static void gatherPart(const Command& c, const Segment& part, char* y, int64_t pitch) {
  TakeRow take = nullptr;
  int64_t sizeY = 0, sizeX = 0;  // bytes of an element
  withPointer(c.p[0], c.types[0], [&](auto* to) {
    withPointer(c.p[1], c.types[1], [&](auto* x) { take = takeRow(to, x), sizeY = sizeof(*to), sizeX = sizeof(*x); });
  });
  const int64_t m = c.n[0], n = c.n[1], rows = c.n[2], count = c.n[3];
  const int64_t width = part.column1 - part.column0;
  const char* x = (const char*)c.p[1] + part.column0 * sizeX;
  int64_t cursor;
  const int32_t* idx = chosenRows(c, cursor);
  const int64_t ahead = lesser(m, kAheadRows);
  if (!idx && width == 0) return;  // nothing bounds m then
  for (int64_t i = part.row0; i < part.row1; ++i, y += pitch * sizeY) {
    // Hints, so that rows come from memory in time: those of the next batch if it is small, while this step computes; else rows that
    // follow soon (of a large batch few would be left in a near cache).
    if (idx && cursor + ahead + i < count) {
      const int64_t next = readOnce(idx + ahead + i);
      if (next >= 0 && next < rows) {
        const char* p = x + next * n * sizeX;
        for (int64_t b = 0; b < width * sizeX; b += 64) __builtin_prefetch(p + b, 0, 2);
      }
    }
    const int64_t row = idx ? readOnce(idx + i) : -1;
    if (row >= 0 && row < rows) {
      take(y, x + row * n * sizeX, width, c.d[0]);
      continue;
    }
    if (idx) fail(c, i, row);
    __builtin_memset(y, 0, (size_t)(width * sizeY));
  }
}

namespace op {

template <class V>
struct oneHot {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) {
    plan.units = c.n[0];
    plan.nanoseconds = (double)c.n[0] * (5 + (double)c.n[1] * 0.1);
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    const int64_t n = c.n[1];
    for (int64_t i = begin; i < end; ++i) {
      E* y = (E*)c.p[0] + i * n;
      for (int64_t j = 0; j < n; ++j) y[j] = 0;
      const int64_t t = label(c, 1, i);
      if (t >= 0 && t < n) y[t] = 1;
      else fail(c, i, t);
    }
  }
  static constexpr FinishFn finish = nullptr;
};

template <class V>
struct gatherRows {
  static void plan(const Command& c, Plan& plan) {
    plan.units = Segment::count(c);
    if (Segment::byColumns(c)) plan.turns = 1;
    plan.nanoseconds = (double)c.n[0] * (20 + (double)c.n[1] * 0.1);
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    const Segment part = Segment::of(c, begin, end);
    withPointer(c.p[0], c.types[0], [&](auto* y) { gatherPart(c, part, (char*)(y + part.row0 * c.n[1] + part.column0), c.n[1]); });
  }
  static constexpr FinishFn finish = nullptr;
};

// A unit is a stretch of columns.
template <class V>
struct gatherPanels {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) {
    plan.units = c.n[0] == 0 ? 0 : greater(1, ceilDivide(c.n[1], kPanelColumns));
    plan.turns = 1;
    plan.cuts = true;
    plan.nanoseconds = (double)c.n[0] * (20 + (double)c.n[1] * 0.1);
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    const int64_t m = c.n[0], n = c.n[1];
    E* x = (E*)c.p[0];
    const Panels panels = Panels::cut(c.n[4], m, n, c.shareEnds);
    if (begin == 0) panels.note(x);
    const int64_t first = begin * kPanelColumns, last = lesser(n, end * kPanelColumns);
    for (int64_t h = 0; h < panels.count; h++) {
      const int64_t from = greater(first, panels.start(h)), to = lesser(last, panels.ends[h]);
      if (from < to || (n == 0 && h == 0)) gatherPart(c, {0, m, from, to}, (char*)(x + panels.at(h, from)), panels.width(h));
    }
  }
  static constexpr FinishFn finish = nullptr;
};

// Rows may be chosen twice, and the order of their sum is fixed: one unit.
template <class V>
struct scatterRows {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) {
    plan.units = 1;
    plan.nanoseconds = (double)c.n[1] * ((double)c.n[2] * 0.1 + (double)c.n[0] * 0.4);
  }
  static void run(const Command& c, int64_t, int64_t) {
    E* dsrc = (E*)c.p[0];
    const E* dy = (const E*)c.p[1];
    const int64_t m = c.n[0], n = c.n[1], rows = c.n[2];
    const V divisor = V::set1((E)c.d[0]);
    for (int64_t j = 0; j < rows * n; ++j) dsrc[j] = 0;
    int64_t cursor;
    const int32_t* idx = chosenRows(c, cursor);
    for (int64_t i = 0; idx && i < m; ++i) {
      const int64_t row = readOnce(idx + i);
      if (row < 0 || row >= rows) {
        fail(c, i, row);
        continue;
      }
      E* to = dsrc + row * n;
      const E* from = dy + i * n;
      forEach<V>(0, n, [&](int64_t j, auto part) LW_LAMBDA {
        (V::load(to + j, part) + V::load(from + j, part) / divisor).store(to + j, part);
      });
    }
  }
  static constexpr FinishFn finish = nullptr;
};

}  // namespace op
}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
