// The last columns of a product, where they would leave most of a register across empty: 50 columns are 48 and 2. Vectors
// go down the rows instead. Each element is the same chain as in gemm-tile.h.
#pragma once
#ifdef LANEWISE_KERNELS
#include "gemm-operands.h"
#include "elements.h"

namespace lanewise {
namespace LANEWISE_ISA {

// Whether V has loadParts and repeat, and there is spread. Not on ARM, where nothing was measured.
#if defined(__AVX2__)
static constexpr bool kGroupsColumns = true;
#else
static constexpr bool kGroupsColumns = false;
#endif

template <class V>
struct LastColumns {
  typedef typename V::E E;
  enum { kMost = V::W / 4 };

  // The first `count` columns of a strip, at most kMost, of rows [begin, end); returns the first of the rows that are left.
  static int64_t run(int64_t count, const Gemm<E>& g, const Strip<E>& part, int64_t begin, int64_t end) {
    return columns<kMost>(count, g, part, begin, end);
  }

 private:
  template <int T>
  static int64_t columns(int64_t count, const Gemm<E>& g, const Strip<E>& part, int64_t begin, int64_t end) {
    if constexpr (T > 1) {
      if (count < T) return columns<T - 1>(count, g, part, begin, end);
    }
    if (g.rowA == 1) {
      int64_t i = begin;
      for (; end - i > 3 * V::W; i += 4 * V::W) down<4, T>(g, part, i, lesser(end - i, 4 * V::W));
      for (; i < end; i += V::W) down<1, T>(g, part, i, lesser(end - i, V::W));
      return end;
    }
    if constexpr (kGroupsColumns) {
      typedef Groups<T, T == 1 ? 1 : T == 2 ? 2 : 4> Q;
      return crowded(g) ? groups<T, Q::U, Q::FEW>(g, part, begin, end) : groups<T, Q::U, Q::MOST>(g, part, begin, end);
    }
    return begin;
  }

  // A by columns: R vectors of rows by T columns.
  template <int R, int T>
  static void down(const Gemm<E>& g, const Strip<E>& part, int64_t i, int64_t count) {
    E* c = g.c + i * g.ldc + part.j0;
    const E* from = part.start.at(i, part.j0);
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
    const typename V::M last = V::first(count - (R - 1) * V::W);
    for (int64_t p = 0; p < part.k; p++, b += part.ldb, a += g.colA) {
      V column[R];
      LW_UNROLL for (int r = 0; r < R; r++) column[r] = r == R - 1 ? V::load(a + r * V::W, last) : V::load(a + r * V::W);
      LW_UNROLL for (int t = 0; t < T; t++) {
        const V y = V::set1(b[t]);
        LW_UNROLL for (int r = 0; r < R; r++) acc[r][t] = fma(column[r], y, acc[r][t]);
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

  // A by rows. A register holds U columns of ROWS rows, a row's side by side: of each 16 bytes of A, from as many rows, one shuffle
  // makes what a row of B, repeated, is multiplied with; for a single column (U = 1) they are transposed. MOST registers of a kernel: 32 rows or, with
  // few registers, 8 of them. FEW: where rows are crowded, and up to two columns.
  template <int T, int UNIT>
  struct Groups {
    enum { U = UNIT, PART = 16 / sizeof(E), EACH = PART / U, ROWS = V::W / U, MOST = 32 / ROWS < 8 ? 32 / ROWS : 8, FEW = T > 2 ? MOST : T * 64 / (V::W * (int)sizeof(E)) };
  };
  // Rows of A a multiple of 2 KB apart crowd few sets of the first-level cache, and a line is gone before its next 16 bytes are asked for: then
  // all of it is taken before the next rows (128×1×512 0.52, 128×1×1024 0.36 of the time; else 1.1, with few registers 1.4), and fewer rows
  // at a time.
  static bool crowded(const Gemm<E>& g) { return g.rowA * (int64_t)sizeof(E) % 2048 == 0; }
  template <int N>
  struct Parts {
    enum { COUNT = N };
  };

  // R registers of rows at a time as long as they last, then half as many.
  template <int T, int U, int R>
  static int64_t groups(const Gemm<E>& g, const Strip<E>& part, int64_t i, int64_t last) {
    enum { ROWS = R * Groups<T, U>::ROWS };
    for (; last - i >= ROWS; i += ROWS) someGroups<T, U, R>(g, part, i);
    if constexpr (R > 1) return groups<T, U, R / 2>(g, part, i, last);
    else if constexpr (U == 1) return groups<T, 2, 1>(g, part, i, last);
    return i;
  }

  template <int T, int U, int R>
  static void someGroups(const Gemm<E>& g, const Strip<E>& part, int64_t i) {
    typedef Groups<T, U> Q;
    enum { PART = Q::PART, EACH = Q::EACH };
    alignas(64) E values[R * V::W];
    const E* start = part.start.at(i, part.j0);
    __builtin_memset(values, 0, sizeof values);
    if (start) for (int r = 0; r < R * Q::ROWS; r++) __builtin_memcpy(values + r * Q::U, start + r * part.start.ld, T * sizeof(E));
    V acc[R];
    LW_UNROLL for (int r = 0; r < R; r++) acc[r] = V::load(values + r * V::W);
    const E *a = g.a + i * g.rowA + part.p0, *b = part.b;
    int64_t p = 0;
    // x[q]: what the rows of register r have in column q of the 16 bytes from column p on.
    const auto spreadAt = [&](int r, int64_t p, V x[PART]) LW_LAMBDA {
      const E* from = a + r * Q::ROWS * g.rowA + p;
      if constexpr (U == 1) return loadColumns(from, g.rowA, x);
      const V first = V::loadParts(from, EACH * g.rowA);
      spread(first, EACH == 2 ? V::loadParts(from + g.rowA, EACH * g.rowA) : first, x);
    };
    const auto steps = [&](auto parts) LW_LAMBDA {
      enum { K = decltype(parts)::COUNT * PART };
      for (; p + K <= part.k; p += K, b += K * part.ldb) {
        V row[K];
        LW_UNROLL for (int q = 0; q < K; q++) row[q] = V::template repeat<T>(b + q * part.ldb);
        LW_UNROLL for (int r = 0; r < R; r++) {
          if constexpr (U == 1 && (int)K == (int)V::W) {
            V x[K];
            loadSquare(a + r * Q::ROWS * g.rowA + p, g.rowA, x);
            LW_UNROLL for (int q = 0; q < K; q++) acc[r] = fma(x[q], row[q], acc[r]);
          } else {
            LW_UNROLL for (int s = 0; s < K; s += PART) {
              V x[PART];
              spreadAt(r, p + s, x);
              LW_UNROLL for (int q = 0; q < PART; q++) acc[r] = fma(x[q], row[s + q], acc[r]);
            }
          }
        }
      }
    };
    if constexpr (R == Q::FEW)
      if (crowded(g)) steps(Parts<64 / 16>());
    steps(Parts<1>());
    // What is left of k, from the last 16 bytes of the rows: those of columns that are done are not used.
    if (const int64_t done = PART - (part.k - p); done < PART) {
      LW_UNROLL for (int r = 0; r < R; r++) {
        V x[PART];
        spreadAt(r, part.k - PART, x);
        LW_UNROLL for (int q = 1; q < PART; q++)
          if (q >= done) acc[r] = fma(x[q], V::template repeat<T>(b + (q - done) * part.ldb), acc[r]);
      }
    }
    LW_UNROLL for (int r = 0; r < R; r++) acc[r].store(values + r * V::W);
    E* c = g.c + i * g.ldc + part.j0;
    for (int r = 0; r < R * Q::ROWS; r++) __builtin_memcpy(c + r * g.ldc, values + r * Q::U, T * sizeof(E));
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
