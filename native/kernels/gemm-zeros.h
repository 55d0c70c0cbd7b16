// Where A has zeros, and whether numbers are such that steps with these may be left out (gemm-sparse.h).
#pragma once
#ifdef LANEWISE_KERNELS
#include "elements.h"
#include "gemm-operands.h"

namespace lanewise {
namespace LANEWISE_ISA {

// 64 rows of bits, `each` words apart, become columns: bit r of word w of row c is then what bit c was of word w of row r. (Hacker's Delight, 7-3.)
inline __attribute__((noinline)) void transposeBits(uint64_t* x, int64_t each) {
  uint64_t mask = 0x00000000FFFFFFFFu;
  for (int j = 32; j > 0; j /= 2, mask ^= mask << j) {
    for (int r = 0; r < 64; r = ((r | j) + 1) & ~j) {
      uint64_t *low = x + r * each, *high = x + (r | j) * each;
      for (int64_t w = 0; w < each; w++) {
        const uint64_t t = (low[w] >> j ^ high[w]) & mask;
        high[w] ^= t;
        low[w] ^= t << j;
      }
    }
  }
}

template <class V>
struct Zeros {
  typedef typename V::E E;
  // Whether so many fifths of n numbers in each of `rows` rows seem to be 0, by eight registers far from each other.
  static __attribute__((noinline)) bool sampled(const E* a, int64_t ld, int64_t rows, int64_t n, int64_t fifths) {
    enum { PLACES = 8 };
    int64_t zeros = 0;
    for (int64_t i = 0; i < PLACES; i++)
      for (int64_t r = 0; r < rows; r++) zeros += __builtin_popcount(bits(V::load(a + r * ld + (n - V::W) * i / (PLACES - 1)) == V::zero()));
    return zeros * 5 >= rows * PLACES * V::W * fifths;
  }

  // The least number is 2^-149 (2^-1074), and two of 24 (53) bits have 48 (106) together.
  static constexpr E kLeastOfA = (E)0x1p-30, kLeastOfB = (E)(sizeof(E) == 4 ? 0x1p-72 : 0x1p-900);

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

  // Whether all of `width` numbers in each of `rows` rows of b are finite. `exact` becomes false where one but 0 is below kLeastOfB in size.
  static __attribute__((noinline)) bool allFinite(const E* b, int64_t ld, int64_t width, int64_t rows, bool& exact) {
    enum { MANY = 4 };
    if (width == ld) width *= rows, rows = 1;
    const V most = V::set1((E)(sizeof(E) == 4 ? __FLT_MAX__ : __DBL_MAX__));
    V sum[MANY], smallest = most;  // of products with 0; of sizes
    LW_UNROLL for (int q = 0; q < MANY; q++) sum[q] = V::zero();
    for (; rows > 0; rows--, b += ld) {
      int64_t j = 0;
      if (exact) {
        for (int64_t i = 0; i < width; i += V::W) {
          const V size = abs(V::load(b + i, V::first(lesser(width - i, V::W))));
          smallest = min(select(size == V::zero(), most, size), smallest);
        }
      }
      for (; j + MANY * V::W <= width; j += MANY * V::W)
        LW_UNROLL for (int q = 0; q < MANY; q++) sum[q] = fma(V::load(b + j + q * V::W), V::zero(), sum[q]);
      for (; j < width; j += V::W) sum[0] = fma(V::load(b + j, V::first(lesser(width - j, V::W))), V::zero(), sum[0]);
    }
    exact &= !any(smallest < V::set1(kLeastOfB));
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
