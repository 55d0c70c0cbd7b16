// Rows chosen by indices that live in buffers (rows.h).
#pragma once

#define LANEWISE_INDEXING_OPS(OP) \
  OP(oneHot, "y:w:T:m*n t:r:L:m | m n") \
  OP(gatherRows, "y:w:A:m*n src:r:A:rows*n idx:r:i:count cursor:r:i:1 | m n rows count divisor:d") \
  OP(scatterRows, "dsrc:w:T:rows*n dy:r:T:m*n idx:r:i:count cursor:r:i:1 | m n rows count divisor:d")

#ifdef LANEWISE_KERNELS
#include "elements.h"
#include "pieces.h"
#include "rows.h"

namespace lanewise {
namespace LANEWISE_ISA {

// The part of units [begin, end). A small batch of long rows is divided by columns: the products that read it next divide k, and the
// weights their rows, in the same places, so each thread finds its part in its own cache.
struct GatherUnits {
  enum { COLUMNS = 64 };
  static LW_MEMBER bool byColumns(const Command& c) { return c.n[0] > 0 && c.n[0] <= 64 && c.n[1] >= 4 * COLUMNS; }
  static LW_MEMBER int64_t count(const Command& c) { return byColumns(c) ? ceilDivide(c.n[1], COLUMNS) : c.n[0]; }
  static LW_MEMBER Segment of(const Command& c, int64_t begin, int64_t end) {
    if (!byColumns(c)) return {begin, end, 0, c.n[1]};
    return {0, c.n[0], begin * COLUMNS, lesser(c.n[1], end * COLUMNS)};
  }
};

namespace op {

template <class V>
struct oneHot {
  typedef typename V::E E;
  enum { ROWS = 32 };  // of a unit: the next begins on a line of y
  static void plan(const Command& c, Plan& plan) {
    plan.units = ceilDivide(c.n[0], ROWS);
    plan.nanoseconds = (double)c.n[0] * (1 + (double)c.n[1] * 0.02);
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    // Short rows of a far result are put together near the core and go past the caches in pieces that end with a line: on Zen 5 rows of ten take 0.55
    // of the time; pieces of 2 KB and more twice as long as without.
    enum { PIECE = 1280 };
    const int64_t n = c.n[1], last = lesser(c.n[0], end * ROWS), few = n > 0 ? lesser(ROWS, PIECE / (n * (int64_t)sizeof(E)) & -16) : 0;
    E* y = (E*)c.p[0];
    const bool past = few > 0 && goesPast(c.n[0] * n, y);
    const int64_t each = past ? few : rowsAtOnce(n);
    alignas(64) E held[PIECE / sizeof(E)];
    for (int64_t first = begin * ROWS; first < last; first += each) {
      const int64_t count = lesser(each, last - first);
      const size_t bytes = (size_t)(count * n) * sizeof(E);
      E* rows = past ? held : y + first * n;
      __builtin_memset(rows, 0, bytes);
      withLabels(c, 1, [&](auto* labels) LW_LAMBDA {
        for (int64_t i = 0; i < count; ++i) {
          const int64_t t = readOnce(labels + first + i);
          if (t >= 0 && t < n) rows[i * n + t] = 1;
          else fail(c, first + i, t);
        }
      });
      if (past) copyPast((char*)(y + first * n), (const char*)held, (int64_t)bytes);
    }
    endPast<V>(past);
  }
  static constexpr FinishFn finish = nullptr;
};

template <class V>
struct gatherRows {
  static void plan(const Command& c, Plan& plan) {
    plan.units = GatherUnits::count(c);
    if (GatherUnits::byColumns(c)) plan.turns = 1;
    plan.nanoseconds = gatherNanoseconds(c.n[0], c.n[1]);
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    const Segment part = GatherUnits::of(c, begin, end);
    withPointer(c.p[0], c.types[0], [&](auto* y) {
      const bool past = goesPast(c.n[0] * c.n[1], y);
      gatherPart<true>(c, part, (char*)(y + part.row0 * c.n[1] + part.column0), c.n[1], past);
      endPast<V>(past);
    });
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
