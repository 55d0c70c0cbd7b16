// The register tiles of C = op(A)·op(B) (+ bias), for every instruction set; the loops around them are in gemm.h.
// Contract: each element of C is one chain of fused multiply-adds over ascending k from its initial value.
#pragma once
#ifdef LANEWISE_KERNELS
#include "gemm-last.h"
#include "elements.h"

namespace lanewise {
namespace LANEWISE_ISA {

template <class V>
struct Tile {
  typedef typename V::E E;
  typedef typename NarrowOf<V>::Type Narrow;
  static constexpr bool kHasNarrow = (int)Narrow::W < (int)V::W;
  // Whether the next tile's rows of C are asked for ahead: measured on x86 only.
#if defined(__AVX2__)
  static constexpr bool kAsksForC = true;
#else
  static constexpr bool kAsksForC = false;
#endif
  // Registers: 32 in AVX-512 and NEON, 16 in AVX2: rows·N accumulators, N vectors of B and one of A. Ten rows of half registers were fastest.
#if defined(__AVX512F__) || defined(__aarch64__)
  enum { NV = 4 };
  static constexpr int rows(int n) { return n == 4 ? 6 : n == 3 ? 8 : sizeof(V) == 32 ? 10 : 12; }
#elif defined(__AVX2__)
  enum { NV = 2 };
  static constexpr int rows(int n) { return n == 2 ? 6 : 8; }
#else
  enum { NV = 4 };
  static constexpr int rows(int) { return 2; }
#endif
  enum { MR = rows(NV), NR = NV * V::W };
  // Whether rows of B are so long (AVX-512: four lines) that few of its blocks stay near the core whatever their size.
  static constexpr bool kLongRows = NR * sizeof(E) > 64;
  // Columns up to which a product counts as small: a block of all columns of B stays in the first-level cache as it lies.
  enum { SMALL = 2 * NR > 64 ? 2 * NR : 64 };
  static bool small(const Gemm<E>& g) { return g.n <= SMALL; }
  static constexpr int64_t kAhead = 16;  // rows of b that are asked for ahead: no processor foresees steps of a row's length

  // One tile of C: M rows, N vectors of columns, the last of them under a mask if MASKED. With COPY it leaves a copy of b on
  // the way, for the tiles below.
  template <int M, int N, bool MASKED, bool COPY = false>
  static void tile(const Gemm<E>& g, const Strip<E>& part, int64_t i, typename V::M mask) {
    const E *a = g.a + i * g.rowA + part.p0 * g.colA, *b = part.b;
    E* c = g.c + i * g.ldc + part.j0;
    V acc[M][N];  // stays in registers only if every loop over it is unrolled
    const auto at = [mask](const E* p, int j) LW_LAMBDA { return MASKED && j == N - 1 ? V::load(p, mask) : V::load(p); };
    const E* from = part.start.at(i, part.j0);
    if (!from) {
      LW_UNROLL for (int r = 0; r < M; r++)
        LW_UNROLL for (int j = 0; j < N; j++) acc[r][j] = V::zero();
    } else {
      LW_UNROLL for (int r = 0; r < M; r++)
        LW_UNROLL for (int j = 0; j < N; j++) acc[r][j] = at(from + r * part.start.ld + j * V::W, j);
    }
    const int64_t rowA = g.rowA, colA = g.colA, ldb = part.ldb, k = part.k;
    // The rows of C below, which the next tile begins with: their lines come from afar otherwise, all at once (squares of 1024:
    // with AVX2 on Zen 3 85 to 88 GFLOP/s, with AVX-512 on Zen 4 101 to 104).
    if (kAsksForC && k >= 64) {
      LW_UNROLL for (int r = 0; r < M; r++)
        LW_UNROLL for (int j = 0; j < N; j += (int)(64 / sizeof(E)) / V::W) __builtin_prefetch(c + (M + r) * g.ldc + j * V::W, 1);
    }
    LW_TWICE for (int64_t p = 0; p < k; p++, b += ldb, a += colA) {
      V row[N];
      LW_UNROLL for (int j = 0; j < N; j++) row[j] = at(b + j * V::W, j);
      if (COPY) {
        LW_UNROLL for (int j = 0; j < N; j++) row[j].store(part.copy + p * NR + j * V::W);
        LW_UNROLL for (int j = 0; j < N; j++) __builtin_prefetch(b + kAhead * ldb + j * V::W);
      }
      LW_UNROLL for (int r = 0; r < M; r++) {
        const V x = V::set1(a[r * rowA]);
        LW_UNROLL for (int j = 0; j < N; j++) acc[r][j] = fma(x, row[j], acc[r][j]);
      }
    }
    LW_UNROLL for (int r = 0; r < M; r++) {
      LW_UNROLL for (int j = 0; j < N; j++) {
        E* to = c + r * g.ldc + j * V::W;
        if (MASKED && j == N - 1) acc[r][j].store(to, mask);
        else acc[r][j].store(to);
      }
    }
  }

  template <int M, int N, bool MASKED>
  static void tileOf(int64_t count, const Gemm<E>& g, const Strip<E>& part, int64_t i, typename V::M mask) {
    if (count == M) tile<M, N, MASKED>(g, part, i, mask);
    else if constexpr (M > 1) tileOf<M - 1, N, MASKED>(count, g, part, i, mask);
  }

  // Rows [begin, end) of N vectors of columns.
  template <int N, bool MASKED>
  static void rowsOf(const Gemm<E>& g, const Strip<E>& part, int64_t begin, int64_t end, typename V::M mask) {
    // Rows are dealt out evenly, so that 32 rows in tiles of at most 6 are 6 6 5 5 5 5, not five sixes and a two.
    int64_t tiles = (end - begin + rows(N) - 1) / rows(N);
    for (int64_t i = begin; i < end; tiles--) {
      const int64_t count = (end - i + tiles - 1) / tiles;
      tileOf<rows(N), N, MASKED>(count, g, part, i, mask);
      i += count;
    }
  }

  template <int N>
  static void vectors(int count, const Gemm<E>& g, const Strip<E>& part, int64_t begin, int64_t end, bool masked,
                      typename V::M mask) {
    if constexpr (N > 1) {
      if (count < N) return vectors<N - 1>(count, g, part, begin, end, masked, mask);
    }
    if constexpr (V::W > 1) {
      if (masked) return rowsOf<N, true>(g, part, begin, end, mask);
    }
    rowsOf<N, false>(g, part, begin, end, mask);
  }

  // Row i, n columns: B's rows as they lie in memory, a few at a time, with C in between, which the nearest cache keeps.
  static void oneRow(const Gemm<E>& g, const Strip<E>& part, int64_t i, int64_t n) {
    enum { Q = 8 };
    const E *a = g.a + i * g.rowA + part.p0 * g.colA, *b = part.b;
    E* c = g.c + i * g.ldc + part.j0;
    const E* from = part.start.from;
    if (from != g.c) {
      const E* bias = from + part.j0;
      forEach<V>(0, n, [&](int64_t j, auto m) LW_LAMBDA { (from ? V::load(bias + j, m) : V::zero()).store(c + j, m); });
    }
    int64_t p = 0;
    for (; p + Q <= part.k; p += Q, b += Q * part.ldb) {
      V x[Q];
      LW_UNROLL for (int q = 0; q < Q; q++) x[q] = V::set1(a[(p + q) * g.colA]);
      forEach<V>(0, n, [&](int64_t j, auto m) LW_LAMBDA {
        V s = V::load(c + j, m);
        LW_UNROLL for (int q = 0; q < Q; q++) s = fma(x[q], V::load(b + q * part.ldb + j, m), s);
        s.store(c + j, m);
      });
    }
    for (; p < part.k; p++, b += part.ldb) {
      const V x = V::set1(a[p * g.colA]);
      forEach<V>(0, n, [&](int64_t j, auto m) LW_LAMBDA { fma(x, V::load(b + j, m), V::load(c + j, m)).store(c + j, m); });
    }
  }

  // Rows [begin, end) of NR columns, and a copy of b to part.copy.
  static void copyingStrip(const Gemm<E>& g, Strip<E> part, int64_t begin, int64_t end) {
    tile<MR, NV, false, true>(g, part, begin, V::first(V::W));
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
    const int64_t most = sizeof(E) == 4 && !kHasNarrow ? 3 * V::W / 8 : V::W / 4, least = left > LastColumns<V>::kMost ? 16 : 8;
    return kGroupsColumns && g.colA == 1 && left <= most && k >= least ? left : 0;
  }

  // The last columns of a strip, where they do not go down the rows, that half a register takes across; 0 if none.
  static int64_t narrow(int64_t width) { return kHasNarrow && width % V::W <= Narrow::W ? width % V::W : 0; }

  // `count` columns from column j of a strip on: at most LastColumns' kMost down the rows, else at most what Narrow has.
  static __attribute__((noinline)) void lastOf(const Gemm<E>& g, Strip<E> part, int64_t j, int64_t count, int64_t begin, int64_t end, bool down) {
    part.b += j;
    part.j0 += j;
    // How many rows are left depends on the columns, and none may be done twice: its chains could begin with C.
    const int64_t rest = down ? LastColumns<V>::run(count, g, part, begin, end) : begin;
    if (rest < end) Tile<Narrow>::template rowsOf<1, true>(g, part, rest, end, Narrow::first(count));
  }

  // Rows [begin, end) of at most NR columns. A last vector that would be nearly all mask costs as much as a full one (50 columns are
  // 48 and 2): vectors down the rows instead, or half a vector. In bands, if a row is read twice, so that it is near the second time.
  static __attribute__((noinline)) void strip(const Gemm<E>& g, Strip<E> part, int64_t width, int64_t begin, int64_t end) {
    if constexpr (V::W >= 4) {
      const int64_t down = apart(g, width, end - begin, part.k), left = down > 0 ? down : narrow(width);
      if (left > 0) {
        const int64_t most = down > 0 ? (int64_t)LastColumns<V>::kMost : (int64_t)Narrow::W;
        const int64_t band = width <= most ? end - begin : g.rowA == 1 ? 4 * V::W : 32;
        for (int64_t i = begin; i < end; i += band) {
          const int64_t to = lesser(end, i + band);
          if (width > left) acrossRows(g, part, width - left, i, to);
          for (int64_t j = width - left; j < width; j += most) lastOf(g, part, j, lesser(width - j, most), i, to, down > 0);
        }
        return;
      }
    }
    acrossRows(g, part, width, begin, end);
  }

  static void acrossRows(const Gemm<E>& g, const Strip<E>& part, int64_t width, int64_t begin, int64_t end) {
    const int count = (int)((width + V::W - 1) / V::W);
    vectors<NV>(count, g, part, begin, end, width % V::W != 0, V::first(width - (count - 1) * V::W));
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
