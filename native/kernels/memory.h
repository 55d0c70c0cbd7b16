// Filling, copying with conversion, and the small counters that a replayed tape keeps in buffers.
#pragma once

#define LANEWISE_MEMORY_OPS(OP) \
  OP(fill, "y:w:A:n | n value:d") \
  OP(copy, "y:w:A:n x:r:A:n | n") \
  OP(advance, "x:u:i:1 | by") \
  OP(put, "dst:u:A:cap src:r:A:1 at:r:i:1 | cap")

#ifdef LANEWISE_KERNELS
#include "../simd/convert.h"
#include "checked.h"
#include "elements.h"

namespace lanewise {
namespace LANEWISE_ISA {

// The types of the operands decide here, not the command's dtype: one body serves both columns of the table.

template <class D>
static void fillRange(D* y, int64_t n, double value) {
  const D v = To<D>::from(value);
  for (int64_t i = 0; i < n; ++i) y[i] = v;
}

template <class D, class S>
static void copyRange(D* y, const S* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = To<D>::from(x[i]);
}
template <class D>
static void copyRange(D* y, const D* x, int64_t n) {
  if (n > 0) __builtin_memcpy(y, x, (size_t)n * sizeof(D));
}

static void runFill(const Command& c, int64_t begin, int64_t end) {
  const int64_t first = begin * kBlock, n = lesser(c.n[0], end * kBlock) - first;
  withPointer(c.p[0], c.types[0], [&](auto* y) { fillRange(y + first, n, c.d[0]); });
}

static void runCopy(const Command& c, int64_t begin, int64_t end) {
  const int64_t first = begin * kBlock, n = lesser(c.n[0], end * kBlock) - first;
  withPointer(c.p[0], c.types[0], [&](auto* y) {
    withPointer(c.p[1], c.types[1], [&](auto* x) { copyRange(y + first, x + first, n); });
  });
}

static void runPut(const Command& c) {
  const int64_t at = readOnce((const int32_t*)c.p[2]);
  if (at < 0 || at >= c.n[0]) return fail(c, 0, at);
  withPointer(c.p[0], c.types[0], [&](auto* dst) {
    withPointer(c.p[1], c.types[1], [&](auto* src) { copyRange(dst + at, src, 1); });
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
