// Products whose A has many zeros, as pixels (of MNIST's 0.81 are 0) or what is behind a ReLU: each row takes only the steps in which it has another number, by
// a map with a bit for each. To take a step costs such a row a load of B for each multiply-add, where a tile of several rows shares them.
// A step fma(0, b, c) of a chain is left out, with the same bits, as it is c. Two exceptions are found out, and the product is then computed again with all steps:
// - b is infinite or NaN. B is tested.
// - c is -0, and becomes 0 where 0·b is 0: the chain without the step stays -0, until a step that counts makes both of them the same number. Results are tested;
//   or, in a gradient, which has many, it is known that no sum is -0. Chains that begin with 0 come to it only where less than the least number is rounded; products of
//   numbers of A that have at least kLeastOfA in size and of B that have kLeastOfB are multiples of the least number, and so are their sums.
#pragma once
#ifdef LANEWISE_KERNELS
#include "gemm-zeros.h"

namespace lanewise {
namespace LANEWISE_ISA {

template <class V>
struct SparseSteps {
  typedef typename V::E E;
  // Where rows of B begin anywhere in a line, half a register crosses fewer of them.
  typedef typename NarrowOf<V>::Type Narrow;
  // Columns at a time; steps, as many as a word of the map has bits; and rows, a part of 64, which find so many rows of B and their own sums in the first-level cache.
  enum { COLUMNS = 8 * Narrow::W, STEPS = 64, BAND = 32 };
  // The least for which it pays (Zen 4); words of a map at most, by rows fewer, so that these are still near when it is made; steps whose map is turned.
  enum { LEAST_COLUMNS = 24, MAP = 1 << 16, MAP_BY_ROWS = 1 << 13, MOST_TRANSPOSED = 1024 };
  // Bytes of A by columns above which it is not read twice, for the map and for the steps, for few columns (784×50 of 8,192 rows: 1.2 of the time).
  enum { FAR = 1 << 24 };

  // Whether zeros are looked for in m rows of A, which lies by rows or by columns: not where few rows would pay for the map, or for the test of B.
  static bool looks(const Gemm<E>& g, int64_t m) {
    if (g.n < LEAST_COLUMNS || g.k > MAP) return false;
    if (g.colA == 1) return g.rowA != 1 && g.k >= STEPS && m >= 8;
    return g.rowA == 1 && !g.bias && g.k >= 8 && m >= 16 && (g.n >= 64 || g.k * g.colA * (int64_t)sizeof(E) <= FAR);
  }

  // Whether leaving out steps seems to pay: from two fifths of zeros on where rows of B are whole lines that many rows use, from four on where the map has to be turned for
  // few numbers of C, else from three on.
  static bool pays(const Gemm<E>& g, int64_t i0, int64_t i1, bool lines) {
    const bool byRows = g.colA == 1;
    const int64_t m = i1 - i0, rows = lesser(byRows ? m : g.k, 8), numbers = byRows ? g.k : m;
    const int64_t fifths = byRows ? (lines && g.n >= 48 && m >= 16 ? 2 : 3) : g.n < 48 || m < 64 ? 4 : 3;
    return Zeros<V>::sampled(g.a + i0 * g.rowA, byRows ? g.rowA : g.colA, rows, numbers, fifths);
  }

  // Steps that have a map at once.
  static int64_t stepsAtOnce(const Gemm<E>& g) {
    return g.colA == 1 || g.k <= MOST_TRANSPOSED ? g.k : ceilDivide(ceilDivide(g.k, ceilDivide(g.k, MOST_TRANSPOSED)), STEPS) * STEPS;
  }
  // Words of a row's map, rows whose map is small, and the bytes of m rows'.
  static int64_t words(const Gemm<E>& g) { return ceilDivide(greater(stepsAtOnce(g), 1), STEPS); }
  static int64_t rowsOfMap(const Gemm<E>& g) { return greater(64, (g.colA == 1 ? MAP_BY_ROWS : MAP) / words(g)); }
  static size_t mapBytes(const Gemm<E>& g, int64_t m) { return (size_t)(ceilDivide(m, 64) * 64 * words(g)) * sizeof(uint64_t); }

  // Whether a map of rows [i0, i1) is made, for which there is memory at `to`: if that seems to pay. Where A lies by columns, theirs is made, and turned.
  static bool maps(const Gemm<E>& g, int64_t i0, int64_t i1, bool lines, uint64_t* to) {
    typedef Zeros<V> Z;
    if (!to || !pays(g, i0, i1, lines)) return false;
    const E* a = g.a + i0 * g.rowA;
    const int64_t m = i1 - i0;
    if (g.colA == 1) {
      const int64_t each = words(g);
      Z::template map<false>(a, g.rowA, m, g.k, to, each, 0);
      *g.leaving = {to, each, 64 * each, 1, i0, 0};
      return true;
    }
    const int64_t each = ceilDivide(m, 64), blocks = words(g);
    const bool exact = Z::template map<true>(a, g.colA, g.k, m, to, each, Z::kLeastOfA);
    __builtin_memset(to + g.k * each, 0, (size_t)((blocks * STEPS - g.k) * each) * sizeof(uint64_t));
    for (int64_t q = 0; q < blocks; q++) transposeBits(to + q * STEPS * each, each);
    *g.leaving = {to, each, 1, STEPS * each, i0, 0, exact};
    return true;
  }

  // Whether those of k rows of B are finite whose bits are not set.
  static __attribute__((noinline)) bool restIsFinite(const E* b, int64_t ldb, int64_t n, int64_t k, const uint64_t* taken) {
    for (int64_t p = 0; p < k; p += 64) {
      uint64_t left = ~taken[p / 64];
      if (k - p < 64) left &= ((uint64_t)1 << (k - p)) - 1;
      while (left) {
        const int64_t from = __builtin_ctzll(left);
        const uint64_t others = ~(left >> from);
        const int64_t count = others ? __builtin_ctzll(others) : 64;
        bool exact = false;
        if (!Zeros<V>::allFinite(b + (p + from) * ldb, ldb, n, count, exact)) return false;
        left = from + count < 64 ? left >> (from + count) << (from + count) : 0;
      }
    }
    return true;
  }

  // Columns of each strip of so many.
  static int64_t columnsOf(int64_t columns) { return ceilDivide(ceilDivide(columns, ceilDivide(columns, COLUMNS)), 16) * 16; }

  // Rows [begin, end) and `width` columns, at most COLUMNS, of a strip whose first step is the map's or a multiple of STEPS after it.
  static __attribute__((noinline)) void run(const Gemm<E>& g, const Strip<E>& part, int64_t width, int64_t begin, int64_t end) {
    Leaving& leaving = *g.leaving;
    alignas(64) E sums[BAND * COLUMNS];
    for (int64_t i = begin; i < end && !leaving.doubtful; i += BAND) {
      const int64_t to = lesser(end, i + BAND);
      // Between words sums are kept close together, in whole lines.
      Gemm<E> between = g;
      between.c = sums - i * COLUMNS - part.j0;
      between.ldc = COLUMNS;
      Strip<E> some = part;
      for (int64_t p = 0; p < part.k; p += STEPS) {
        some.p0 = part.p0 + p;
        some.b = part.b + p * part.ldb;
        some.k = lesser(STEPS, part.k - p);
        if (p > 0) some.start = {between.c, COLUMNS};
        const Gemm<E>& own = p + STEPS < part.k ? between : g;
        if (i == begin && !leaving.finite && !Zeros<V>::allFinite(some.b, part.ldb, width, some.k, leaving.exact)) leaving.doubtful = true;
        if constexpr ((int)Narrow::W < (int)V::W) {
          if (part.ldb % V::W != 0 && width > COLUMNS / 2) {
            rows<Narrow, COLUMNS / Narrow::W, COLUMNS / Narrow::W / 2 + 1>((int)ceilDivide(width, Narrow::W), own, some, width, i, to);
            continue;
          }
        }
        rows<V, COLUMNS / V::W, 1>((int)ceilDivide(width, V::W), own, some, width, i, to);
      }
      const bool tests = !leaving.exact && (leaving.between || part.p0 + part.k == g.k);
      if (tests && !Zeros<V>::plain(g.c + i * g.ldc + part.j0, g.ldc, to - i, width)) leaving.doubtful = true;
    }
  }

 private:
  // One word of the map, `count` registers, from LEAST to N.
  template <class X, int N, int LEAST>
  static __attribute__((noinline)) void rows(int count, const Gemm<E>& g, const Strip<E>& part, int64_t width, int64_t begin, int64_t end) {
    if constexpr (N > LEAST) {
      if (count < N) return rows<X, N - 1, LEAST>(count, g, part, width, begin, end);
    }
    const int64_t ldb = part.ldb, colA = g.colA;
    const typename X::M last = X::first(width - (N - 1) * X::W);
    const auto at = [last](const E* p, int j) LW_LAMBDA { return j == N - 1 ? X::load(p + j * X::W, last) : X::load(p + j * X::W); };
    const E *const b = part.b, *a = g.a + begin * g.rowA + part.p0 * colA, *from = part.start.at(begin, part.j0);
    const int64_t rowA = g.rowA, ldc = g.ldc, ldFrom = from ? part.start.ld : 0, row = g.leaving->rowStride;
    const uint64_t* map = g.leaving->at(begin, part.p0);
    E* c = g.c + begin * ldc + part.j0;
    for (int64_t i = begin; i < end; i++, map += row, a += rowA, from += ldFrom, c += ldc) {
      uint64_t left = *map;
      if (!left && from == c) continue;
      X acc[N];
      LW_UNROLL for (int j = 0; j < N; j++) acc[j] = from ? at(from, j) : X::zero();
      for (; left; left &= left - 1) {
        const int64_t p = __builtin_ctzll(left);
        const X x = X::set1(a[p * colA]);
        LW_UNROLL for (int j = 0; j < N; j++) acc[j] = fma(x, at(b + p * ldb, j), acc[j]);
      }
      LW_UNROLL for (int j = 0; j < N; j++) {
        if (j == N - 1) acc[j].store(c + j * X::W, last);
        else acc[j].store(c + j * X::W);
      }
    }
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
