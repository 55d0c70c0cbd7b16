// The matmul family: see docs/commands.md. How one is divided is in gemm.h, its loops in gemm-nest.h.
#pragma once
#include "gemm.h"

#define LANEWISE_MATMUL_OPS(OP) \
  OP(matmul, "c:w:T:m*n a:r:T:m*k b:r:T:k*n | m n k ta<2 tb<2") \
  OP(affine, "y:w:T:m*n x:r:T:m*k w:r:T:k*n b:r:T:n | m n k") \
  OP(gatherAffine, \
     "y:w:T:m*k src:r:A:rows*n idx:r:i:count cursor:r:i:1 x:u:T:m*n*panels*3 w:r:T:n*k b:r:T:k | m n<16777216 rows count k panels<17 divisor:d") \
  OP(gatherAffineGrad, "dw:w:T:n*k x:r:T:m*n*panels*3 dy:r:T:m*k | m n<16777216 k panels<17") \
  OP(transpose, "y:w:T:m*n x:r:T:m*n | m n")

#ifdef LANEWISE_KERNELS
namespace lanewise {
namespace LANEWISE_ISA {
namespace op {

// An op that is one product: what its command describes.
template <class V, class Op>
struct Product {
  static void plan(const Command& c, Plan& p) { Tiles<V>::plan(Op::describe(c), p); }
  static void run(const Command& c, int64_t begin, int64_t end) { Tiles<V>::run(Op::describe(c), c, begin, end); }
  static constexpr FinishFn finish = nullptr;
};

template <class V>
struct matmul : Product<V, matmul<V>> {
  typedef typename V::E E;
  static Gemm<E> describe(const Command& c) {
    const int64_t m = c.n[0], n = c.n[1], k = c.n[2];
    const bool ta = c.n[3] != 0, tb = c.n[4] != 0;
    const E *a = (const E*)c.p[1], *b = (const E*)c.p[2];
    E* y = (E*)c.p[0];
    // A row times a transpose is a matrix times a column, and a transpose times a column a row times a matrix: the same chains, and nothing
    // to turn (1×1000×1000 0.55 of the time).
    if (m == 1 && tb) return {n, 1, k, b, k, 1, a, 1, false, y, 1, nullptr, 0, nullptr};
    if (n == 1 && ta) return {1, m, k, b, k, 1, a, m, false, y, m, nullptr, 0, nullptr};
    return {m, n, k, a, ta ? 1 : k, ta ? m : 1, b, tb && n > 1 ? k : n, tb && n > 1, y, n, nullptr, 0, nullptr};
  }
};

template <class V>
struct affine : Product<V, affine<V>> {
  typedef typename V::E E;
  static Gemm<E> describe(const Command& c) {
    const int64_t m = c.n[0], n = c.n[1], k = c.n[2];
    return {m, n, k, (const E*)c.p[1], k, 1, (const E*)c.p[2], n, false, (E*)c.p[0], n, (const E*)c.p[3], 0, nullptr};
  }
};

// affine of the rows that gatherRows would give, which stay in x, in panels (panels.h); and the gradient of w, xᵀ·dy.
template <class V>
struct gatherAffine : Product<V, gatherAffine<V>> {
  typedef typename V::E E;
  static Gemm<E> describe(const Command& c) {
    const int64_t m = c.n[0], n = c.n[1], k = c.n[4];
    return {m, k, n, (const E*)c.p[4], n, 1, (const E*)c.p[5], k, false, (E*)c.p[0], k, (const E*)c.p[6], c.n[5], &c};
  }
};
template <class V>
struct gatherAffineGrad : Product<V, gatherAffineGrad<V>> {
  typedef typename V::E E;
  static Gemm<E> describe(const Command& c) {
    const int64_t m = c.n[0], n = c.n[1], k = c.n[2];
    return {n, k, m, (const E*)c.p[1], 1, n, (const E*)c.p[2], k, false, (E*)c.p[0], k, nullptr, c.n[3], nullptr};
  }
};

// y (n×m) = xᵀ (m×n). A unit is a band of the longer side: threads read whole rows of a tall x, and write whole rows of y of a wide one.
template <class V>
struct transpose {
  typedef typename V::E E;
  enum { BAND = 64 };
  static void plan(const Command& c, Plan& p) {
    const int64_t side = c.n[0] > c.n[1] ? c.n[0] : c.n[1];
    p.units = c.n[0] > 0 && c.n[1] > 0 ? ceilDivide(side, BAND) : 0;
    p.nanoseconds = (double)c.n[0] * c.n[1] * 0.5;
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    const int64_t m = c.n[0], n = c.n[1], side = m > n ? m : n, first = begin * BAND, last = end * BAND < side ? end * BAND : side;
    const int64_t i = m > n ? first : 0, rows = m > n ? last - first : m, j = m > n ? 0 : first, columns = m > n ? n : last - first;
    const E* x = (const E*)c.p[1] + i * n + j;
    E* y = (E*)c.p[0];
    transposePart<V>(x, n, rows, columns, y + j * m + i, y, m);
  }
  static constexpr FinishFn finish = nullptr;
};

}  // namespace op
}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
