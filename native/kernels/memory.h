// Filling, copying with conversion, and the small counters that a replayed tape keeps in buffers.
#pragma once

#define LANEWISE_MEMORY_OPS(OP) \
  OP(fill, "y:w:A:n | n value:d") \
  OP(copy, "y:w:A:n x:r:A:n | n") \
  OP(copyColumns, "y:u:A:m*p x:r:A:m*q | m n p q at from") \
  OP(advance, "x:u:i:1 | by") \
  OP(put, "dst:u:A:cap src:r:A:1 at:r:i:1 | cap")

#ifdef LANEWISE_KERNELS
#include "../simd/convert.h"
#include "checked.h"
#include "elements.h"
#include "pieces.h"

namespace lanewise {
namespace LANEWISE_ISA {

// The types of the operands decide here, not the command's dtype: one body serves both columns of the table.

template <class D>
static void fillRange(D* y, int64_t n, double value) {
  const D v = To<D>::from(value);
  for (int64_t i = 0; i < n; ++i) y[i] = v;
}

// n of the numbers of a command that copies `all`. Casts, which would go through memory of their own, stay in the caches.
template <class D, class S>
static void copyRange(D* y, const S* x, int64_t n, int64_t) {
  for (int64_t i = 0; i < n; ++i) y[i] = To<D>::from(x[i]);
}
template <class D>
static void copyRange(D* y, const D* x, int64_t n, int64_t all) {
  if (goesPast(all, y, x)) {
    copyPast((char*)y, (const char*)x, n * (int64_t)sizeof(D));
    endPast<F32>(true);
  } else if (n > 0) __builtin_memcpy(y, x, (size_t)n * sizeof(D));
}

static void runFill(const Command& c, int64_t begin, int64_t end) {
  const int64_t first = begin * kBlock, n = lesser(c.n[0], end * kBlock) - first;
  withPointer(c.p[0], c.types[0], [&](auto* y) { fillRange(y + first, n, c.d[0]); });
}

static void runCopy(const Command& c, int64_t begin, int64_t end) {
  const int64_t first = begin * kBlock, n = lesser(c.n[0], end * kBlock) - first;
  withPointer(c.p[0], c.types[0], [&](auto* y) {
    withPointer(c.p[1], c.types[1], [&](auto* x) { copyRange(y + first, x + first, n, c.n[0]); });
  });
}

// A unit is some rows, or a piece of kBlock columns of one.
static int64_t piecesOfRow(int64_t n) { return greater(1, ceilDivide(n, kBlock)); }

static void runCopyColumns(const Command& c, int64_t begin, int64_t end) {
  const int64_t m = c.n[0], n = c.n[1], pieces = piecesOfRow(n), rows = rowsAtOnce(n);
  int64_t size = 0;
  withPointer(c.p[0], c.types[0], [&](auto* y) { size = sizeof(*y); });
  // Pieces past the caches: from 240 bytes on where they are parts of rows of y, as concat's (0.26 to 0.6 of the time on Zen 4; of 200 bytes 0.9 to
  // 1.2), from 1280 where they fill y, as slice's (0.62 to 0.78; of 512 bytes 1.3 to 1.46).
  const bool past = n * size >= (n < c.n[2] ? 240 : 1280) && goesPast(m * c.n[2] * size, (char*)c.p[0], (char*)c.p[1]);
  for (int64_t u = begin; u < end; u++) {
    const int64_t row = u / pieces * rows, column = u % pieces * kBlock;
    char* y = (char*)c.p[0] + (row * c.n[2] + c.n[4] + column) * size;
    const char* x = (const char*)c.p[1] + (row * c.n[3] + c.n[5] + column) * size;
    const int64_t count = lesser(rows, m - row), bytes = lesser(kBlock, n - column) * size, apartY = c.n[2] * size, apartX = c.n[3] * size;
    if (past) {
      for (int64_t i = 0; i < count; i++) copyPast(y + i * apartY, x + i * apartX, bytes);
    } else {
      copyPieces(y, apartY, count, bytes, [x, apartX](int64_t i) LW_LAMBDA { return x + i * apartX; });
    }
  }
  endPast<F32>(past);
}

static void runPut(const Command& c) {
  const int64_t at = readOnce((const int32_t*)c.p[2]);
  if (at < 0 || at >= c.n[0]) return fail(c, 0, at);
  withPointer(c.p[0], c.types[0], [&](auto* dst) {
    withPointer(c.p[1], c.types[1], [&](auto* src) { copyRange(dst + at, src, 1, 1); });
  });
}

namespace op {

template <class V>
struct fill {
  static void plan(const Command& c, Plan& plan) { planUnits(c.n[0], 0.15, plan); }
  static void run(const Command& c, int64_t begin, int64_t end) { runFill(c, begin, end); }
  static constexpr FinishFn finish = nullptr;
};

template <class V>
struct copy {
  static void plan(const Command& c, Plan& plan) { planUnits(c.n[0], 0.15, plan); }
  static void run(const Command& c, int64_t begin, int64_t end) { runCopy(c, begin, end); }
  static constexpr FinishFn finish = nullptr;
};

template <class V>
struct copyColumns {
  static void plan(const Command& c, Plan& plan) {
    plan.units = c.n[1] > 0 ? ceilDivide(c.n[0], rowsAtOnce(c.n[1])) * piecesOfRow(c.n[1]) : 0;
    plan.nanoseconds = (double)c.n[0] * (1 + (double)c.n[1] * 0.15);
  }
  static void run(const Command& c, int64_t begin, int64_t end) { runCopyColumns(c, begin, end); }
  static constexpr FinishFn finish = nullptr;
};

template <class V>
struct advance {
  static void plan(const Command&, Plan& plan) { plan.units = 1, plan.nanoseconds = 2; }
  static void run(const Command& c, int64_t, int64_t) {
    uint32_t* x = (uint32_t*)c.p[0];  // unsigned: wraps
    *x += (uint32_t)c.n[0];
  }
  static constexpr FinishFn finish = nullptr;
};

template <class V>
struct put {
  static void plan(const Command&, Plan& plan) { plan.units = 1, plan.nanoseconds = 5; }
  static void run(const Command& c, int64_t, int64_t) { runPut(c); }
  static constexpr FinishFn finish = nullptr;
};

}  // namespace op
}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
