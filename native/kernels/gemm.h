// C = op(A)·op(B) (+ bias): the loop nest around the register tiles of gemm-tile.h, and how it is divided.
// Work is divided over rows and columns of C; blocks of k go through C in memory one after another, which keeps the chain of
// each element. A block of k may be another thread's: see "lanes".
#pragma once
#ifdef LANEWISE_KERNELS

#include "../scratch.h"
#include "ahead.h"
#include "gemm-tile.h"
#include "panels.h"
#include "transpose.h"

namespace lanewise {
namespace LANEWISE_ISA {

template <class V>
struct Tiles {
  typedef typename V::E E;
  typedef Tile<V> T;
  // Whether rows of B are so long (AVX-512: four lines) that few of its blocks stay near the core whatever their size.
  static constexpr bool kLongRows = T::NR * sizeof(E) > 64;
  // Blocks of k: one if k is at most KMOST, else about KC each. Zen 4, squares of 1024 and 2048: blocks of 256 101 GFLOP/s, of 512,
  // with the copies below, 107; with AVX2 on Zen 3 256 is best. On the stack, which may be small, STACKED.
  enum { MR = T::MR, NR = T::NR, KC = kLongRows ? 512 : 256, KMOST = kLongRows ? 512 : 384, STACKED = 256 };
  // Columns up to which a product counts as small: a block of all columns of B stays in the first-level cache as it lies.
  enum { SMALL = 2 * NR > 64 ? 2 * NR : 64 };
  // Elements kept of B and of A as copies. A, and one strip of B, stay in a second-level cache (1 MB or so; 512 KB with AVX2); the
  // rest of B may lie in the third: each strip serves all rows of A before it is left.
  enum { COPY_B = (kLongRows ? 4 << 20 : 1 << 20) / sizeof(E), COPY_A = (kLongRows ? 4 << 16 : 3 << 16) / sizeof(E), PAD = 16 };
  // Bytes from row to row of A beyond which a copy of it pays (AVX-512 on Zen 4, 128×512×784: 113 GFLOP/s without, 112 with).
  static constexpr int64_t kFarRows = kLongRows ? 4096 : 1024;
  // Bytes of B, as it lies, that stay near: in a first-level cache of 32 KB or more, with AVX-512 in the second (32×50×784 on Zen 4: 110
  // GFLOP/s, cut for the first 103).
  static constexpr int64_t kNearB = kLongRows ? 1 << 18 : 24576;

  // y[i*ldy + j] = x[i*ldx + j], m rows of n.
  static void copyRows(const E* x, int64_t ldx, int64_t m, int64_t n, E* y, int64_t ldy) {
    for (int64_t i = 0; i < m; i++) {
      const E* from = x + i * ldx;
      E* to = y + i * ldy;
      int64_t j = 0;
      for (; j + V::W <= n; j += V::W) V::load(from + j).store(to + j);
      if (j < n) V::load(from + j, V::first(n - j)).store(to + j, V::first(n - j));
    }
  }

  // Rows [p0, p0+k) and `width` columns from j on of op(B), as rows of NR.
  static void packB(const Gemm<E>& g, int64_t p0, int64_t k, int64_t j, int64_t width, E* panel) {
    if (g.transB) transposeBlock<V>(g.b + j * g.ldb + p0, g.ldb, width, k, panel, NR);
    else copyRows(g.b + p0 * g.ldb + j, g.ldb, k, width, panel, NR);
  }

  // Rows [i0, i0+m) and columns [p0, p0+k) of op(A) close together, as stored: rows of k, or of m if A is transposed.
  static Gemm<E> packA(const Gemm<E>& g, int64_t i0, int64_t m, int64_t p0, int64_t k, E* to) {
    const bool across = g.colA == 1;
    const int64_t ld = (across ? k : m) + PAD;  // not a power of two, which would crowd few cache sets
    const E* from = g.a + i0 * g.rowA + p0 * g.colA;
    if (across) copyRows(from, g.rowA, m, k, to, ld);
    else copyRows(from, g.colA, k, m, to, ld);
    Gemm<E> packed = g;
    packed.rowA = across ? ld : 1;
    packed.colA = across ? 1 : ld;
    packed.a = to - i0 * packed.rowA - p0 * packed.colA;
    return packed;
  }

  // Rows [i0, i1) and columns [c0, c1) of C, over all of k. Panels hold A's transpose: each has some of the rows.
  static void block(const Gemm<E>& g, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    if (g.panels == 0) return blockOfRows(g, i0, i1, c0, c1);
    const Panels panels = Panels::noted(g.a, g.panels, g.k, g.m);
    for (int64_t h = 0; h < g.panels; h++) {
      const int64_t from = greater(i0, panels.start(h)), to = lesser(i1, panels.ends[h]);
      if (from >= to) continue;
      Gemm<E> part = g;
      part.a += panels.at(h, 0, panels.places[h]);
      part.colA = panels.width(h);
      blockOfRows(part, from, to, c0, c1);
    }
  }
  static void blockOfRows(const Gemm<E>& g, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    alignas(64) E panel[STACKED * NR];
    const int64_t m = i1 - i0, strips = ceilDivide(c1 - c0, NR);
    // Copying B pays when several tiles of rows use the panels; copying A when several strips do and its rows lie far apart.
    const bool packsB = g.transB || (strips > 1 && m > 2 * MR && !small(g));
    E* own = packsB && strips > 1 ? (E*)workspace((COPY_B + COPY_A) * sizeof(E)) : nullptr;
    const bool packsA = own && strips >= 4 && m >= MR && (g.colA != 1 || g.rowA * (int64_t)sizeof(E) > kFarRows);
    const int64_t step = !packsB ? (m <= MR ? fewRows(g) : rowsThatFit(g)) : own ? blockOfK(g.k) : (int64_t)STACKED;
    // A copy of B serves all bands of rows; a copy of A all strips of `wide` columns.
    const int64_t wide = own ? COPY_B / step / NR * NR : packsB ? (int64_t)NR : greater(c1 - c0, 1);
    const int64_t tall = packsA ? lesser(COPY_A / (step + PAD), KMOST) - PAD : greater(m, 1);
    const int64_t bands = ceilDivide(m, tall);
    for (int64_t b0 = c0; b0 < c1; b0 += wide) {
      const int64_t b1 = lesser(b0 + wide, c1);
      int64_t p0 = 0;
      do {  // once even for k = 0, which leaves the initial values
        const int64_t k = lesser(g.k - p0, step);
        for (int64_t band = 0; band < bands; band++) {
          const int64_t r0 = i0 + m * band / bands, r1 = i0 + m * (band + 1) / bands;
          const Gemm<E> near = packsA ? packA(g, r0, r1 - r0, p0, k, own + COPY_B) : g;
          if (m == 1 && !packsB && b1 - b0 > NR) {
            T::oneRow(g, {g.b + p0 * g.ldb + b0, g.ldb, p0, k, b0, startOf(g, p0), nullptr}, r0, b1 - b0);
            continue;
          }
          for (int64_t j0 = b0; j0 < b1; j0 += NR) {
            const int64_t width = lesser(b1 - j0, NR);
            E* copy = packsB ? (own ? own : panel) + (j0 - b0) * k : nullptr;
            if (packsB && band == 0) {
              if (!g.transB && width == NR && r1 - r0 > MR) {
                T::copyingStrip(near, {g.b + p0 * g.ldb + j0, g.ldb, p0, k, j0, startOf(g, p0), copy}, r0, r1);
                continue;
              }
              packB(g, p0, k, j0, width, copy);
            }
            const E* b = packsB ? copy : g.b + p0 * g.ldb + j0;
            T::strip(near, {b, packsB ? (int64_t)NR : g.ldb, p0, k, j0, startOf(g, p0), nullptr}, width, r0, r1);
          }
        }
        p0 += k;
      } while (p0 < g.k);
    }
  }

  static Start<E> startOf(const Gemm<E>& g, int64_t p0) { return p0 > 0 ? Start<E>{g.c, g.ldc} : Start<E>{g.bias, 0}; }
  static int64_t blockOfK(int64_t k) {
    return k <= KMOST ? greater(k, 1) : ceilDivide(k, ceilDivide(k, KC));
  }
  // Rows of B as they lie, with all their columns: strips share lines.
  static int64_t rowsThatFit(const Gemm<E>& g) {
    const int64_t fits = kNearB / ((int64_t)sizeof(E) * lesser(g.n, SMALL));
    return fits < g.k ? greater(fits / 16, 1) * 16 : greater(g.k, 1);
  }
  // Few rows use B once, as it lies in memory.
  static int64_t fewRows(const Gemm<E>& g) { return g.m > 1 && g.n > 2 * NR ? 128 : greater(g.k, 1); }
  static bool small(const Gemm<E>& g) { return g.n <= SMALL; }

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
  // 2048: 1.03 to 1.04 times as fast). Tall products have little to copy for many rows.
  static bool across(const Gemm<E>& g, int threads) { return !small(g) && g.n >= g.m && ceilDivide(g.n, NR) >= 4 * threads; }
  static Grid gridOf(const Gemm<E>& g, bool across) {
    Grid grid;
    // A small product may be cut at any other row (where vectors go down the rows, at whole vectors), for threads of unequal
    // speed; run() joins what one of them gets.
    grid.rowStep = small(g) ? (g.rowA == 1 ? 16 : 2) : across ? greater(g.m, 1) : bandOf(g.m, 32 * MR);
    grid.rows = ceilDivide(g.m, grid.rowStep);
    grid.columnStep = small(g) ? greater(g.n, 1) : (int64_t)NR;
    grid.columns = ceilDivide(g.n, grid.columnStep);
    return grid;
  }

  // Lanes: threads may share k instead, each with a range of its own, one after another at the same tile of rows. That costs
  // waiting for the first tile, but a thread's part of A and B stays the same from command to command and with it its cache:
  // B (the weights), its gradient and the optimizer are all divided by rows. It pays while B is larger than A (Zen 4
  // with AVX2, 784-50-10 at batch 32: two threads 1.15 times as fast as one by rows, 1.6 times in lanes). On ARM nothing was measured.
  static constexpr bool kLanes = V::W * sizeof(E) >= 32;
  static int64_t lanesOf(const Gemm<E>& g, int threads) {
    const int64_t units = laneUnits(g);
    const bool pays = kLanes && threads > 1 && small(g) && g.n > 0 && g.colA == 1 && !g.transB && g.k >= 128 * threads && g.m <= (g.source ? 256 : g.n + MR) &&
                      units >= 2 * threads;
    return pays && threads <= (g.source ? g.panels : (int64_t)kMostLanes) && units * threads <= kMostLaneUnits ? threads : 1;
  }
  // A lane's units: tiles of rows, with AVX-512 a row less than there could be (32 rows in seven tiles, not six: the largest is what
  // the next lane waits for; with AVX2 six are 1.02 times as fast); before them the last columns of all rows, where those go apart. Where A
  // is to be gathered, there is a unit before and one after these. All lanes but the last gather their panel of the next batch after
  // them, when they would only wait, and find it in the next step (ahead.h); so they begin to multiply a tile before the last lane, which
  // first gathers its own.
  static int64_t laneUnits(const Gemm<E>& g) {
    return ceilDivide(g.m, kLongRows ? MR - 1 : MR) + (T::apart(g, g.n, g.m, g.k) > 0 ? 1 : 0) + (g.source ? 2 : 0);
  }
  // The sums that lane h leaves for the next one, where C would lie: the last columns, if they go apart, close together, the others in whole
  // lines. In C itself each line would change cores three times a step (Zen 4, batch 32 on two threads: 1.03 of the time).
  static int64_t wholeOf(const Gemm<E>& g) { return g.n - T::apart(g, g.n, g.m, g.k); }
  static int64_t wholeRegisters(int64_t numbers) { return ceilDivide(numbers, V::W) * V::W; }
  static int64_t sumsOf(const Gemm<E>& g) { return wholeRegisters(g.m * (wholeRegisters(wholeOf(g)) + g.n - wholeOf(g))); }
  static Start<E> sums(const Gemm<E>& g, const Command& command, int64_t h, bool last) {
    E* own = (E*)command.scratch + h * sumsOf(g);
    const int64_t whole = wholeOf(g), ld = wholeRegisters(whole);
    return last ? Start<E>{own + g.m * ld - whole, g.n - whole} : Start<E>{own, ld};
  }
  // The last columns of a lane, which go so fast from row to row of B that the processor asks for some 64 rows ahead. The next lane's rows
  // would come to this core so, and their owner would have to fetch them back: the last rows are copied first, from the last one up (Zen 4, batch 32
  // on two threads, cores far apart: 0.99 to 1.03 times as fast, in the quieter run 1.01 to 1.03).
  static void lastOfLane(const Gemm<E>& g, Strip<E> strip, int64_t width, bool hasNext) {
    enum { AHEAD = 64 };
    E copy[AHEAD * V::W];
    const int64_t rows = hasNext && strip.k >= 2 * AHEAD ? (int64_t)AHEAD : 0, before = strip.k - rows;
    const E* b = strip.b + before * strip.ldb;
    for (int64_t p = rows; p-- > 0;)
      for (int64_t j = 0; j < width; j++) copy[p * width + j] = b[p * strip.ldb + j];
    strip.k = before;
    T::strip(g, strip, width, 0, g.m);
    if (rows > 0) T::strip(g, {copy, width, strip.p0 + before, rows, strip.j0, {g.c, g.ldc}, nullptr}, width, 0, g.m);
  }
  static void lane(const Gemm<E>& g, const Command& command, int64_t unit) {
    const int64_t lanes = command.units / command.lane, h = unit / command.lane;
    const int64_t whole = wholeOf(g), last = g.n - whole, freeEnds = g.source ? 1 : 0, before = freeEnds + (last > 0 ? 1 : 0);
    const int64_t t = unit % command.lane - before, tiles = command.lane - before - freeEnds;
    Panels cut = Panels::cut(g.source ? g.panels : lanes, g.m, g.k, command.lanes->ends);
    const int64_t p0 = cut.start(h), p1 = cut.ends[h];
    Gemm<E> part = g;
    const Start<E> start = h > 0 ? sums(g, command, h - 1, t < 0) : startOf(g, 0);
    if (h + 1 < lanes) {
      const Start<E> own = sums(g, command, h, t < 0);
      part.c = (E*)own.from;
      part.ldc = own.ld;
    }
    if (g.source) {
      const Segment own = {0, g.m, p0, p1};
      const Ahead ahead(command, h + 1 < lanes ? h : -1, own);
      const auto panel = [&](int64_t place) { return (E*)g.a + cut.at(h, p0, place); };
      if (t == -before) {
        const bool found = ahead.find();
        cut.places[h] = ahead.place();
        cut.note((E*)g.a, h);
        for (int64_t i = lanes; h == 0 && i < g.panels; i++) cut.note((E*)g.a, i);
        if (!found) gatherPart<false>(command, own, (char*)panel(ahead.place()), cut.width(h));
        if (h + 1 == lanes) askAfter(command, own);
        return;
      }
      if (t == tiles) {
        if (ahead.note) ahead.gather((char*)panel(1 - ahead.place()));
        else if (h + 1 < lanes) askAfter(command, own);
        return;
      }
      part.a = panel(ahead.place()) - p0;
      part.rowA = cut.width(h);
    }
    if (t < 0) return lastOfLane(part, {g.b + p0 * g.ldb + whole, g.ldb, p0, p1 - p0, whole, start, nullptr}, last, h + 1 < lanes);
    for (int64_t j = 0; j < whole; j += NR) {
      const Strip<E> strip = {g.b + p0 * g.ldb + j, g.ldb, p0, p1 - p0, j, start, nullptr};
      T::strip(part, strip, lesser(whole - j, NR), g.m * t / tiles, g.m * (t + 1) / tiles);
    }
  }

  static void plan(const Gemm<E>& g, Plan& plan) {
    plan.nanoseconds = (double)g.m * g.n * (g.k + 4) * 0.25 / V::W;
    const int64_t lanes = lanesOf(g, plan.threads);
    plan.lane = lanes > 1 ? laneUnits(g) : 0;
    plan.freeEnds = g.source ? 1 : 0;
    plan.scratch = lanes > 1 ? (size_t)((lanes - 1) * sumsOf(g)) * sizeof(E) : 0;
    const Grid grid = gridOf(g, across(g, plan.threads));
    if (lanes == 1 && !g.source && small(g)) plan.unitBytes = grid.rowStep * g.n * (int64_t)sizeof(E);
    plan.units = lanes > 1 ? lanes * plan.lane : grid.rows * grid.columns;
    if (g.source) {
      plan.nanoseconds += gatherNanoseconds(g.m, g.k);
      plan.kept = (size_t)(lanes - 1) * Ahead::bytes(g.m);
      plan.keptOf = 1 << Source::kOperand | 1 << Source::kBatch;
      if (!small(g)) plan.units = lesser(plan.units, 1);  // wider blocks would share rows
    }
    // Each turn copies its own parts of A and B, or has B in the first-level cache for its rows.
    plan.turns = small(g) ? (int)greater(1, lesser(plan.turns, g.m / (16 * plan.threads))) : 1;
  }

  // A is gathered, in one panel, by those who multiply it: some rows, and then their product.
  static void gathered(const Gemm<E>& g, int64_t begin, int64_t end) {
    enum { HEIGHT = 64 };
    const int64_t step = small(g) ? gridOf(g, false).rowStep : g.m;
    if (begin == 0) {
      const Panels panels = Panels::cut(g.panels, g.m, g.k, nullptr);
      for (int64_t h = 0; h < g.panels; h++) panels.note((E*)g.a, h);
    }
    Gemm<E> part = g;
    part.panels = 0;
    for (int64_t r = begin * step; r < lesser(end * step, g.m); r += HEIGHT) {
      const int64_t to = lesser(r + HEIGHT, lesser(end * step, g.m));
      gatherPart<true>(*g.source, {r, to, 0, g.k}, (char*)(g.a + r * g.k), g.k);
      block(part, r, to, 0, g.n);
    }
  }

  static void run(const Gemm<E>& g, const Command& command, int64_t begin, int64_t end) {
    if constexpr (kLanes) {
      if (command.lane > 0) {
        for (int64_t u = begin; u < end; u++) lane(g, command, u);
        return;
      }
    }
    if (g.source) return gathered(g, begin, end);
    const Grid grid = gridOf(g, command.units == ceilDivide(g.n, NR));
    if (small(g)) {
      // One block, unless rows of C would leave the cache between two blocks of k.
      const int64_t r0 = begin * grid.rowStep, r1 = lesser(end * grid.rowStep, g.m);
      const int64_t height = rowsThatFit(g) >= g.k ? r1 - r0 : ceilDivide(bandOf(r1 - r0, 4 * MR), grid.rowStep) * grid.rowStep;
      for (int64_t r = r0; r < r1; r += height) block(g, r, lesser(r + height, r1), 0, g.n);
      return;
    }
    for (int64_t u = begin; u < end;) {
      const int64_t row = u / grid.columns, first = u % grid.columns, left = end - u;
      const int64_t bands = first == 0 && left >= grid.columns ? left / grid.columns : 1;
      const int64_t last = lesser(first + left, grid.columns);
      block(g, row * grid.rowStep, lesser((row + bands) * grid.rowStep, g.m), first * grid.columnStep,
            lesser(last * grid.columnStep, g.n));
      u += (bands - 1) * grid.columns + last - first;
    }
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
