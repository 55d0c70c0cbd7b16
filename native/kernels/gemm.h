// C = op(A)·op(B) (+ bias): the loop nest and the register tile, for every instruction set.
// Contract: each element of C is one chain of fused multiply-adds over ascending k from its initial value. Work is divided
// over rows and columns of C only; blocking over k goes through C in memory, which keeps the chain.
#pragma once
#ifdef LANEWISE_KERNELS

#include "transpose.h"

namespace lanewise {
namespace LANEWISE_ISA {

// A is m×k with element (i, p) at a[i*rowA + p*colA]. B is k×n at b[p*ldb + j], or n×k at b[j*ldb + p] if transB.
template <class E>
struct Gemm {
  int64_t m, n, k;
  const E* a;
  int64_t rowA, colA;
  const E* b;
  int64_t ldb;
  bool transB;
  E* c;
  int64_t ldc;
  const E* bias;  // n values that the chains begin with, or null for 0
};

enum class Init { zero, bias, load };

template <class V>
struct Tiles {
  typedef typename V::E E;
  // Registers: 32 in AVX-512 and NEON, 16 in AVX2; MR×NV accumulators, NV vectors of B and one of A.
#if defined(__AVX512F__) || defined(__aarch64__)
  enum { MR = 6, NV = 4 };
#elif defined(__AVX2__)
  enum { MR = 6, NV = 2 };
#else
  enum { MR = 4, NV = 4 };
#endif
  enum { NR = NV * V::W, KC = 256, MC = 64 * MR, NC = 8 * NR };
  // What may be kept of B in a first-level cache of 32 KB or more.
  static constexpr int64_t kFirstLevel = 24576;

  // One tile of C: M rows, N vectors of columns, the last of them under a mask if MASKED.
  template <int M, int N, bool MASKED>
  static void tile(const Gemm<E>& g, const E* a, const E* b, int64_t ldb, int64_t k, E* c, const E* bias, Init init,
                   typename V::M mask) {
    V acc[M][N];  // stays in registers only if every loop over it is unrolled
    const auto at = [mask](const E* p, int j) LW_LAMBDA { return MASKED && j == N - 1 ? V::load(p, mask) : V::load(p); };
    if (init == Init::zero) {
      LW_UNROLL for (int i = 0; i < M; i++)
        LW_UNROLL for (int j = 0; j < N; j++) acc[i][j] = V::zero();
    } else {
      const E* from = init == Init::bias ? bias : c;
      const int64_t step = init == Init::bias ? 0 : g.ldc;
      LW_UNROLL for (int i = 0; i < M; i++)
        LW_UNROLL for (int j = 0; j < N; j++) acc[i][j] = at(from + i * step + j * V::W, j);
    }
    const int64_t rowA = g.rowA, colA = g.colA;
    for (int64_t p = 0; p < k; p++, b += ldb, a += colA) {
      V row[N];
      LW_UNROLL for (int j = 0; j < N; j++) row[j] = at(b + j * V::W, j);
      LW_UNROLL for (int i = 0; i < M; i++) {
        const V x = V::set1(a[i * rowA]);
        LW_UNROLL for (int j = 0; j < N; j++) acc[i][j] = fma(x, row[j], acc[i][j]);
      }
    }
    LW_UNROLL for (int i = 0; i < M; i++) {
      LW_UNROLL for (int j = 0; j < N; j++) {
        E* to = c + i * g.ldc + j * V::W;
        if (MASKED && j == N - 1) acc[i][j].store(to, mask);
        else acc[i][j].store(to);
      }
    }
  }

  // Rows [begin, end) of one strip of at most NR columns, for one block of k.
  template <int N, bool MASKED>
  static void strip(const Gemm<E>& g, int64_t begin, int64_t end, const E* b, int64_t ldb, int64_t p0, int64_t k, int64_t j0,
                    Init init, typename V::M mask) {
    const E* bias = g.bias ? g.bias + j0 : nullptr;
    // Rows are dealt out evenly, so that 32 rows in tiles of at most 6 are 6 6 5 5 5 5, not five sixes and a two.
    int64_t tiles = (end - begin + MR - 1) / MR;
    for (int64_t i = begin; i < end; tiles--) {
      const int64_t rows = (end - i + tiles - 1) / tiles;
      const E* a = g.a + i * g.rowA + p0 * g.colA;
      E* c = g.c + i * g.ldc + j0;
      switch (rows) {
        case 1: tile<1, N, MASKED>(g, a, b, ldb, k, c, bias, init, mask); break;
        case 2: tile<2, N, MASKED>(g, a, b, ldb, k, c, bias, init, mask); break;
        case 3: tile<3, N, MASKED>(g, a, b, ldb, k, c, bias, init, mask); break;
        case 4: tile<4, N, MASKED>(g, a, b, ldb, k, c, bias, init, mask); break;
#if !defined(__AVX512F__) && !defined(__aarch64__) && !defined(__AVX2__)
      }
#else
        case 5: tile<5, N, MASKED>(g, a, b, ldb, k, c, bias, init, mask); break;
        case 6: tile<6, N, MASKED>(g, a, b, ldb, k, c, bias, init, mask); break;
      }
#endif
      i += rows;
    }
  }

  static void anyStrip(const Gemm<E>& g, int64_t begin, int64_t end, const E* b, int64_t ldb, int64_t p0, int64_t k, int64_t j0,
                       int64_t width, Init init) {
    const int vectors = (int)((width + V::W - 1) / V::W);
    const bool masked = width % V::W != 0;
    const typename V::M mask = V::first(width - (vectors - 1) * V::W);
    switch (2 * vectors + (masked ? 1 : 0)) {
      case 2: strip<1, false>(g, begin, end, b, ldb, p0, k, j0, init, mask); break;
      case 3: strip<1, true>(g, begin, end, b, ldb, p0, k, j0, init, mask); break;
      case 4: strip<2, false>(g, begin, end, b, ldb, p0, k, j0, init, mask); break;
      case 5: strip<2, true>(g, begin, end, b, ldb, p0, k, j0, init, mask); break;
#if defined(__AVX512F__) || defined(__aarch64__) || !defined(__AVX2__)
      case 6: strip<3, false>(g, begin, end, b, ldb, p0, k, j0, init, mask); break;
      case 7: strip<3, true>(g, begin, end, b, ldb, p0, k, j0, init, mask); break;
      case 8: strip<4, false>(g, begin, end, b, ldb, p0, k, j0, init, mask); break;
      case 9: strip<4, true>(g, begin, end, b, ldb, p0, k, j0, init, mask); break;
#endif
    }
  }

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

  // Rows [p0, p0+k) and columns [b0, b1) of op(B) as panels of NR columns, KC·NR apart.
  static void packB(const Gemm<E>& g, int64_t p0, int64_t k, int64_t b0, int64_t b1, E* panels) {
    if (g.transB) {
      for (int64_t j = b0; j < b1; j += NR)
        transposeBlock<V>(g.b + j * g.ldb + p0, g.ldb, b1 - j < NR ? b1 - j : (int64_t)NR, k, panels + (j - b0) * KC, NR);
      return;
    }
    for (int64_t p = 0; p < k; p++) {  // along the rows as they lie in memory
      const E* from = g.b + (p0 + p) * g.ldb;
      for (int64_t j = b0; j < b1; j += NR)
        copyRows(from + j, 0, 1, b1 - j < NR ? b1 - j : (int64_t)NR, panels + (j - b0) * KC + p * NR, 0);
    }
  }

  // Rows [i0, i0+m) and columns [p0, p0+k) of op(A) close together, as stored: rows of k, or of m if A is transposed.
  static Gemm<E> packA(const Gemm<E>& g, int64_t i0, int64_t m, int64_t p0, int64_t k, E* to) {
    const bool across = g.colA == 1;
    const int64_t ld = (across ? (int64_t)KC : (int64_t)MC) + 16;  // not a power of two, which would crowd few cache sets
    const E* from = g.a + i0 * g.rowA + p0 * g.colA;
    if (across) copyRows(from, g.rowA, m, k, to, ld);
    else copyRows(from, g.colA, k, m, to, ld);
    Gemm<E> packed = g;
    packed.rowA = across ? ld : 1;
    packed.colA = across ? 1 : ld;
    packed.a = to - i0 * packed.rowA - p0 * packed.colA;
    return packed;
  }

  // Rows [i0, i1), at most MC of them, and columns [c0, c1) of C, over all of k.
  static void block(const Gemm<E>& g, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    alignas(64) E panel[KC * NR];
    const int64_t m = i1 - i0, strips = (c1 - c0 + NR - 1) / NR;
    // Copying B pays when several tiles of rows use the panels; copying A when several strips do and its rows lie far apart.
    const bool packsB = g.transB || (strips > 1 && m > 2 * MR && g.n > 2 * NR);
    const bool wantsA = strips >= 4 && m >= MR && (g.colA != 1 || g.k > KC);
    E* own = packsB && strips > 1 ? (E*)workspace((KC * NC + (KC + 16) * (MC + 16)) * sizeof(E)) : nullptr;
    const int64_t wide = own ? (int64_t)NC : (int64_t)NR;  // columns of B copied at a time: long rows, few pages
    E* panels = own ? own : panel;
    // Without copies, as much of k as keeps B's rows in the first-level cache.
    const int64_t step = packsB ? (int64_t)KC : m <= MR ? g.k : rowsThatFit(g);
    int64_t p0 = 0;
    do {  // once even for k = 0, which leaves the initial values
      const int64_t k = g.k - p0 < step ? g.k - p0 : step;
      const Init init = p0 > 0 ? Init::load : g.bias ? Init::bias : Init::zero;
      const Gemm<E> near = own && wantsA ? packA(g, i0, m, p0, k, own + KC * NC) : g;
      for (int64_t b0 = c0; b0 < c1; b0 += wide) {
        const int64_t b1 = b0 + wide < c1 ? b0 + wide : c1;
        if (packsB) packB(g, p0, k, b0, b1, panels);
        for (int64_t j0 = b0; j0 < b1; j0 += NR) {
          const int64_t width = b1 - j0 < NR ? b1 - j0 : (int64_t)NR;
          const E* b = packsB ? panels + (j0 - b0) * KC : g.b + p0 * g.ldb + j0;
          anyStrip(near, i0, i1, b, packsB ? (int64_t)NR : g.ldb, p0, k, j0, width, init);
        }
      }
      p0 += k;
    } while (p0 < g.k);
  }

  static int64_t rowsThatFit(const Gemm<E>& g) {
    const int64_t fits = kFirstLevel / ((int64_t)sizeof(E) * (g.n < NR ? g.n : (int64_t)NR));
    return fits < g.k ? fits / 16 * 16 : g.k;
  }

  // C is divided into a grid of blocks, rows first: units [0, columns) are the first band of rows.
  struct Grid {
    int64_t rows, columns;          // blocks down and across
    int64_t rowStep, columnStep;    // their size
  };
  static Grid gridOf(const Gemm<E>& g) {
    Grid grid;
    // Bands of equal height; small products in bands of few tiles, so that threads have something to share.
    const int64_t most = g.n <= 2 * NR ? 4 * MR : (int64_t)MC;
    const int64_t bands = (g.m + most - 1) / most;
    grid.rowStep = bands ? (g.m + bands - 1) / bands : 1;
    grid.rows = (g.m + grid.rowStep - 1) / grid.rowStep;
    grid.columnStep = g.n <= 2 * NR ? (g.n > 0 ? g.n : 1) : (int64_t)NR;
    grid.columns = (g.n + grid.columnStep - 1) / grid.columnStep;
    return grid;
  }

  static void plan(const Gemm<E>& g, Plan& plan) {
    const Grid grid = gridOf(g);
    plan.units = grid.rows * grid.columns;
    plan.nanoseconds = (double)g.m * g.n * (g.k + 4) * 0.25 / V::W;
    plan.scratch = 0;
  }

  static void run(const Gemm<E>& g, int64_t begin, int64_t end) {
    const Grid grid = gridOf(g);
    for (int64_t u = begin; u < end;) {
      const int64_t row = u / grid.columns, first = u % grid.columns;
      const int64_t last = end - u < grid.columns - first ? first + end - u : grid.columns;
      const int64_t i1 = (row + 1) * grid.rowStep, c1 = last * grid.columnStep;
      block(g, row * grid.rowStep, i1 < g.m ? i1 : g.m, first * grid.columnStep, c1 < g.n ? c1 : g.n);
      u += last - first;
    }
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
