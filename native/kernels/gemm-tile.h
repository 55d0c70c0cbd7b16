// The register tiles of C = op(A)·op(B) (+ bias), for every instruction set; the loops around them are in gemm.h.
// Contract: each element of C is one chain of fused multiply-adds over ascending k from its initial value.
#pragma once
#ifdef LANEWISE_KERNELS
#include "panels.h"
#include "rows.h"
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
  const E* bias;          // n values that the chains begin with, or null for 0
  int64_t panels;         // 0, or how many A or its transpose has, which then begins at `a`
  const Command* source;  // what A, or its panels, are first to be gathered by, or null
};

// What the chains of C begin with: element (i, j) with from[i*ld + j], a bias where ld is 0; with 0 where there is no `from`.
template <class E>
struct Start {
  const E* from;
  int64_t ld;
};

template <class V>
struct Tile {
  typedef typename V::E E;
  // Where the chains begin and what they take: k values from row p0 on, `b` at the first column, which is column j0.
  struct Part {
    const E* b;
    int64_t ldb, p0, k, j0;
    Start<E> start;
    E* panel;  // where a copy of b, rows of NR, is to be left; or null
  };

  // What was measured on x86 only: whether the next tile's rows of C are asked for ahead, and whether a transposition in
  // registers is worth its shuffles (32×50×784 with AVX-512 on Zen 4: 87 to 98 GFLOP/s).
#if defined(__AVX2__)
  static constexpr bool kAsksForC = true, kSquares = true;
#else
  static constexpr bool kAsksForC = false, kSquares = false;
#endif
  // Registers: 32 in AVX-512 and NEON, 16 in AVX2: rows·N accumulators, N vectors of B and one of A.
#if defined(__AVX512F__) || defined(__aarch64__)
  enum { NV = 4 };
  static constexpr int rows(int n) { return n == 4 ? 6 : n == 3 ? 8 : 12; }
#elif defined(__AVX2__)
  enum { NV = 2 };
  static constexpr int rows(int n) { return n == 2 ? 6 : 8; }
#else
  enum { NV = 4 };
  static constexpr int rows(int) { return 2; }
#endif
  enum { MR = rows(NV), NR = NV * V::W };
  static constexpr int64_t kAhead = 16;  // rows of b that are asked for ahead: no processor foresees steps of a row's length

  // One tile of C: M rows, N vectors of columns, the last of them under a mask if MASKED. With COPY it leaves a copy of b on
  // the way, for the tiles below.
  template <int M, int N, bool MASKED, bool COPY = false>
  static void tile(const Gemm<E>& g, const Part& part, int64_t i, typename V::M mask) {
    const E *a = g.a + i * g.rowA + part.p0 * g.colA, *b = part.b;
    E* c = g.c + i * g.ldc + part.j0;
    V acc[M][N];  // stays in registers only if every loop over it is unrolled
    const auto at = [mask](const E* p, int j) LW_LAMBDA { return MASKED && j == N - 1 ? V::load(p, mask) : V::load(p); };
    if (!part.start.from) {
      LW_UNROLL for (int r = 0; r < M; r++)
        LW_UNROLL for (int j = 0; j < N; j++) acc[r][j] = V::zero();
    } else {
      const E* from = part.start.from + i * part.start.ld + part.j0;
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
        LW_UNROLL for (int j = 0; j < N; j++) row[j].store(part.panel + p * NR + j * V::W);
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
  static void tileOf(int64_t count, const Gemm<E>& g, const Part& part, int64_t i, typename V::M mask) {
    if (count == M) tile<M, N, MASKED>(g, part, i, mask);
    else if constexpr (M > 1) tileOf<M - 1, N, MASKED>(count, g, part, i, mask);
  }

  // Rows [begin, end) of N vectors of columns.
  template <int N, bool MASKED>
  static void rowsOf(const Gemm<E>& g, const Part& part, int64_t begin, int64_t end, typename V::M mask) {
    // Rows are dealt out evenly, so that 32 rows in tiles of at most 6 are 6 6 5 5 5 5, not five sixes and a two.
    int64_t tiles = (end - begin + rows(N) - 1) / rows(N);
    for (int64_t i = begin; i < end; tiles--) {
      const int64_t count = (end - i + tiles - 1) / tiles;
      tileOf<rows(N), N, MASKED>(count, g, part, i, mask);
      i += count;
    }
  }

  template <int N>
  static void vectors(int count, const Gemm<E>& g, const Part& part, int64_t begin, int64_t end, bool masked,
                      typename V::M mask) {
    if constexpr (N > 1) {
      if (count < N) return vectors<N - 1>(count, g, part, begin, end, masked, mask);
    }
    if constexpr (V::W > 1) {
      if (masked) return rowsOf<N, true>(g, part, begin, end, mask);
    }
    rowsOf<N, false>(g, part, begin, end, mask);
  }

  // R vectors of rows by T columns: vectors down the rows. With SQUARES, A is stored by rows and W×W squares of it are
  // transposed on the way (all rows must be there); else it is stored by columns.
  template <int R, int T, bool SQUARES>
  static void down(const Gemm<E>& g, const Part& part, int64_t i, int64_t count) {
    E* c = g.c + i * g.ldc + part.j0;
    const E* from = part.start.from ? part.start.from + i * part.start.ld + part.j0 : nullptr;
    const bool each = part.start.ld > 0;
    E values[2 * R * V::W];
    V acc[R][T];
    LW_UNROLL for (int t = 0; t < T; t++) {
      if (each) {
        for (int64_t r = 0; r < count; r++) values[r] = from[r * part.start.ld + t];
        for (int64_t r = count; r < R * V::W; r++) values[r] = 0;
      }
      const V same = V::set1(from ? from[t] : 0);
      LW_UNROLL for (int r = 0; r < R; r++) acc[r][t] = each ? V::load(values + r * V::W) : same;
    }
    const E *a = g.a + i * g.rowA + part.p0 * g.colA, *b = part.b;
    if constexpr (SQUARES) {
      int64_t p = 0;
      for (; p + V::W <= part.k; p += V::W, a += V::W, b += V::W * part.ldb) {
        for (int r = 0; r < R; r++) square<T>(a + r * V::W * g.rowA, g.rowA, b, part.ldb, V::W, acc[r]);
      }
      if (p < part.k) {
        for (int r = 0; r < R; r++) square<T>(a + r * V::W * g.rowA, g.rowA, b, part.ldb, part.k - p, acc[r]);
      }
    } else {
      const typename V::M last = V::first(count - (R - 1) * V::W);
      for (int64_t p = 0; p < part.k; p++, b += part.ldb, a += g.colA) {
        V column[R];
        LW_UNROLL for (int r = 0; r < R; r++) column[r] = r == R - 1 ? V::load(a + r * V::W, last) : V::load(a + r * V::W);
        LW_UNROLL for (int t = 0; t < T; t++) {
          const V y = V::set1(b[t]);
          LW_UNROLL for (int r = 0; r < R; r++) acc[r][t] = fma(column[r], y, acc[r][t]);
        }
      }
    }
    // Two neighbours of a row at a time.
    LW_UNROLL for (int t = 0; t + 1 < T; t += 2) {
      LW_UNROLL for (int r = 0; r < R; r++) {
        zipLow(acc[r][t], acc[r][t + 1]).store(values + 2 * r * V::W);
        zipHigh(acc[r][t], acc[r][t + 1]).store(values + (2 * r + 1) * V::W);
      }
      for (int64_t r = 0; r < count; r++) __builtin_memcpy(c + r * g.ldc + t, values + 2 * r, 2 * sizeof(E));
    }
    if constexpr (T % 2 == 1) {
      LW_UNROLL for (int r = 0; r < R; r++) acc[r][T - 1].store(values + r * V::W);
      for (int64_t r = 0; r < count; r++) c[r * g.ldc + T - 1] = values[r];
    }
  }

  // acc += W rows and k <= W columns of A times k rows of b.
  template <int T>
  static LW_MEMBER void square(const E* a, int64_t rowA, const E* b, int64_t ldb, int64_t k, V acc[T]) {
    V s[V::W];
    if (k == V::W) {
      loadSquare(a, rowA, s);
    } else {
      const typename V::M part = V::first(k);
      LW_UNROLL for (int q = 0; q < V::W; q++) s[q] = V::load(a + q * rowA, part);
      transposeSquare<V>(s);
    }
    LW_UNROLL for (int q = 0; q < V::W; q++) {
      if (q < k) LW_UNROLL for (int t = 0; t < T; t++) acc[t] = fma(s[q], V::set1(b[q * ldb + t]), acc[t]);
    }
  }

  // The first of the rows that are left: with SQUARES, rows that fill no register.
  template <int T, bool SQUARES>
  static int64_t columns(int64_t count, const Gemm<E>& g, const Part& part, int64_t begin, int64_t end) {
    if constexpr (T > 1) {
      if (count < T) return columns<T - 1, SQUARES>(count, g, part, begin, end);
    }
    int64_t i = begin;
    enum { R = SQUARES && V::W == 16 ? 1 : 4 };  // a square of 16 takes half of the registers
    const int64_t least = SQUARES ? R * V::W - 1 : 3 * V::W;
    for (; end - i > least; i += R * V::W) down<R, T, SQUARES>(g, part, i, lesser(end - i, R * V::W));
    for (; i < end && (!SQUARES || end - i >= V::W); i += V::W) down<1, T, SQUARES>(g, part, i, lesser(end - i, V::W));
    return i;
  }

  // Row i, n columns: B's rows as they lie in memory, a few at a time, with C in between, which the nearest cache keeps.
  static void oneRow(const Gemm<E>& g, const Part& part, int64_t i, int64_t n) {
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

  // Rows [begin, end) of NR columns, and a copy of b to part.panel.
  static void copyingStrip(const Gemm<E>& g, Part part, int64_t begin, int64_t end) {
    tile<MR, NV, false, true>(g, part, begin, V::first(V::W));
    part.b = part.panel;
    part.ldb = NR;
    strip(g, part, NR, begin + MR, end);
  }

  // The last columns of a strip that vectors down `rows` rows take better than one across; 0 if none.
  static int64_t apart(const Gemm<E>& g, int64_t width, int64_t rows, int64_t k) {
    const int64_t left = width % V::W;
    const bool pays = V::W >= 4 && left <= V::W / 4 && rows >= V::W && (g.rowA == 1 || (kSquares && g.colA == 1 && k >= 64));
    return pays ? left : 0;
  }

  // Rows [begin, end) of at most NR columns. A last vector that would be nearly all mask costs as much as a full one (50 columns are
  // 48 and 2): vectors down the rows instead. In bands, so that what both parts read and write is near the second time.
  static void strip(const Gemm<E>& g, Part part, int64_t width, int64_t begin, int64_t end) {
    if constexpr (V::W >= 4) {
      const int64_t left = apart(g, width, end - begin, part.k);
      if (left > 0) {
        Part narrow = part;
        narrow.b += width - left;
        narrow.j0 += width - left;
        const int64_t band = g.rowA == 1 ? 4 * V::W : 32;
        for (int64_t i = begin; i < end; i += band) {
          const int64_t to = lesser(end, i + band);
          if (width > left) acrossRows(g, part, width - left, i, to);
          const int64_t rest = g.rowA == 1 ? columns<V::W / 4, false>(left, g, narrow, i, to) : columns<V::W / 4, true>(left, g, narrow, i, to);
          if (rest < to) rowsOf<1, true>(g, narrow, rest, to, V::first(left));
        }
        return;
      }
    }
    acrossRows(g, part, width, begin, end);
  }

  static void acrossRows(const Gemm<E>& g, const Part& part, int64_t width, int64_t begin, int64_t end) {
    const int count = (int)((width + V::W - 1) / V::W);
    vectors<NV>(count, g, part, begin, end, width % V::W != 0, V::first(width - (count - 1) * V::W));
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
