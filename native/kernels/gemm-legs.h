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
  enum { MR = T::MR, NR = T::NR, ROWS = T::kLongRows ? 8 : T::MR, LINE = 64 / sizeof(E) };
  static constexpr bool kMeasured = V::W * sizeof(E) >= 32;
  static int64_t count(const Gemm<E>& g, int threads) {
    const int64_t units = unitsOfEach(g);
    const bool pays = kMeasured && threads > 1 && T::small(g) && g.n > 0 && g.colA == 1 && !g.transB && g.k >= 128 * threads && g.m <= (g.source ? 512 : g.n + MR) &&
                      units >= 2 * threads;
    return pays && threads <= (g.source ? g.panels : (int64_t)kMostLegs) ? threads : 1;
  }
  // A leg's units: tiles of at most ROWS rows, four of them where there are few rows (the first is what the next leg waits for); before them the last
  // columns of all rows, where those go apart. Where A is to be gathered, there is a unit before and one after these. All legs but the last gather their
  // panel of the next batch after them, when they would only wait, and find it in the next step (ahead.h); so they begin to multiply a tile before the last
  // leg, which first gathers its own.
  static int64_t unitsOfEach(const Gemm<E>& g) {
    return greater(ceilDivide(g.m, ROWS), lesser(4, ceilDivide(g.m, 4))) + (T::apart(g, g.n, g.m, g.k) > 0 ? 1 : 0) + (g.source ? 2 : 0);
  }
  // The sums that leg h leaves for the next one, where C would lie: the last columns, if they go apart, close together, the others in whole
  // lines. In C itself each line would change cores three times a step (Zen 4, batch 32 on two threads: 1.03 of the time).
  static int64_t wholeOf(const Gemm<E>& g) { return g.n - T::apart(g, g.n, g.m, g.k); }
  static int64_t wholeRegisters(int64_t numbers) { return ceilDivide(numbers, V::W) * V::W; }
  static int64_t sumsOf(const Gemm<E>& g) { return ceilDivide(g.m * wholeRegisters(g.n), LINE) * LINE; }
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
  // What a leg knows in a step that leaves out steps with zeros (gemm-sparse.h), behind the sums: its part of A, which steps some row has taken, and whether all must be
  // taken after all; and, in a line that is seldom written, whether the step does: the first leg decides for all.
  enum { WORDS = 16 };  // of a row in a map of zeros
  struct Known {
    const E* a;
    int64_t rowA;
    bool doubtful;
    uint64_t taken[WORDS];
    alignas(64) bool leaves;
  };
  static size_t scratchBytes(const Gemm<E>& g, int64_t legs) { return (size_t)((legs - 1) * sumsOf(g)) * sizeof(E) + (size_t)legs * sizeof(Known); }
  static Known* known(const Gemm<E>& g, const Command& command, int64_t legs) { return (Known*)((E*)command.scratch + (legs - 1) * sumsOf(g)); }
  // Whether to leave out steps seems to pay, by the first leg's part of A.
  static bool leavesOut(Gemm<E> part, const Panels& cut, int64_t legs) {
    if constexpr (T::kLeavesOut) {
      for (int64_t h = 0; h < legs; h++)
        if (cut.width(h) > 64 * WORDS) return false;
      part.k = cut.width(0);
      return SparseSteps<V>::looks(part, part.m) && SparseSteps<V>::pays(part, 0, part.m, part.ldb % V::W == 0);
    }
    return false;
  }
  // Rows [from, to) and n columns, in strips of `width`, of k steps from p0 on.
  static void strips(const Gemm<E>& part, int64_t p0, int64_t k, int64_t n, int64_t width, const Start<E>& start, int64_t from, int64_t to) {
    for (int64_t j = 0; j < n; j += width)
      T::strip(part, {part.b + p0 * part.ldb + j, part.ldb, p0, k, j, start, nullptr}, lesser(n - j, width), from, to);
  }
  // The same without steps with zeros.
  static void withoutSteps(const Gemm<E>& part, int64_t p0, int64_t k, const Start<E>& start, int64_t from, int64_t to, Known& own) {
    if constexpr (T::kLeavesOut) {
      typedef SparseSteps<V> S;
      if (from == 0) {
        own.a = part.a;
        own.rowA = part.rowA;
        own.doubtful = false;
        __builtin_memset(own.taken, 0, sizeof own.taken);
      }
      uint64_t map[WORDS * ROWS];
      const int64_t each = ceilDivide(k, 64);
      Zeros<V>::template map<false>(part.a + from * part.rowA + p0, part.rowA, to - from, k, map, each, 0);
      for (int64_t w = 0; w < each; w++)
        for (int64_t r = 0; r < to - from; r++) own.taken[w] |= map[r * each + w];
      Leaving how = {map, each, 64 * each, 1, from, p0, false, true, true};
      Gemm<E> leaving = part;
      leaving.leaving = &how;
      strips(leaving, p0, k, part.n, S::COLUMNS, start, from, to);
      // What some row takes of B shows in its sums.
      if (how.doubtful || (to == part.m && !S::restIsFinite(part.b + p0 * part.ldb, part.ldb, part.n, k, own.taken))) own.doubtful = true;
    }
  }
  // Where a unit stands: in leg h, at tile t, or before the tiles (below 0), or after them.
  struct Position {
    int64_t legs, h, whole, last;  // columns in whole registers, and those after them
    int64_t before, t, tiles;      // units before the tiles
    Panels cut;
    int64_t p0, p1;                // steps of the leg
    Position(const Gemm<E>& g, const Command& command, int64_t unit)
        : legs(command.units / command.leg), h(unit / command.leg), whole(wholeOf(g)), last(g.n - whole), before((g.source ? 1 : 0) + (last > 0 ? 1 : 0)),
          t(unit % command.leg - before), tiles(command.leg - before - (g.source ? 1 : 0)), cut(Panels::cut(g.source ? g.panels : legs, g.m, g.k, command.legs->ends)),
          p0(cut.start(h)), p1(cut.ends[h]) {}
    bool isLastLeg() const { return h + 1 == legs; }
    // The leg's panel of a batch that is gathered.
    E* panel(const Gemm<E>& g, int64_t place) const { return (E*)g.a + cut.at(h, p0, place); }
  };

  static void run(const Gemm<E>& g, const Command& command, int64_t unit) {
    Position at(g, command, unit);
    Known* const all = known(g, command, at.legs);
    Gemm<E> part = g;
    if (g.source) {
      const Segment own = {0, g.m, at.p0, at.p1};
      const Ahead ahead(command, at.isLastLeg() ? -1 : at.h, own);
      if (at.t == -at.before) return gatherOwn(g, command, own, ahead, at, all);
      if (at.t == at.tiles) return gatherNext(g, command, own, ahead, at);
      part.a = at.panel(g, ahead.place()) - at.p0;
      part.rowA = at.cut.width(at.h);
    } else if (unit == 0) {
      all->leaves = leavesOut(g, at.cut, at.legs);
    }
    const bool without = all->leaves;
    if (without && at.t < 0) return;
    const int64_t columns = without ? g.n : at.whole;
    const Start<E> start = at.h > 0 ? sums(g, command, at.h - 1, columns, at.t < 0) : g.startAt(0);
    if (!at.isLastLeg()) {
      const Start<E> own = sums(g, command, at.h, columns, at.t < 0);
      part.c = (E*)own.from;
      part.ldc = own.ld;
    }
    if (at.t < 0) return lastOfLeg(part, {g.b + at.p0 * g.ldb + at.whole, g.ldb, at.p0, at.p1 - at.p0, at.whole, start, nullptr}, at.last, !at.isLastLeg());
    const int64_t from = g.m * at.t / at.tiles, to = g.m * (at.t + 1) / at.tiles;
    if (!without) return strips(part, at.p0, at.p1 - at.p0, columns, NR, start, from, to);
    withoutSteps(part, at.p0, at.p1 - at.p0, start, from, to, all[at.h]);
    if (at.isLastLeg() && to == g.m) againIfDoubtful(g, part, at, all);
  }
  // The leg's part of the batch, unless it was gathered in the step before. The first leg decides for all whether steps are left out.
  static void gatherOwn(const Gemm<E>& g, const Command& command, const Segment& own, const Ahead& ahead, Position& at, Known* all) {
    const bool found = ahead.find();
    at.cut.places[at.h] = ahead.place();
    at.cut.note((E*)g.a, at.h);
    for (int64_t i = at.legs; at.h == 0 && i < g.panels; i++) at.cut.note((E*)g.a, i);
    Gemm<E> part = g;
    part.a = at.panel(g, ahead.place());
    part.rowA = at.cut.width(at.h);
    if (!found) gatherPart<false>(command, own, (char*)part.a, part.rowA);
    if (at.h == 0) all->leaves = leavesOut(part, at.cut, at.legs);
    if (at.isLastLeg()) askAfter(command, own);
  }
  static void gatherNext(const Gemm<E>& g, const Command& command, const Segment& own, const Ahead& ahead, const Position& at) {
    if (ahead.note) ahead.gather((char*)at.panel(g, 1 - ahead.place()));
    else if (!at.isLastLeg()) askAfter(command, own);
  }
  // Once the last leg has done its last tile it is known whether all was right; if not, it takes all steps of all legs.
  static void againIfDoubtful(const Gemm<E>& g, Gemm<E>& part, const Position& at, const Known* all) {
    bool doubtful = false;
    for (int64_t l = 0; l < at.legs; l++) doubtful |= all[l].doubtful;
    for (int64_t l = 0; l < at.legs && doubtful; l++) {
      part.a = all[l].a;
      part.rowA = all[l].rowA;
      strips(part, at.cut.start(l), at.cut.width(l), g.n, NR, g.startAt(at.cut.start(l)), 0, g.m);
    }
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
