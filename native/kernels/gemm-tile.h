// The register tiles of C = op(A)·op(B) (+ bias), for every instruction set; the loops around them are in gemm-nest.h.
// Contract: each element of C is one chain of fused multiply-adds over ascending k from its initial value.
#pragma once
#ifdef LANEWISE_KERNELS
#include "gemm-operands.h"
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
  // Whether a mask that leaves out nothing costs next to nothing: only tiles of the most rows are built without one then (100 KB less).
#if defined(__AVX512F__)
  static constexpr bool kMaskIsFree = true;
#else
  static constexpr bool kMaskIsFree = false;
#endif
  // Whether rows of B are so long (AVX-512: four lines) that few of its blocks stay near the core whatever their size.
  static constexpr bool kLongRows = NR * sizeof(E) > 64;
  // Columns up to which a product counts as small: a block of all columns of B stays in the first-level cache as it lies.
  enum { SMALL = 2 * NR > 64 ? 2 * NR : 64 };
  static bool small(const Gemm<E>& g) { return g.n <= SMALL; }
  // Whether steps with zeros of A are left out (gemm-sparse.h). Scalar code is built for size; what half a register takes is part of another product.
  static constexpr bool kLeavesOut = V::W > 1 && sizeof(V) == sizeof(F32);
  static constexpr int64_t kAhead = 16;  // rows of b that are asked for ahead: no processor foresees steps of a row's length

  // One tile of C: M rows, N vectors of columns, the last of them under a mask if MASKED. With COPY it leaves a copy of b on
  // the way, for the tiles below.
  template <int M, int N, bool MASKED, bool COPY = false>
  static void tile(const Gemm<E>& g, const Strip<E>& part, int64_t i, typename V::M mask) {
    const int64_t rowA = g.rowA, colA = g.colA, ldb = part.ldb, k = part.k, ldc = g.ldc;  // stores could be to g or part, for all a compiler knows
    const E *a = g.a + i * rowA + part.p0 * colA, *b = part.b;
    E *c = g.c + i * ldc + part.j0, *const copy = part.copy;
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
    // The rows of C below, which the next tile begins with: their lines come from afar otherwise, all at once (squares of 1024:
    // with AVX2 on Zen 3 85 to 88 GFLOP/s, with AVX-512 on Zen 4 101 to 104).
    if (kAsksForC && k >= 64) {
      LW_UNROLL for (int r = 0; r < M; r++)
        LW_UNROLL for (int j = 0; j < N; j += (int)(64 / sizeof(E)) / V::W) __builtin_prefetch(c + (M + r) * ldc + j * V::W, 1);
    }
    LW_TWICE for (int64_t p = 0; p < k; p++, b += ldb, a += colA) {
      V row[N];
      LW_UNROLL for (int j = 0; j < N; j++) row[j] = at(b + j * V::W, j);
      if (COPY) {
        LW_UNROLL for (int j = 0; j < N; j++) row[j].store(copy + p * NR + j * V::W);
        LW_UNROLL for (int j = 0; j < N; j++) __builtin_prefetch(b + kAhead * ldb + j * V::W);
      }
      LW_UNROLL for (int r = 0; r < M; r++) {
        const V x = V::set1(a[r * rowA]);
        LW_UNROLL for (int j = 0; j < N; j++) acc[r][j] = fma(x, row[j], acc[r][j]);
      }
    }
    LW_UNROLL for (int r = 0; r < M; r++) {
      LW_UNROLL for (int j = 0; j < N; j++) {
        E* to = c + r * ldc + j * V::W;
        if (MASKED && j == N - 1) acc[r][j].store(to, mask);
        else acc[r][j].store(to);
      }
    }
  }

  template <int M, int N, bool MASKED>
  static void tileOf(int64_t count, const Gemm<E>& g, const Strip<E>& part, int64_t i, typename V::M mask) {
    if (count == M) tile<M, N, MASKED || (kMaskIsFree && M < rows(N))>(g, part, i, mask);
    else if constexpr (M > 1) tileOf<M - 1, N, MASKED>(count, g, part, i, mask);
  }

  // Rows [begin, end) of N vectors of columns.
  template <int N, bool MASKED>
  static __attribute__((noinline)) void rowsOf(const Gemm<E>& g, const Strip<E>& part, int64_t begin, int64_t end, typename V::M mask) {
    // Rows are dealt out evenly, so that 32 rows in tiles of at most 6 are 6 6 5 5 5 5, not five sixes and a two.
    int64_t tiles = ceilDivide(end - begin, rows(N));
    for (int64_t i = begin; i < end; tiles--) {
      const int64_t count = ceilDivide(end - i, tiles);
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

  // Rows [begin, end) of at most NR columns.
  static __attribute__((noinline)) void allAcross(const Gemm<E>& g, const Strip<E>& part, int64_t width, int64_t begin, int64_t end) {
    const int count = (int)ceilDivide(width, V::W);
    vectors<NV>(count, g, part, begin, end, width % V::W != 0, V::first(width - (count - 1) * V::W));
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
