// Transposing through registers, W×W squares at a time.
#pragma once
#ifdef LANEWISE_KERNELS

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

// y[j*ldy + i] = x[i*ldx + j] for rows i < m and columns j < n.
template <class V>
static void transposeBlock(const typename V::E* x, int64_t ldx, int64_t m, int64_t n, typename V::E* y, int64_t ldy) {
  for (int64_t i = 0; i < m; i += V::W) {
    const int64_t rows = m - i < V::W ? m - i : (int64_t)V::W;
    const typename V::M rowMask = V::first(rows);
    for (int64_t j = 0; j < n; j += V::W) {
      const int64_t columns = n - j < V::W ? n - j : (int64_t)V::W;
      V r[V::W];
      if (rows == V::W && columns == V::W) {
        loadSquare(x + i * ldx + j, ldx, r);
        LW_UNROLL for (int p = 0; p < V::W; p++) r[p].store(y + (j + p) * ldy + i);
      } else {
        const typename V::M columnMask = V::first(columns);
        LW_UNROLL for (int p = 0; p < V::W; p++) r[p] = p < rows ? V::load(x + (i + p) * ldx + j, columnMask) : V::zero();
        transposeSquare<V>(r);
        LW_UNROLL for (int p = 0; p < V::W; p++)
          if (p < columns) r[p].store(y + (j + p) * ldy + i, rowMask);
      }
    }
  }
}

// to[0, n) = from[0, n), past the caches: the lines that are overwritten need not be fetched, and nothing else is pushed out.
template <class V>
static void streamTo(typename V::E* to, const typename V::E* from, int64_t n) {
  int64_t i = 0;
  if constexpr (kStreams) {
    for (; i < n && (uintptr_t)(to + i) % sizeof(V) != 0; i++) to[i] = from[i];
    for (; i + V::W <= n; i += V::W) V::load(from + i).stream(to + i);
  }
  for (; i < n; i++) to[i] = from[i];
}

// Results of so many bytes are in no cache any more when they are read.
enum { kFar = 1 << 25 };

// The same for columns [0, n) of all m rows of a large x, by way of the cache: a line of y is otherwise visited once for each
// square of x that has a part of it, and is away in between.
template <class V>
static void transposeFar(const typename V::E* x, int64_t ldx, int64_t m, int64_t n, typename V::E* y, int64_t ldy) {
  typedef typename V::E E;
  enum { SIDE = 64, LINE = 64 / sizeof(E), LD = SIDE + LINE };  // a power of two would crowd few cache sets
  alignas(64) E buffer[SIDE * LD];
  for (int64_t j = 0; j < n; j += SIDE) {
    const int64_t columns = n - j < SIDE ? n - j : (int64_t)SIDE;
    for (int64_t i = 0; i < m; i += SIDE) {
      const int64_t rows = m - i < SIDE ? m - i : (int64_t)SIDE;
      for (int64_t r = i + SIDE; r < m && r < i + 2 * SIDE; r++)
        for (int64_t q = 0; q < columns; q += LINE) __builtin_prefetch(x + r * ldx + j + q);
      transposeBlock<V>(x + i * ldx + j, ldx, rows, columns, buffer, LD);
      for (int64_t q = 0; q < columns; q++) streamTo<V>(y + (j + q) * ldy + i, buffer + q * LD, rows);
    }
  }
  if constexpr (kStreams) V::streamed();
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
