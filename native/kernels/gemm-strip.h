// Strips of a product: at most NR columns of C and any rows, by register tiles (gemm-tile.h), the last columns maybe apart (gemm-last.h), steps
// with zeros left out (gemm-sparse.h).
#pragma once
#ifdef LANEWISE_KERNELS
#include "gemm-last.h"
#include "gemm-sparse.h"
#include "gemm-tile.h"

namespace lanewise {
namespace LANEWISE_ISA {

template <class V>
struct Strips : Tile<V> {
  typedef typename V::E E;
  typedef Tile<V> T;
  enum { MR = T::MR, NR = T::NR };

  // Rows [begin, end) of NR columns, and a copy of b to part.copy.
  static void copyingStrip(const Gemm<E>& g, Strip<E> part, int64_t begin, int64_t end) {
    T::template tile<MR, T::NV, false, true>(g, part, begin, V::first(V::W));
    part.b = part.copy;
    part.ldb = NR;
    strip(g, part, NR, begin + MR, end);
  }

  // The last columns of a strip that vectors down `rows` rows take better than one across; 0 if none. Up to which number, from which k, and
  // whether in groups of W / 4 one after another, was measured with AVX-512 and AVX2 on Zen 4: what goes apart takes 0.4 to 0.9 of the time.
  static int64_t apart(const Gemm<E>& g, int64_t width, int64_t rows, int64_t k) {
    const int64_t left = width % V::W;
    if (V::W < 4 || rows < V::W) return 0;
    if (g.rowA == 1) return left <= (!kGroupsColumns ? V::W / 4 : rows < 64 ? V::W / 2 : 5 * V::W / 8) && 4 * k >= left * left ? left : 0;
    const int64_t most = sizeof(E) == 4 && !T::kHasNarrow ? 3 * V::W / 8 : V::W / 4, least = left > LastColumns<V>::kMost ? 16 : 8;
    return kGroupsColumns && g.colA == 1 && left <= most && k >= least ? left : 0;
  }

  // The last columns of a strip, where they do not go down the rows, that half a register takes across; 0 if none. Few rows wait for their chains, not for
  // multiply-adds: all columns at once, then (1, 2 and 3 rows of 50 columns 0.69, 0.77 and 0.92 of the time, 4 0.99, 8 1.07), and of few steps (0.8 to 1.0).
  static int64_t narrow(int64_t width, int64_t rows, int64_t k) {
    const bool pays = T::kHasNarrow && ((rows > 3 && k >= 16) || width <= T::Narrow::W);
    return pays && width % V::W <= T::Narrow::W ? width % V::W : 0;
  }

  // `count` columns from column j of a strip on: at most LastColumns' kMost down the rows, else at most what Narrow has.
  static __attribute__((noinline)) void lastOf(const Gemm<E>& g, Strip<E> part, int64_t j, int64_t count, int64_t begin, int64_t end, bool down) {
    part.b += j;
    part.j0 += j;
    // How many rows are left depends on the columns, and none may be done twice: its chains could begin with C.
    const int64_t rest = down ? LastColumns<V>::run(count, g, part, begin, end) : begin;
    if (rest < end) Tile<typename T::Narrow>::template rowsOf<1, true>(g, part, rest, end, T::Narrow::first(count));
  }

  // Rows [begin, end) of at most NR columns. A last vector that would be nearly all mask costs as much as a full one (50 columns are
  // 48 and 2): vectors down the rows instead, or half a vector. In bands, if a row is read twice, so that it is near the second time.
  static __attribute__((noinline)) void strip(const Gemm<E>& g, Strip<E> part, int64_t width, int64_t begin, int64_t end) {
    if constexpr (T::kLeavesOut)
      if (g.leaving && g.leaving->map) return SparseSteps<V>::run(g, part, width, begin, end);
    if constexpr (V::W >= 4) {
      const int64_t down = apart(g, width, end - begin, part.k), left = down > 0 ? down : narrow(width, end - begin, part.k);
      if (left > 0) {
        const int64_t most = down > 0 ? (int64_t)LastColumns<V>::kMost : (int64_t)T::Narrow::W;
        const int64_t band = width <= most ? end - begin : g.rowA == 1 ? 4 * V::W : 32;
        for (int64_t i = begin; i < end; i += band) {
          const int64_t to = lesser(end, i + band);
          if (width > left) T::allAcross(g, part, width - left, i, to);
          for (int64_t j = width - left; j < width; j += most) lastOf(g, part, j, lesser(width - j, most), i, to, down > 0);
        }
        return;
      }
    }
    T::allAcross(g, part, width, begin, end);
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
