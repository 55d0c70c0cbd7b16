// Transposing through registers, W×W squares at a time.
#pragma once
#ifdef LANEWISE_KERNELS
#include "elements.h"

namespace lanewise {
namespace LANEWISE_ISA {

// r[i] lane j becomes r[j] lane i: each round is a perfect shuffle of the W·W elements, log2 W of them transpose.
template <class V>
LW_INLINE void transposeSquare(V r[V::W]) {
  LW_UNROLL for (int round = 1; round < V::W; round *= 2) {
    V t[V::W];
    LW_UNROLL for (int i = 0; i < V::W / 2; i++) {
      t[2 * i] = zipLow(r[i], r[i + V::W / 2]);
      t[2 * i + 1] = zipHigh(r[i], r[i + V::W / 2]);
    }
    LW_UNROLL for (int i = 0; i < V::W; i++) r[i] = t[i];
  }
}

// r[j] = column j of the W×W square at x. An instruction set may have an overload of its own.
template <class V>
LW_INLINE void loadSquare(const typename V::E* x, int64_t ldx, V r[V::W]) {
  LW_UNROLL for (int p = 0; p < V::W; p++) r[p] = V::load(x + p * ldx);
  transposeSquare<V>(r);
}

// The same where the square has only these rows and columns.
template <class V>
LW_INLINE void loadPartOfSquare(const typename V::E* x, int64_t ldx, int64_t rows, int64_t columns, V r[V::W]) {
  const typename V::M columnMask = V::first(columns);
  LW_UNROLL for (int p = 0; p < V::W; p++) r[p] = p < rows ? V::load(x + p * ldx, columnMask) : V::zero();
  transposeSquare<V>(r);
}

// y[j*ldy + i] = x[i*ldx + j] for rows i < m and columns j < n.
template <class V>
static void transposeBlock(const typename V::E* x, int64_t ldx, int64_t m, int64_t n, typename V::E* y, int64_t ldy) {
  for (int64_t i = 0; i < m; i += V::W) {
    const int64_t rows = lesser(m - i, V::W);
    const typename V::M rowMask = V::first(rows);
    for (int64_t j = 0; j < n; j += V::W) {
      const int64_t columns = lesser(n - j, V::W);
      V r[V::W];
      if (rows == V::W && columns == V::W) {
        loadSquare(x + i * ldx + j, ldx, r);
        LW_UNROLL for (int p = 0; p < V::W; p++) r[p].store(y + (j + p) * ldy + i);
      } else {
        loadPartOfSquare<V>(x + i * ldx + j, ldx, rows, columns, r);
        LW_UNROLL for (int p = 0; p < V::W; p++)
          if (p < columns) r[p].store(y + (j + p) * ldy + i, rowMask);
      }
    }
  }
}

// Both ways below, for columns [0, n) of all m rows of a large x, go past the caches: lines of y that are overwritten need not be fetched. They
// take 32 rows at a time, so that a row of y gets two lines or more at once, and ask for the next 32 one row after another, as memory gives them
// fastest (squares ask for lines that lie a row apart).

// Where rows of y are whole lines: squares go from registers to memory.
template <class V>
static void transposeFarWhole(const typename V::E* x, int64_t ldx, int64_t m, int64_t n, typename V::E* y, int64_t ldy) {
  typedef typename V::E E;
  enum { ROWS = 32, LINE = 64 / sizeof(E), COLUMNS = 64 * LINE, ASKS = V::W * V::W / LINE > 0 ? V::W * V::W / LINE : 1 };
  for (int64_t j0 = 0; j0 < n; j0 += COLUMNS) {
    const int64_t columns = lesser(n - j0, COLUMNS);
    for (int64_t i = 0; i < m; i += ROWS) {
      const int64_t rows = lesser(m - i, ROWS);  // whole registers
      int64_t row = i + ROWS, column = 0;                         // asked for next
      for (int64_t j = 0; j < columns; j += V::W) {
        const int64_t width = lesser(columns - j, V::W);
        for (int64_t u = 0; u < rows; u += V::W) {
          const E* from = x + (i + u) * ldx + j0 + j;
          E* to = y + (j0 + j) * ldy + i + u;
          V r[V::W];
          if (width == V::W) loadSquare(from, ldx, r);
          else loadPartOfSquare<V>(from, ldx, V::W, width, r);
          if (row < m) {
            LW_UNROLL for (int q = 0; q < ASKS; q++) __builtin_prefetch(x + row * ldx + j0 + column + q * LINE, 0, 2);
            column += ASKS * LINE;
            if (column >= columns) column = 0, row++;
          }
          LW_UNROLL for (int p = 0; p < V::W; p++) if (p < width) r[p].stream(to + p * ldy);
        }
      }
    }
  }
}

// The same for any y. Memory takes whole lines only without loss, and each row of y begins somewhere in one: 32 rows are transposed
// into the cache, and what they leave of a line waits there for the next 32.
template <class V>
static void transposeFarByLines(const typename V::E* x, int64_t ldx, int64_t m, int64_t n, typename V::E* y, int64_t ldy) {
  typedef typename V::E E;
  enum { ROWS = 32, LINE = 64 / sizeof(E), COLUMNS = 8 * LINE, LD = LINE + ROWS };
  alignas(64) E buffer[COLUMNS * LD];  // of each row of y: the line before the 32 numbers, and these
  for (int64_t j = 0; j < n; j += COLUMNS) {
    const int64_t columns = lesser(n - j, COLUMNS);
    for (int64_t i = 0; i < m; i += ROWS) {
      const int64_t rows = lesser(m - i, ROWS);
      for (int64_t r = i + ROWS; r < m && r < i + 2 * ROWS; r++)
        for (int64_t q = 0; q < columns; q += LINE) __builtin_prefetch(x + r * ldx + j + q, 0, 2);
      transposeBlock<V>(x + i * ldx + j, ldx, rows, columns, buffer + LINE, LD);
      for (int64_t q = 0; q < columns; q++) {
        E* to = y + (j + q) * ldy + i;
        E* const end = to + rows;
        E* from = buffer + q * LD + LINE;
        const int64_t before = (int64_t)((uintptr_t)to % 64 / sizeof(E));  // what waits of to's line
        if (i > 0) to -= before, from -= before;
        else for (; (uintptr_t)to % 64 != 0 && to < end; to++) *to = *from++;
        for (; to + LINE <= end; to += LINE, from += LINE)
          LW_UNROLL for (int h = 0; h < LINE; h += V::W) V::load(from + h).stream(to + h);
        if (i + ROWS < m) __builtin_memcpy(buffer + q * LD, buffer + q * LD + ROWS, 64);
        else for (; to < end; to++) *to = *from++;
      }
    }
  }
}

// The columns [0, n) of `rows` rows of x (m rows, ldx columns in all), where y is all of the result and `to` the place of these.
template <class V>
static void transposePart(const typename V::E* x, int64_t ldx, int64_t rows, int64_t n, typename V::E* to, const typename V::E* y, int64_t m) {
  typedef typename V::E E;
  if constexpr (kStreams) {
    // From so many times 8 MB on it pays (Zen 4: 2000×1500 0.4 of the time, 50×400000 0.8); the second way has nothing to gain from one block of rows.
    const bool lines = (uintptr_t)y % 64 == 0 && m * sizeof(E) % 64 == 0;
    if ((lines || m > 32) && isFar<E>(2 * m * ldx / (lines ? 1 : m >= 128 ? 2 : 4))) {
      if (lines) transposeFarWhole<V>(x, ldx, rows, n, to, m);
      else transposeFarByLines<V>(x, ldx, rows, n, to, m);
      return V::streamed();
    }
  }
  transposeBlock<V>(x, ldx, rows, n, to, m);
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
