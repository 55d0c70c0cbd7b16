// Products of few steps of k whose rows of C are short and lie one after another, as the gradient of weights at batch 1: tiles store to such
// rows one by one, and a register that ends in another line than it begins in takes as long as two.
#pragma once
#ifdef LANEWISE_KERNELS
#include "elements.h"
#include "gemm-operands.h"

namespace lanewise {
namespace LANEWISE_ISA {

// C is one long array: a register of it has numbers of up to W rows, for which one permutation puts the values of A in their places, beside
// B's row again and again. As many rows as fill whole registers are a group.
template <class V>
struct ShortRows {
  typedef typename V::E E;
  enum { kMostColumns = 64, kMost = V::W * kMostColumns };

  // Where it was faster: 784 rows, Zen 4, k of 1 0.26 to 0.9 of the time, of 2 0.4 to 1.0 (60 columns; AVX2 0.33 to 0.6); k of 3 and 4 0.5 to 1.1, rows
  // that begin at halves of a line up to 1.1.
  static LW_MEMBER bool takes(const Gemm<E>& g) {
    return (g.k == 1 || g.k == 2) && g.n > 1 && g.n < kMostColumns && g.n % 8 != 0 && g.ldc == g.n && g.rowA == 1 && !g.transB && !g.bias;
  }

  // Rows from i0 on, as many groups as there are to i1; returns the first row that is left.
  static int64_t run(const Gemm<E>& g, int64_t i0, int64_t i1) {
    return g.k == 1 ? groups<1>(g, i0, i1) : groups<2>(g, i0, i1);
  }

 private:
  template <int K>
  static int64_t groups(const Gemm<E>& g, int64_t i0, int64_t i1) {
    const int64_t n = g.n, rows = V::W / groupOf(n), length = rows * n;
    if (i1 - i0 < 16 * rows) return i0;  // the tables below would take longer than they save
    alignas(64) typename V::I from[kMost];
    alignas(64) E b[K][kMost];
    for (int64_t r = 0, e = 0; r < rows; r++) {
      for (int64_t j = 0; j < n; j++, e++) {
        from[e] = (typename V::I)r;
        LW_UNROLL for (int p = 0; p < K; p++) b[p][e] = g.b[p * g.ldb + j];
      }
    }
    const typename V::M part = V::first(rows);
    for (; i0 + rows <= i1; i0 += rows) {
      E* c = g.c + i0 * n;
      V a[K];
      LW_UNROLL for (int p = 0; p < K; p++) a[p] = V::load(g.a + i0 + p * g.colA, part);
      for (int64_t e = 0; e < length; e += V::W) {
        V sum = V::zero();
        LW_UNROLL for (int p = 0; p < K; p++) sum = fma(permute(a[p], from + e), V::load(b[p] + e), sum);
        sum.store(c + e);
      }
    }
    return i0;
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
