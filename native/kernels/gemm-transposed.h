// A few rows times a transpose, as the gradient of a layer's input at small batches: A is transposed, which is small, not B.
#pragma once
#ifdef LANEWISE_KERNELS
#include "../scratch.h"
#include "gemm-strip.h"
#include "transpose.h"

namespace lanewise {
namespace LANEWISE_ISA {

// Cᵀ = B·Aᵀ, both as they lie but A, a band of B's rows at a time, whose result is transposed into C. The chains are the same.
template <class V>
struct TransposedRows {
  typedef typename V::E E;
  typedef Strips<V> T;
  enum { BAND = 64, kMostRows = 64 / sizeof(E), kMostBytes = 1 << 20 };

  // Where it was faster (Zen 4, one thread, k of 128 and more: with AVX-512 0.71 to 0.98 of the time, in float64 0.53 to 0.8, with AVX2 0.57 to 1.0 and
  // 0.43 to 0.75): rows that fill, but for an eighth, 64 bytes or 32; not columns that just fill 64 bytes, or with AVX2 32 (7 rows took 1.4 to 1.7 of the time
  // transposed, 16 1.0 to 1.2). On ARM nothing was measured.
  static bool takes(const Gemm<E>& g) {
    const int64_t full = g.m * (int64_t)sizeof(E) > 32 ? 64 : 32;
    const bool fills = 8 * g.m * (int64_t)sizeof(E) >= 7 * full && g.m <= kMostRows;
    const bool whole = g.n % V::W == 0 && g.n * (int64_t)sizeof(E) <= 64;
    return kGroupsColumns && fills && !whole && g.transB && g.colA == 1 && !g.bias && g.k >= 128 && g.m * g.k <= kMostBytes / (int64_t)sizeof(E);
  }
  static int64_t units(const Gemm<E>& g) { return ceilDivide(g.n, BAND); }

  // Bands [begin, end), or nothing if there is no memory for A's transpose.
  static bool run(const Gemm<E>& g, int64_t begin, int64_t end) {
    E* transposed = (E*)workspace(g.m * g.k * sizeof(E));
    if (!transposed) return false;
    transposeBlock<V>(g.a, g.rowA, g.m, g.k, transposed, g.m);
    alignas(64) E c[BAND * kMostRows];
    for (int64_t j = begin * BAND; j < lesser(end * BAND, g.n); j += BAND) {
      const int64_t rows = lesser(BAND, g.n - j);
      const Gemm<E> band = {rows, g.m, g.k, g.b + j * g.ldb, g.ldb, 1, transposed, g.m, false, c, g.m, nullptr, 0, nullptr};
      T::strip(band, {transposed, g.m, 0, g.k, 0, band.startAt(0), nullptr}, g.m, 0, rows);
      transposeBlock<V>(c, g.m, rows, g.m, g.c + j, g.ldc);
    }
    return true;
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
