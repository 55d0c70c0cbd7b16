// C = op(A)·op(B) (+ bias): the loop nest and the register tile, for every instruction set.
// Contract: each element of C is one chain of fused multiply-adds over ascending k from its initial value. Work is divided
// over rows and columns of C only; blocking over k goes through C in memory, which keeps the chain.
#pragma once
#ifdef LANEWISE_KERNELS

#if defined(__clang__)
#define LW_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define LW_UNROLL _Pragma("GCC unroll 32")
#else
#define LW_UNROLL
#endif

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
  enum { NR = NV * V::W, KC = 256 };

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

  // Copies rows [p0, p0+k) and columns [j0, j0+width) of op(B) to a contiguous panel of row length NR.
  static void pack(const Gemm<E>& g, int64_t p0, int64_t k, int64_t j0, int64_t width, E* panel) {
    if (g.transB) {
      for (int64_t j = 0; j < width; j++) {
        const E* from = g.b + (j0 + j) * g.ldb + p0;
        for (int64_t p = 0; p < k; p++) panel[p * NR + j] = from[p];
      }
    } else {
      for (int64_t p = 0; p < k; p++) {
        const E* from = g.b + (p0 + p) * g.ldb + j0;
        for (int64_t j = 0; j < width; j++) panel[p * NR + j] = from[j];
      }
    }
  }

  // Rows [i0, i1) and columns [c0, c1) of C, all of k.
  static void block(const Gemm<E>& g, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    alignas(64) E panel[KC * NR];
    const bool packs = g.transB || (g.n > 4 * NR && i1 - i0 >= 2 * MR);
    for (int64_t j0 = c0; j0 < c1; j0 += NR) {
      const int64_t width = c1 - j0 < NR ? c1 - j0 : (int64_t)NR;
      int64_t p0 = 0;
      do {  // once even for k = 0, which leaves the initial values
        const int64_t k = g.k - p0 < KC ? g.k - p0 : (int64_t)KC;
        const Init init = p0 > 0 ? Init::load : g.bias ? Init::bias : Init::zero;
        if (packs) pack(g, p0, k, j0, width, panel);
        anyStrip(g, i0, i1, packs ? panel : g.b + p0 * g.ldb + j0, packs ? (int64_t)NR : g.ldb, p0, k, j0, width, init);
        p0 += k;
      } while (p0 < g.k);
    }
  }

  // How C divides into units: strips of columns where there are enough of them, else groups of rows.
  static bool byColumns(const Gemm<E>& g) { return g.n >= 8 * NR || g.n >= g.m; }
  static int64_t rowsPerUnit(const Gemm<E>&) { return 2 * MR; }

  static void plan(const Gemm<E>& g, Plan& plan) {
    plan.units = byColumns(g) ? (g.n + NR - 1) / NR : (g.m + rowsPerUnit(g) - 1) / rowsPerUnit(g);
    if (g.m == 0 || g.n == 0) plan.units = 0;
    plan.nanoseconds = (double)g.m * g.n * (g.k + 4) * 0.3 / V::W;
    plan.scratch = 0;
  }

  static void run(const Gemm<E>& g, int64_t begin, int64_t end) {
    if (byColumns(g)) {
      const int64_t last = end * NR < g.n ? end * NR : g.n;
      block(g, 0, g.m, begin * NR, last);
    } else {
      const int64_t per = rowsPerUnit(g);
      block(g, begin * per, end * per < g.m ? end * per : g.m, 0, g.n);
    }
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
