// Zeros of A that all rows of a tile have in common, as the pixels at the edges of images: 0.42 of MNIST in a batch of 32, 0.56 in six rows.
// The steps fma(0, b, c) of a chain are left out, with the same bits, as they are c. Exceptions are found out, and the product is then
// computed again with all steps:
// - b is infinite or NaN: then so is what other tiles, whose rows are not 0 there, make with it, and what all tiles leave out is tested.
// - c is -0, and becomes 0 where 0·b is 0: the chain without the step stays -0, until a step that counts makes both of them the same number.
#pragma once
#ifdef LANEWISE_KERNELS
#include "elements.h"
#include "gemm-operands.h"

namespace lanewise {
namespace LANEWISE_ISA {

// Which of at most kMost columns are not 0 in some row, by bits, and the runs of these.
struct Nonzero {
  // Two runs with less than kGap between them are one: to begin again costs some steps. It pays to leave out a fifth of the steps.
  enum { kMost = 2048, kGap = 3, kWorth = 5 };
  uint64_t words[kMost / 64 + 1];
  Run runs[kMost / kGap];
  int64_t count;  // of runs, at least one

  // The first column from p on, below n, that is nonzero, or zero.
  LW_MEMBER int64_t next(int64_t p, int64_t n, bool nonzero) const {
    while (p < n) {
      const uint64_t found = (nonzero ? words[p / 64] : ~words[p / 64]) >> (p % 64);
      if (found) return lesser(n, p + __builtin_ctzll(found));
      p = (p / 64 + 1) * 64;
    }
    return n;
  }

  // Where a column differs from the one before, a run begins or ends.
  void findRuns(int64_t n) {
    int64_t found = 0;  // begin and end in turn
    int32_t* ends = (int32_t*)runs;
    uint64_t before = 0;
    for (int64_t w = 0; w * 64 < n; w++) {
      for (uint64_t edges = words[w] ^ (words[w] << 1 | before); edges; edges &= edges - 1) {
        const int32_t p = (int32_t)w * 64 + __builtin_ctzll(edges);
        if (found > 0 && found % 2 == 0 && p - ends[found - 1] < kGap) found--;
        else ends[found++] = p;
      }
      before = words[w] >> 63;
    }
    if (found % 2 == 1) ends[found++] = (int32_t)n;
    if (found == 0) found = 2, ends[0] = ends[1] = 0;
    count = found / 2;
  }

  // Takes n columns from bit `first` of `rows` rows of a map, and their runs; whether it is worth leaving some out, where to begin a run takes as long as
  // `restart` steps.
  bool joins(const uint64_t* map, int64_t each, int64_t rows, int64_t first, int64_t n, int restart) {
    const int64_t shift = first % 64, last = (first + n + 63) / 64 - first / 64;
    map += first / 64;
    int64_t some = 0;
    uint64_t before = 0;
    for (int64_t w = 0; w < last; w++) {
      uint64_t all = 0;
      for (int64_t r = 0; r < rows; r++) all |= map[r * each + w];
      // Word w of the map has the end of word w - 1 here, and the start of word w.
      if (w > 0 && shift > 0) words[w - 1] = before | all << (64 - shift);
      words[w] = before = all >> shift;
    }
    for (int64_t w = 0; w * 64 < n; w++) {
      if (n - w * 64 < 64) words[w] &= ((uint64_t)1 << (n - w * 64)) - 1;
      some += __builtin_popcountll(words[w]);
    }
    if ((n - some) * kWorth < n) return false;
    findRuns(n);
    return (n - some - restart * count) * kWorth >= n;
  }
};

template <class V>
struct Zeros {
  typedef typename V::E E;
  typedef uint32_t Bits __attribute__((vector_size(V::W * sizeof(E))));
  static LW_MEMBER V either(V a, V b) {
    Bits x, y;
    __builtin_memcpy(&x, &a, sizeof x);
    __builtin_memcpy(&y, &b, sizeof y);
    x |= y;
    __builtin_memcpy(&a, &x, sizeof x);
    return a;
  }
  // Whether a fifth of n columns seem to be 0 in all of `rows` rows, by what eight places far from each other have.
  static __attribute__((noinline)) bool sampled(const E* a, int64_t ld, int64_t rows, int64_t n) {
    enum { PLACES = 8 };
    if (n < V::W) return false;
    int zeros = 0;
    for (int64_t i = 0; i < PLACES; i++) {
      V seen = V::zero();
      for (int64_t r = 0; r < rows; r++) seen = either(seen, V::load(a + r * ld + (n - V::W) * i / (PLACES - 1)));
      zeros += __builtin_popcount(bits(seen == V::zero()));
    }
    return zeros * Nonzero::kWorth >= PLACES * V::W;
  }

  // The lanes of m as bits from bit q on. By way of a register for integers: GCC 12 joins two masks of 16 by one instruction, and with -O1 -fsanitize=thread
  // leaves out one of them.
  static LW_MEMBER uint64_t bitsFrom(int64_t q, typename V::M m) {
    uint32_t lanes = bits(m);
    __asm__("" : "+r"(lanes));
    return (uint64_t)lanes << q;
  }

  // A bit for each of n numbers of `rows` rows, set where it is not 0; `each` words a row. Returns whether none of these is below `least` in size, if that is asked.
  template <bool ASKED>
  static __attribute__((noinline)) bool map(const E* a, int64_t ld, int64_t rows, int64_t n, uint64_t* to, int64_t each, E least) {
    const V limit = V::set1(least);
    bool plain = true;
    for (int64_t r = 0; r < rows; r++, a += ld, to += each) {
      for (int64_t p = 0; p < n; p += 64) {
        uint64_t zero = 0, small = 0;
        const auto take = [&](V x, int64_t q) LW_LAMBDA {
          zero |= bitsFrom(q, x == V::zero());
          if (ASKED) small |= bitsFrom(q, abs(x) < limit);
        };
        if (n - p >= 64) {
          LW_UNROLL for (int q = 0; q < 64; q += V::W) take(V::load(a + p + q), q);
        } else {
          for (int64_t q = 0; q < n - p; q += V::W) take(V::load(a + p + q, V::first(lesser(n - p - q, V::W))), q);
          zero |= ~(uint64_t)0 << (n - p);
        }
        plain &= (small & ~zero) == 0;
        to[p / 64] = ~zero;
      }
    }
    return plain;
  }

  // Whether all of `width` numbers, at most 4 registers, in rows [from, to) of b are finite.
  static __attribute__((noinline)) bool allFinite(const E* b, int64_t ld, int64_t width, int64_t from, int64_t to) {
    enum { MOST = 4 };
    V sum[MOST];  // of products with 0
    LW_UNROLL for (int j = 0; j < MOST; j++) sum[j] = V::zero();
    const int64_t whole = width / V::W;
    const typename V::M last = V::first(width % V::W);
    for (int64_t p = from; p < to; p++) {
      const E* row = b + p * ld;
      LW_UNROLL for (int j = 0; j < MOST; j++) {
        if (j < whole) sum[j] = fma(V::load(row + j * V::W), V::zero(), sum[j]);
        else if (j == whole) sum[j] = fma(V::load(row + j * V::W, last), V::zero(), sum[j]);
      }
    }
    return !any(isnan((sum[0] + sum[1]) + (sum[2] + sum[3])));
  }
  // Whether a tile's results are all finite and none is -0.
  static __attribute__((noinline)) bool plain(const E* c, int64_t ld, int64_t rows, int64_t width) {
    V sum = V::zero(), sign = V::set1(1);
    const auto test = [&](V v) LW_LAMBDA {
      sum = fma(v, V::zero(), sum);
      sign = min(sign, select(v == V::zero(), copySign(V::set1(1), v), V::set1(1)));
    };
    for (int64_t r = 0; r < rows; r++) {
      int64_t j = 0;
      for (; j + V::W <= width; j += V::W) test(V::load(c + r * ld + j));
      if (j < width) test(V::load(c + r * ld + j, V::first(width - j)));
    }
    return !any(isnan(sum)) && !any(sign < V::zero());
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
