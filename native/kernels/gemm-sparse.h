// Gradients of weights from data with many zeros, which lie anywhere: of MNIST's pixels 0.81 are 0. A is by columns, and a column is a row of C: a few rows at a time take
// only the steps in which one of them has another number than 0, with the bits of all steps.
// fma(0, b, c) is c unless b is infinite or NaN, for which B is tested, which is small here, or c is -0. The chains begin with 0, and come to -0 only where less than
// the least number is rounded to it. Products of numbers of A that have at least kLeast in size and of B that have kLeastOfB are multiples of the least number, and so are
// their sums: where A or B has others, all steps are taken.
#pragma once
#ifdef LANEWISE_KERNELS
#include "../scratch.h"
#include "gemm-zeros.h"

namespace lanewise {
namespace LANEWISE_ISA {

template <class V>
struct SparseRows {
  typedef typename V::E E;
  // Rows at a time (the more they are the more steps they take together), and registers across at most. On ARM nothing was measured.
#if defined(__AVX512F__)
  enum { ROWS = 4, MOST = 6 };
#else
  enum { ROWS = 2, MOST = 6 };
#endif
#if defined(__AVX2__)
  static constexpr bool kMeasured = true;
#else
  static constexpr bool kMeasured = false;
#endif
  // Steps are kept as 32 bits for each row of C; kMostSteps bound their memory.
  enum { BITS = 32, kMostSteps = 1024, kLeastColumns = 24 };
  static constexpr E kLeast = (E)0x1p-30f, kLeastOfB = (E)0x1p-72f;  // 2^-149 and 47 bits

  // Rows [i0, i1) and columns [c0, c1) of C, if that pays; returns whether it did.
  static bool run(const Gemm<E>& g, int64_t i0, int64_t i1, int64_t c0, int64_t c1) {
    const int64_t m = i1 - i0, each = ceilDivide(m, 64), blocks = ceilDivide(g.k, BITS);
    if (g.rowA != 1 || g.transB || g.bias || g.k < 8 || g.k > kMostSteps || m < V::W || c1 - c0 < kLeastColumns) return false;
    const E* a = g.a + i0;
    if (!sampled(a, g.colA, g.k, m) || !plainB(g, c0, c1)) return false;
    uint64_t* map = (uint64_t*)workspace((size_t)(blocks * BITS * each) * sizeof(uint64_t));
    if (!map || !Zeros<V>::template map<true>(a, g.colA, g.k, m, map, each, kLeast)) return false;
    __builtin_memset(map + g.k * each, 0, (size_t)((blocks * BITS - g.k) * each) * sizeof(uint64_t));
    for (int64_t q = 0; q < blocks; q++) turn(map + q * BITS * each, each);
    // Half of the steps at least must be left out.
    int64_t taken = 0;
    for (int64_t q = 0; q < blocks; q++)
      for (int64_t i = 0; i < m; i += ROWS) taken += __builtin_popcount(stepsOf(map, each, q, i));
    if (taken * 2 * ROWS > g.k * m) return false;
    const int64_t vectors = ceilDivide(c1 - c0, V::W), chunks = ceilDivide(vectors, MOST);
    for (int64_t h = 0; h < chunks; h++) {
      const int64_t from = c0 + vectors * h / chunks * V::W, to = lesser(c1, c0 + vectors * (h + 1) / chunks * V::W);
      columns<MOST>((int)ceilDivide(to - from, V::W), g, map, each, i0, m, from, to);
    }
    return true;
  }

 private:
  // Whether half of the steps of ROWS rows can be left out, by what eight places in each of eight rows of A have.
  static bool sampled(const E* a, int64_t ld, int64_t k, int64_t m) {
    enum { PLACES = 8 };
    int zeros = 0;
    for (int64_t p = 0; p < PLACES; p++)
      for (int64_t i = 0; i < PLACES; i++) {
        uint32_t zero = bits(V::load(a + (k - 1) * p / (PLACES - 1) * ld + (m - V::W) * i / (PLACES - 1)) == V::zero());
        for (int h = 1; h < ROWS; h *= 2) zero &= zero >> h;  // where ROWS neighbours are
        zeros += ROWS * __builtin_popcount(zero & (ROWS == 4 ? 0x11111111u : 0x55555555u));
      }
    return zeros * 2 >= PLACES * PLACES * V::W;
  }

  // Whether all numbers of B are finite, and none but 0 is below kLeastOfB.
  static bool plainB(const Gemm<E>& g, int64_t c0, int64_t c1) {
    const V most = V::set1((E)__FLT_MAX__), least = V::set1(kLeastOfB);
    bool plain = true;
    for (int64_t p = 0; p < g.k && plain; p++) {
      const E* b = g.b + p * g.ldb;
      V worst = V::zero(), smallest = most;
      forEach<V>(c0, c1, [&](int64_t j, auto part) LW_LAMBDA {
        const V x = abs(V::load(b + j, part));
        worst = maximum(x, worst);
        smallest = min(select(x == V::zero(), most, x), smallest);
      });
      plain = !any(isnan(worst)) && !any(worst > most) && !any(smallest < least);
    }
    return plain;
  }

  // 32 rows of bits become columns: bit r of word w of row c, or bit 32 + r, is then what bit c, or 32 + c, was of word w of row r. (Hacker's Delight, 7-3.)
  static void turn(uint64_t* x, int64_t each) {
    uint64_t mask = 0x0000FFFF0000FFFFu;
    for (int j = BITS / 2; j > 0; j /= 2, mask ^= mask << j) {
      for (int r = 0; r < BITS; r = ((r | j) + 1) & ~j) {
        uint64_t *low = x + r * each, *high = x + (r | j) * each;
        for (int64_t w = 0; w < each; w++) {
          const uint64_t t = (low[w] >> j ^ high[w]) & mask;
          high[w] ^= t;
          low[w] ^= t << j;
        }
      }
    }
  }

  // Which of steps [32q, 32q + 32) some of rows [i, i + ROWS) take; i is a multiple of ROWS.
  static LW_MEMBER uint32_t stepsOf(const uint64_t* map, int64_t each, int64_t q, int64_t i) {
    const uint64_t* x = map + (q * BITS + i % BITS) * each + i / 64;
    uint64_t some = 0;
    LW_UNROLL for (int r = 0; r < ROWS; r++) some |= x[r * each];  // beyond the last row no bit is set
    return (uint32_t)(some >> (i / BITS % 2 * BITS));
  }

  template <int N>
  static __attribute__((noinline)) void columns(int count, const Gemm<E>& g, const uint64_t* map, int64_t each, int64_t i0, int64_t m, int64_t from, int64_t to) {
    if constexpr (N > 2) {  // there are at least two in kLeastColumns
      if (count < N) return columns<N - 1>(count, g, map, each, i0, m, from, to);
    }
    const int64_t blocks = ceilDivide(g.k, BITS);
    const typename V::M last = V::first(to - from - (N - 1) * V::W);
    const auto at = [last](const E* p, int j) LW_LAMBDA { return j == N - 1 ? V::load(p + j * V::W, last) : V::load(p + j * V::W); };
    for (int64_t i = 0; i < m; i += ROWS) {
      int64_t row[ROWS];  // beyond the last one it is done again
      LW_UNROLL for (int r = 0; r < ROWS; r++) row[r] = lesser(i + r, m - 1);
      V acc[ROWS][N];
      LW_UNROLL for (int r = 0; r < ROWS; r++)
        LW_UNROLL for (int j = 0; j < N; j++) acc[r][j] = V::zero();
      for (int64_t q = 0; q < blocks; q++) {
        const E *a = g.a + i0 + q * BITS * g.colA, *b = g.b + q * BITS * g.ldb + from;
        for (uint32_t left = stepsOf(map, each, q, i); left; left &= left - 1) {
          const int64_t p = __builtin_ctz(left);
          V y[N];
          LW_UNROLL for (int j = 0; j < N; j++) y[j] = at(b + p * g.ldb, j);
          LW_UNROLL for (int r = 0; r < ROWS; r++) {
            const V x = V::set1(a[p * g.colA + row[r]]);
            LW_UNROLL for (int j = 0; j < N; j++) acc[r][j] = fma(x, y[j], acc[r][j]);
          }
        }
      }
      LW_UNROLL for (int r = 0; r < ROWS; r++) {
        E* c = g.c + (i0 + row[r]) * g.ldc + from;
        LW_UNROLL for (int j = 0; j < N; j++) {
          if (j == N - 1) acc[r][j].store(c + j * V::W, last);
          else acc[r][j].store(c + j * V::W);
        }
      }
    }
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
