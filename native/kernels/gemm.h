// C = op(A)·op(B) (+ bias): how a product is divided among threads, over rows and columns of C (a block is the work of gemm-nest.h),
// or over k (gemm-legs.h).
#pragma once
#ifdef LANEWISE_KERNELS

#include "gemm-legs.h"
#include "gemm-nest.h"
#include "gemm-transposed.h"

namespace lanewise {
namespace LANEWISE_ISA {

template <class V>
struct Tiles {
  typedef typename V::E E;
  typedef Strips<V> T;
  typedef Nest<V> N;
  enum { MR = T::MR, NR = T::NR };
  // Rows that take all blocks of k of a narrow product before others do, so that they find C near. Each such band fetches B anew (24 rows: 256×50×784
  // with AVX2 on Zen 4 0.9 of the speed, 256×50×3000 with AVX-512 0.92), and so does each turn.
  enum { BAND = 24 * MR, TURN = 64 };

  // C is divided into a grid of blocks, rows first: units [0, columns) are the first band of rows.
  struct Grid {
    int64_t rows, columns;          // blocks down and across
    int64_t rowStep, columnStep;    // their size
  };
  // The height of equal bands of at most `most` rows, an even number of them, for two threads.
  static int64_t bandOf(int64_t rows, int64_t most) {
    return greater(1, ceilDivide(rows, rows > most ? 2 * ceilDivide(rows, 2 * most) : 1));
  }
  // Whether threads share the columns alone, so that each copies its own part of B and not all of it (Zen 4, two threads, squares of 1024 and
  // 2048: 1.03 to 1.04 times as fast). Tall products have little to copy for many rows; and a gradient of weights, whose A is by columns,
  // is made by rows, as the optimizer goes through it.
  static bool across(const Gemm<E>& g, int threads) { return !T::small(g) && g.n >= g.m && g.rowA != 1 && ceilDivide(g.n, NR) >= 4 * threads; }
  static Grid gridOf(const Gemm<E>& g, bool across) {
    Grid grid;
    // A small product may be cut at any other row (where vectors go down the rows, at whole vectors), for threads of unequal
    // speed; run() joins what one of them gets.
    grid.rowStep = T::small(g) ? (g.rowA == 1 ? 16 : 2) : across ? greater(g.m, 1) : bandOf(g.m, 32 * MR);
    grid.rows = ceilDivide(g.m, grid.rowStep);
    grid.columnStep = T::small(g) ? greater(g.n, 1) : (int64_t)NR;
    grid.columns = ceilDivide(g.n, grid.columnStep);
    return grid;
  }

  static void plan(const Gemm<E>& g, Plan& plan) {
    plan.nanoseconds = (double)g.m * g.n * (g.k + 4) * 0.25 / V::W;
    if (TransposedRows<V>::takes(g)) {
      plan.units = TransposedRows<V>::units(g);
      plan.turns = 1;
      return;
    }
    const int64_t legs = plan.legs ? ProductLegs<V>::count(g, plan.threads) : 1;
    plan.leg = legs > 1 ? ProductLegs<V>::unitsOfEach(g) : 0;
    plan.freeEnds = g.source ? 1 : 0;
    plan.scratch = legs > 1 ? ProductLegs<V>::scratchBytes(g, legs) : 0;
    const Grid grid = gridOf(g, across(g, plan.threads));
    if (legs == 1 && !g.source && T::small(g)) plan.unitBytes = grid.rowStep * g.n * (int64_t)sizeof(E);
    plan.units = legs > 1 ? legs * plan.leg : grid.rows * grid.columns;
    if (g.source) {
      plan.nanoseconds += gatherNanoseconds(g.m, g.k);
      plan.kept = (size_t)(legs - 1) * Ahead::bytes(g.m);
      plan.keptOf = 1 << Source::kOperand | 1 << Source::kBatch;
      if (!T::small(g)) plan.units = lesser(plan.units, 1);  // wider blocks would share rows
    }
    // Each turn copies its own parts of A and B, or has B in the first-level cache for its rows. A gradient's looks for zeros besides (batch 32
    // on two threads of Zen 4: two turns of each instead of four 1.03 times as fast, one about as much again).
    plan.turns = T::small(g) && !g.transB ? (int)greater(1, lesser(plan.turns, g.m / ((g.rowA == 1 ? 6 * TURN : (int64_t)TURN) * plan.threads))) : 1;
  }

  // A is gathered, in one panel, by those who multiply it: all of a thread's rows, and then their product, which makes one copy of B.
  static void gathered(const Gemm<E>& g, int64_t begin, int64_t end) {
    const int64_t step = T::small(g) ? gridOf(g, false).rowStep : g.m, from = begin * step, to = lesser(end * step, g.m);
    if (begin == 0) {
      const Panels panels = Panels::cut(g.panels, g.m, g.k, nullptr);
      for (int64_t h = 0; h < g.panels; h++) panels.note((E*)g.a, h);
    }
    Gemm<E> part = g;
    part.panels = 0;
    gatherPart<true>(*g.source, {from, to, 0, g.k}, (char*)(g.a + from * g.k), g.k);
    N::block(part, from, to, 0, g.n);
  }

  static void run(const Gemm<E>& g, const Command& command, int64_t begin, int64_t end) {
    if constexpr (ProductLegs<V>::kMeasured) {
      if (command.leg > 0) {
        for (int64_t u = begin; u < end; u++) ProductLegs<V>::run(g, command, u);
        return;
      }
    }
    if (g.source) return gathered(g, begin, end);
    if (TransposedRows<V>::takes(g)) {
      if (!TransposedRows<V>::run(g, begin, end)) N::block(g, 0, g.m, begin * TransposedRows<V>::BAND, lesser(end * TransposedRows<V>::BAND, g.n));
      return;
    }
    const Grid grid = gridOf(g, command.units == ceilDivide(g.n, NR));
    if (T::small(g)) {
      // One block, unless rows of C would leave the cache between two blocks of k.
      const int64_t r0 = begin * grid.rowStep, r1 = lesser(end * grid.rowStep, g.m);
      const int64_t height = N::rowsThatFit(g) >= g.k ? r1 - r0 : ceilDivide(bandOf(r1 - r0, BAND), grid.rowStep) * grid.rowStep;
      for (int64_t r = r0; r < r1; r += height) N::block(g, r, lesser(r + height, r1), 0, g.n);
      return;
    }
    for (int64_t u = begin; u < end;) {
      const int64_t row = u / grid.columns, first = u % grid.columns, left = end - u;
      const int64_t bands = first == 0 && left >= grid.columns ? left / grid.columns : 1;
      const int64_t last = lesser(first + left, grid.columns);
      N::block(g, row * grid.rowStep, lesser((row + bands) * grid.rowStep, g.m), first * grid.columnStep,
            lesser(last * grid.columnStep, g.n));
      u += (bands - 1) * grid.columns + last - first;
    }
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
