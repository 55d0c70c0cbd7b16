// The loop nest around the register tiles of gemm-tile.h: a block of C, over all of k or some of it.
// Blocks of k go through C in memory one after another, which keeps the chain of each element.
#pragma once
#ifdef LANEWISE_KERNELS

#include "../cpu.h"
#include "../scratch.h"
#include "gemm-short.h"
#include "gemm-strip.h"
#include "panels.h"
#include "transpose.h"

namespace lanewise {
namespace LANEWISE_ISA {

template <class V>
struct Nest {
  typedef typename V::E E;
  typedef Strips<V> T;
  static constexpr bool kLongRows = T::kLongRows;
  enum { MR = T::MR, NR = T::NR, OF_ONE = 256, STACKED = 32, PAD = 16 };  // rows of a copy of one strip; of one on the stack, of which little may be left
  // How a wide product is cut. One block of k if k is at most `mostK`, else blocks of about `k`; a, b: bytes kept of A and of B as copies. A, and
  // one strip of B, stay in a second-level cache; the rest of B may lie in the third: each strip serves all rows of A before it is left.
  struct Cut {
    int64_t k, mostK, a, b;
  };
  // Zen 4 (1 MB), squares of 1024 and 2048: of 256 101 GFLOP/s, of 512 107; with AVX2 103 and 107. On Zen 3 (512 KB) 256 is best.
  // On Zen 5 (1 MB; one thread, AVX-512) of 512 232 and 224, of 1024 242 and 231.
  static constexpr Cut kModest = {256, 384, 3 << 16, 1 << 20}, kRoomy = {512, 512, 4 << 16, 4 << 20}, kDeep = {1024, 1024, 4 << 16, 4 << 20};
  static const Cut& cut() { return kLongRows && isZen5 ? kDeep : kLongRows || secondLevelBytes >= 1 << 20 ? kRoomy : kModest; }
  // Bytes from row to row of A beyond which a copy of it pays (AVX-512 on Zen 4, 128×512×784: 113 GFLOP/s without, 112 with).
  static constexpr int64_t kFarRows = kLongRows ? 4096 : 1024;
  // Bytes of B, as it lies, that stay near: in a first-level cache of 32 KB or more, with AVX-512 in the second (32×50×784 on Zen 4: 110
  // GFLOP/s, cut for the first 103). AVX2, float64: all of it, for 64×64 (46 to 52 GFLOP/s).
  static constexpr int64_t kNearB = kLongRows ? 1 << 18 : sizeof(E) == 8 ? 32768 : 24576;

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

  // Rows [p0, p0+k) and `width` columns from j on of op(B), as rows of ld.
  static void packB(const Gemm<E>& g, int64_t p0, int64_t k, int64_t j, int64_t width, E* to, int64_t ld) {
    if (g.transB && ld == NR) transposeBlock<V>(g.b + j * g.ldb + p0, g.ldb, width, k, to, NR);  // known to the compiler: 0.85 of the time
    else if (g.transB) transposeBlock<V>(g.b + j * g.ldb + p0, g.ldb, width, k, to, ld);
    else copyRows(g.b + p0 * g.ldb + j, g.ldb, k, width, to, ld);
  }

  // Rows [i0, i0+m) and columns [p0, p0+k) of op(A) close together, as stored: rows of k, or of m if A is transposed.
  static Gemm<E> packA(const Gemm<E>& g, int64_t i0, int64_t m, int64_t p0, int64_t k, E* to) {
    const bool byRows = g.colA == 1;
    const int64_t ld = (byRows ? k : m) + PAD;  // not a power of two, which would crowd few cache sets
    const E* from = g.a + i0 * g.rowA + p0 * g.colA;
    if (byRows) copyRows(from, g.rowA, m, k, to, ld);
    else copyRows(from, g.colA, k, m, to, ld);
    Gemm<E> packed = g;
    packed.rowA = byRows ? ld : 1;
    packed.colA = byRows ? 1 : ld;
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
  static __attribute__((noinline)) void blockOfRows(const Gemm<E>& g, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    if constexpr (kPermutes<V>) {
      if (c1 - c0 == g.n && ShortRows<V>::takes(g)) i0 = ShortRows<V>::run(g, i0, i1);
      if (i0 == i1) return;
    }
    if constexpr (T::kLeavesOut) {
      typedef SparseSteps<V> S;
      const bool many = i1 - i0 > S::rowsOfMap(g);
      for (int64_t to; S::looks(g, i1 - i0) && (!many || S::pays(g, i0, i1, true)); i0 = to) {
        to = lesser(i1, i0 + S::rowsOfMap(g));
        if (!withoutZeros(g, i0, to, c0, c1)) nest(g, i0, to, c0, c1);
      }
      if (i0 == i1) return;
    }
    nest(g, i0, i1, c0, c1);
  }
  // The same without steps with zeros, where that seems to pay; returns false where one may have been left out that changes the result.
  static bool withoutZeros(const Gemm<E>& g, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    const int64_t atOnce = SparseSteps<V>::stepsAtOnce(g);
    int64_t p = 0;
    for (bool leaves = true; leaves && p < g.k; p += atOnce) {
      Leaving leaving = {};
      Gemm<E> some = g.steps(p, lesser(atOnce, g.k - p));
      some.leaving = &leaving;
      nest(some, i0, i1, c0, c1);
      if (leaving.doubtful) return false;
      leaves = leaving.map != nullptr;
    }
    // Where some took all steps, a sum may be -0: the rest take all, too.
    if (p < g.k) nest(g.steps(p, g.k - p), i0, i1, c0, c1);
    return true;
  }
  // What a nest copies, and how it is cut into blocks.
  struct Blocks {
    E *b, *a;        // where copies go, or null where they are taken as they lie
    bool mapped;     // whether steps with zeros are left out, by a map that lasts as long
    int64_t strip;   // columns of a strip
    int64_t wide;    // columns of a block: a copy of A serves all its strips
    int64_t k;       // steps of a block
    int64_t tall;    // rows of a band, at most: a copy of B serves all bands
  };
  static int64_t copyA() { return cut().a / sizeof(E); }
  static int64_t copyB() { return cut().b / sizeof(E); }

  // Where there is no memory for copies, `stacked` has room for one strip of STACKED steps.
  static LW_MEMBER Blocks blocksOf(const Gemm<E>& g, int64_t i0, int64_t i1, int64_t columns, E* stacked) {
    const int64_t m = i1 - i0, strips = ceilDivide(columns, NR);
    // Copying B pays when several tiles of rows use the copy.
    const bool copiesB = g.transB || (strips > 1 && m > 2 * MR && !T::small(g));
    if constexpr (T::kLeavesOut) {
      if (Blocks mapped; g.leaving && mappedBlocks(g, i0, i1, columns, copiesB, mapped)) return mapped;
    }
    const int64_t tall = greater(m, 1);
    if (!copiesB) return {nullptr, nullptr, false, NR, greater(columns, 1), m <= MR ? fewRows(g) : rowsThatFit(g), tall};
    E* own = (E*)workspace((size_t)(strips > 1 ? copyB() + copyA() : OF_ONE * NR) * sizeof(E));
    if (!own) return {stacked, nullptr, false, NR, NR, STACKED, tall};
    if (strips == 1) return {own, nullptr, false, NR, NR, OF_ONE, tall};
    const int64_t k = blockOfK(g.k, false), wide = copyB() / k / NR * NR;
    // Copying A, when several strips use the copy and its rows lie far apart.
    if (strips < 4 || m < MR || (g.colA == 1 && g.rowA * (int64_t)sizeof(E) <= kFarRows)) return {own, nullptr, false, NR, wide, k, tall};
    return {own, own + copyB(), false, NR, wide, k, lesser(copyA() / (k + PAD), cut().mostK) - PAD};
  }
  // The same where steps with zeros are left out; false where that seems not to pay. A copy of B is of use besides where many rows use whole lines of it.
  static __attribute__((noinline)) bool mappedBlocks(const Gemm<E>& g, int64_t i0, int64_t i1, int64_t columns, bool copiesB, Blocks& blocks) {
    typedef SparseSteps<V> S;
    const int64_t m = i1 - i0, strip = S::columnsOf(columns);
    const bool copies = copiesB || (m >= 64 && g.ldb % V::W != 0);
    const size_t mapBytes = S::mapBytes(g, m);
    char* memory = workspace(mapBytes + (copies ? (size_t)copyB() * sizeof(E) : 0));
    if (!S::maps(g, i0, i1, copies || g.ldb % V::W == 0, (uint64_t*)memory)) return false;
    const int64_t k = copies ? blockOfK(g.k, true) : m <= MR ? fewRows(g) : greater(g.k, 1);
    const int64_t wide = copies ? copyB() / k / strip * strip : greater(columns, 1);
    blocks = {copies ? (E*)(memory + mapBytes) : nullptr, nullptr, true, strip, wide, k, greater(m, 1)};
    return true;
  }

  // Rows [i0, i1) and columns [c0, c1) of C, block by block.
  static __attribute__((noinline)) void nest(const Gemm<E>& g, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    alignas(64) E stacked[STACKED * NR];
    const Blocks blocks = blocksOf(g, i0, i1, c1 - c0, stacked);
    const int64_t m = i1 - i0, bands = ceilDivide(m, blocks.tall);
    for (int64_t b0 = c0; b0 < c1; b0 += blocks.wide) {
      const int64_t b1 = lesser(b0 + blocks.wide, c1);
      int64_t p0 = 0;
      do {  // once even for k = 0, which leaves the initial values
        const int64_t k = lesser(g.k - p0, blocks.k);
        for (int64_t band = 0; band < bands; band++) {
          const int64_t r0 = i0 + m * band / bands, r1 = i0 + m * (band + 1) / bands;
          const Gemm<E> near = blocks.a ? packA(g, r0, r1 - r0, p0, k, blocks.a) : g;
          if (m == 1 && !blocks.b && b1 - b0 > NR) T::oneRow(g, {g.b + p0 * g.ldb + b0, g.ldb, p0, k, b0, g.startAt(p0), nullptr}, r0, b1 - b0);
          else strips(near, blocks, p0, k, b0, b1, r0, r1, band == 0);
        }
        p0 += k;
      } while (p0 < g.k);
    }
  }
  // Rows [r0, r1) of the strips of a block: k steps from p0 on, columns [b0, b1). The first band makes the copy of B.
  static LW_MEMBER void strips(const Gemm<E>& g, const Blocks& blocks, int64_t p0, int64_t k, int64_t b0, int64_t b1, int64_t r0, int64_t r1, bool first) {
    for (int64_t j0 = b0; j0 < b1; j0 += blocks.strip) {
      const int64_t width = lesser(b1 - j0, blocks.strip);
      E* copy = blocks.b ? blocks.b + (j0 - b0) * k : nullptr;
      if (copy && first) {
        if (!blocks.mapped && !g.transB && width == NR && r1 - r0 > MR) {
          T::copyingStrip(g, {g.b + p0 * g.ldb + j0, g.ldb, p0, k, j0, g.startAt(p0), copy}, r0, r1);
          continue;
        }
        packB(g, p0, k, j0, width, copy, blocks.strip);
      }
      const E* b = copy ? copy : g.b + p0 * g.ldb + j0;
      T::strip(g, {b, copy ? blocks.strip : g.ldb, p0, k, j0, g.startAt(p0), nullptr}, width, r0, r1);
    }
  }

  // `whole`: in whole words of a map of zeros.
  static int64_t blockOfK(int64_t k, bool whole) {
    if (k <= cut().mostK) return greater(k, 1);
    const int64_t step = ceilDivide(k, ceilDivide(k, cut().k));
    return whole ? ceilDivide(step, 64) * 64 : step;
  }
  // Rows of B as they lie, with all their columns: strips share lines.
  static int64_t rowsThatFit(const Gemm<E>& g) {
    const int64_t fits = kNearB / ((int64_t)sizeof(E) * lesser(g.n, T::SMALL));
    return fits < g.k ? greater(fits / 16, 1) * 16 : greater(g.k, 1);
  }
  // Few rows use B once, as it lies in memory.
  static int64_t fewRows(const Gemm<E>& g) { return g.m > 1 && g.n > 2 * NR ? 128 : greater(g.k, 1); }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
