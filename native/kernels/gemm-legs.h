// A product whose threads share k, not rows. (The other ways are in gemm.h.)
#pragma once
#ifdef LANEWISE_KERNELS
#include "ahead.h"
#include "gemm-strip.h"
#include "panels.h"

namespace lanewise {
namespace LANEWISE_ISA {

// Legs, as of a relay: threads may share k, each with a range of its own, one after another at the same tile of rows. That costs
// waiting for the first tile, but a thread's part of A and B stays the same from command to command and with it its cache:
// B (the weights), its gradient and the optimizer are all divided by rows. It pays while B is larger than A (Zen 4
// with AVX2, 784-50-10 at batch 32: two threads 1.15 times as fast as one by rows, 1.6 times in legs). On ARM nothing was measured.
template <class V>
struct ProductLegs {
  typedef typename V::E E;
  typedef Strips<V> T;
  enum { MR = T::MR, NR = T::NR, ROWS = 6 };
  static constexpr bool kMeasured = V::W * sizeof(E) >= 32;
  static int64_t count(const Gemm<E>& g, int threads) {
    const int64_t units = unitsOfEach(g);
    const bool pays = kMeasured && threads > 1 && T::small(g) && g.n > 0 && g.colA == 1 && !g.transB && g.k >= 128 * threads && g.m <= (g.source ? 256 : g.n + MR) &&
                      units >= 2 * threads;
    return pays && threads <= (g.source ? g.panels : (int64_t)kMostLegs) ? threads : 1;
  }
  // A leg's units: tiles of rows, with AVX-512 a row less than there could be (32 rows in seven tiles, not six: the largest is what
  // the next leg waits for; with AVX2 six are 1.02 times as fast); before them the last columns of all rows, where those go apart. Where A
  // is to be gathered, there is a unit before and one after these. All legs but the last gather their panel of the next batch after
  // them, when they would only wait, and find it in the next step (ahead.h); so they begin to multiply a tile before the last leg, which
  // first gathers its own.
  static int64_t unitsOfEach(const Gemm<E>& g) {
    return ceilDivide(g.m, ROWS) + (T::apart(g, g.n, g.m, g.k) > 0 ? 1 : 0) + (g.source ? 2 : 0);
  }
  // The sums that leg h leaves for the next one, where C would lie: the last columns, if they go apart, close together, the others in whole
  // lines. In C itself each line would change cores three times a step (Zen 4, batch 32 on two threads: 1.03 of the time).
  static int64_t wholeOf(const Gemm<E>& g) { return g.n - T::apart(g, g.n, g.m, g.k); }
  static int64_t wholeRegisters(int64_t numbers) { return ceilDivide(numbers, V::W) * V::W; }
  static int64_t sumsOf(const Gemm<E>& g) { return g.m * wholeRegisters(g.n); }
  static Start<E> sums(const Gemm<E>& g, const Command& command, int64_t h, int64_t whole, bool last) {
    E* own = (E*)command.scratch + h * sumsOf(g);
    const int64_t ld = wholeRegisters(whole);
    return last ? Start<E>{own + g.m * ld - whole, g.n - whole} : Start<E>{own, ld};
  }
  // The last columns of a leg, which go so fast from row to row of B that the processor asks for some 64 rows ahead. The next leg's rows
  // would come to this core so, and their owner would have to fetch them back: the last rows are copied first, from the last one up (Zen 4, batch 32
  // on two threads, cores far apart: 0.99 to 1.03 times as fast, in the quieter run 1.01 to 1.03).
  static void lastOfLeg(const Gemm<E>& g, Strip<E> strip, int64_t width, bool hasNext) {
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
  // Behind the sums, a line of each leg and one of all: which strips of its part of B are known to be finite in this step, and whether all of them leave out
  // steps with zeros (gemm-sparse.h), as the first has found.
  enum { LINE = 64 / sizeof(E), WORDS = 16 };  // WORDS: of a row in a map of zeros, on the stack
  static size_t scratchBytes(const Gemm<E>& g, int64_t legs) { return (size_t)((legs - 1) * sumsOf(g) + (legs + 1) * LINE) * sizeof(E); }
  static uint64_t& known(const Gemm<E>& g, const Command& command, int64_t legs, int64_t h) {
    return *(uint64_t*)((E*)command.scratch + (legs - 1) * sumsOf(g) + h * LINE);
  }
  // Whether to leave out steps seems to pay in k columns of A.
  static bool leavesOut(const Gemm<E>& g, int64_t k) {
    if constexpr (!T::kLeavesOut) return false;
    Gemm<E> part = g;
    part.k = k;
    return g.n >= SparseSteps<V>::LEAST_COLUMNS && k <= 64 * WORDS && SparseSteps<V>::pays(part, 0, g.m, g.ldb % V::W == 0);
  }
  // Strip by strip, whether rows [p0, p1) of B are finite.
  static uint64_t finiteStrips(const Gemm<E>& g, int64_t p0, int64_t p1) {
    uint64_t finite = 0;
    if constexpr (T::kLeavesOut) {
      enum { COLUMNS = SparseSteps<V>::COLUMNS };
      for (int64_t j = 0; j < g.n; j += COLUMNS)
        if (Zeros<V>::allFinite(g.b + p0 * g.ldb + j, g.ldb, lesser(COLUMNS, g.n - j), p1 - p0, false)) finite |= (uint64_t)1 << j / COLUMNS;
    }
    return finite;
  }
  // Rows [from, to) of a tile, without steps with zeros; whether that was right.
  static bool withoutSteps(const Gemm<E>& part, int64_t p0, int64_t p1, const Start<E>& start, int64_t from, int64_t to, uint64_t finite) {
    if constexpr (T::kLeavesOut) {
      enum { COLUMNS = SparseSteps<V>::COLUMNS };
      uint64_t map[WORDS * ROWS];
      const int64_t each = ceilDivide(p1 - p0, 64);
      Zeros<V>::template map<false>(part.a + from * part.rowA + p0, part.rowA, to - from, p1 - p0, map, each, 0);
      Gemm<E> leaving = part;
      for (int64_t j = 0; j < part.n; j += COLUMNS) {
        Leaving how = {map, each, 64 * each, 1, from, p0, false, true, (finite >> j / COLUMNS & 1) != 0, false};
        leaving.leaving = &how;
        T::strip(leaving, {part.b + p0 * part.ldb + j, part.ldb, p0, p1 - p0, j, start, nullptr}, lesser(COLUMNS, part.n - j), from, to);
        if (how.doubtful) return false;
      }
    }
    return true;
  }
  static void run(const Gemm<E>& g, const Command& command, int64_t unit) {
    const int64_t legs = command.units / command.leg, h = unit / command.leg;
    const int64_t whole = wholeOf(g), last = g.n - whole, freeEnds = g.source ? 1 : 0, before = freeEnds + (last > 0 ? 1 : 0);
    const int64_t t = unit % command.leg - before, tiles = command.leg - before - freeEnds;
    Panels cut = Panels::cut(g.source ? g.panels : legs, g.m, g.k, command.legs->ends);
    const int64_t p0 = cut.start(h), p1 = cut.ends[h];
    Gemm<E> part = g;
    uint64_t &finite = known(g, command, legs, h), &leaves = known(g, command, legs, legs);
    if (g.source) {
      const Segment own = {0, g.m, p0, p1};
      const Ahead ahead(command, h + 1 < legs ? h : -1, own);
      const auto panel = [&](int64_t place) { return (E*)g.a + cut.at(h, p0, place); };
      if (t == -before) {
        const bool found = ahead.find();
        cut.places[h] = ahead.place();
        cut.note((E*)g.a, h);
        for (int64_t i = legs; h == 0 && i < g.panels; i++) cut.note((E*)g.a, i);
        if (!found) gatherPart<false>(command, own, (char*)panel(ahead.place()), cut.width(h));
        part.a = panel(ahead.place());
        part.rowA = cut.width(h);
        if (h == 0) leaves = leavesOut(part, p1);
        if (h + 1 == legs) askAfter(command, own);
        return;
      }
      if (t == tiles) {
        if (ahead.note) ahead.gather((char*)panel(1 - ahead.place()));
        else if (h + 1 < legs) askAfter(command, own);
        return;
      }
      part.a = panel(ahead.place()) - p0;
      part.rowA = cut.width(h);
    }
    if (!g.source && unit == 0) leaves = leavesOut(g, p1);
    const bool without = leaves;
    // Before the first tile, and before the last leg can begin with its own.
    if (without && t == (last > 0 ? -1 : 0)) finite = finiteStrips(g, p0, p1);
    if (without && t < 0) return;
    const int64_t tileColumns = without ? g.n : whole;
    const Start<E> start = h > 0 ? sums(g, command, h - 1, tileColumns, t < 0) : g.startAt(0);
    if (h + 1 < legs) {
      const Start<E> own = sums(g, command, h, tileColumns, t < 0);
      part.c = (E*)own.from;
      part.ldc = own.ld;
    }
    if (t < 0) return lastOfLeg(part, {g.b + p0 * g.ldb + whole, g.ldb, p0, p1 - p0, whole, start, nullptr}, last, h + 1 < legs);
    const int64_t from = g.m * t / tiles, to = g.m * (t + 1) / tiles;
    if (without && withoutSteps(part, p0, p1, start, from, to, finite)) return;
    for (int64_t j = 0; j < tileColumns; j += NR)
      T::strip(part, {g.b + p0 * g.ldb + j, g.ldb, p0, p1 - p0, j, start, nullptr}, lesser(tileColumns - j, NR), from, to);
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
