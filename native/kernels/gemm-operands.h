// What the kernels of C = op(A)·op(B) (+ bias) are told; the register tiles are in gemm-tile.h and gemm-last.h.
#pragma once
#ifdef LANEWISE_KERNELS
#include "../command.h"

namespace lanewise {
namespace LANEWISE_ISA {

// What the chains of C begin with: element (i, j) with from[i*ld + j], a bias where ld is 0; with 0 where there is no `from`.
template <class E>
struct Start {
  const E* from;
  int64_t ld;
  // Where element (i, j)'s is, or null.
  LW_MEMBER const E* at(int64_t i, int64_t j) const { return from ? from + i * ld + j : nullptr; }
};

// How a product goes on that leaves out steps with zeros of A (gemm-sparse.h).
struct Leaving {
  const uint64_t* map;        // for each row of A words with a bit for each number, set where it is not 0, from row `row0` and step `step0` on; or null
  int64_t rowStride, blockStride, wordStride;  // words of `map` from row to row within 64 rows, from 64 rows to the next, and from word to word of a row
  int64_t row0, step0;
  bool exact = false;         // whether no sum is rounded to -0, by A's numbers and those of B tested so far; else results are tested
  bool between = false;       // whether also those after some of the steps are
  bool finite = false;        // whether the rows of B that a strip is given are known to be finite
  bool doubtful = false;      // whether a step was left out, or may have been, that changes the result
  LW_MEMBER const uint64_t* at(int64_t i, int64_t p) const {
    const int64_t r = i - row0;
    return map + r % 64 * rowStride + r / 64 * blockStride + (p - step0) / 64 * wordStride;
  }
};

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
  Leaving* leaving = nullptr;  // how steps with zeros of A are left out, or null
  bool continues = false;      // whether the chains begin with what C holds, whatever the bias
  // What the chains of k values from p0 on begin with.
  LW_MEMBER Start<E> startAt(int64_t p0) const { return p0 > 0 || continues ? Start<E>{c, ldc} : Start<E>{bias, 0}; }
  // `count` of its steps, from p on.
  Gemm<E> steps(int64_t p, int64_t count) const {
    Gemm<E> some = *this;
    some.k = count;
    some.a += p * colA;
    some.b += transB ? p : p * ldb;
    some.continues = continues || p > 0;
    return some;
  }
};

// A strip of columns of C and what its chains take: k values from row p0 on, `b` at the first column, which is column j0.
template <class E>
struct Strip {
  const E* b;
  int64_t ldb, p0, k, j0;
  Start<E> start;
  E* copy;  // where a copy of b, rows of NR, is to be left; or null
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
