// Random numbers: counter-based, so that any piece of a stream can be drawn by any thread. Every result here is a matter
// of bits: src/backend/js/random.ts performs the same operations in the same order. Integers are exact; the floating part
// uses + - * / and the square root on float64 only, each rounded once (no fma, no libm), which JavaScript has too.
#pragma once

#define LANEWISE_RANDOM_OPS(OP) \
  OP(uniform, "y:w:T:n rng:u:i:4 | n lo:d hi:d") \
  OP(normal, "y:w:T:n rng:u:i:4 | n mean:d std:d") \
  OP(permutation, "y:w:i:n rng:u:i:4 | n")

#ifdef LANEWISE_KERNELS
#include "elements.h"

namespace lanewise {
namespace LANEWISE_ISA {

// Word k of as many blocks as F64 has lanes: w[k], whose lanes' upper halves may be anything.
struct Blocks {
  enum { N = F64::W };
  Words w[4];
  // The upper bits of word k.
  template <int BITS>
  LW_MEMBER Words high(int k) const { return w[k] >> (32 - BITS) & (((uint64_t)1 << BITS) - 1); }
};

enum { kAtOnce = kSideBySide > 1 ? 2 : 1, kBlocksAtOnce = kAtOnce * Blocks::N };

// The stream of a command: rng = {key low, key high, counter low, counter high}; block i has the counter + i, modulo 2^64.
struct Stream {
  enum { kRounds = 10 };
  uint64_t key[kRounds][2], counter;

  explicit LW_MEMBER Stream(const void* rng) {
    const uint32_t* r = (const uint32_t*)rng;
    counter = (uint64_t)r[3] << 32 | r[2];
    for (uint32_t round = 0; round < kRounds; ++round) {
      key[round][0] = r[0] + round * 0x9E3779B9u;
      key[round][1] = r[1] + round * 0xBB67AE85u;
    }
  }

  // Blocks i, i + 1, … of Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3; 2011), for kAtOnce
  // registers: each is a chain of products, which fill each other's waiting.
  LW_MEMBER void draw(int64_t i, Blocks drawn[kAtOnce]) const {
    const uint64_t lane[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    LW_UNROLL for (int u = 0; u < kAtOnce; ++u) {
      Words* w = drawn[u].w;
      __builtin_memcpy(w, lane, sizeof *w);
      w[0] += counter + (uint64_t)(i + u * Blocks::N);
      w[1] = w[0] >> 32;
      w[2] = w[3] = Words();
    }
    for (int round = 0; round < kRounds; ++round) {
      LW_UNROLL for (int u = 0; u < kAtOnce; ++u) {
        Words* w = drawn[u].w;
        const Words a = productOfLow(w[0], 0xD2511F53u), b = productOfLow(w[2], 0xCD9E8D57u);
        w[0] = (b >> 32) ^ w[1] ^ key[round][0];
        w[2] = (a >> 32) ^ w[3] ^ key[round][1];
        w[1] = b;
        w[3] = a;
      }
    }
  }
};
LW_INLINE void advanceStream(void* rng, int64_t blocks) {
  uint32_t* r = (uint32_t*)rng;
  const uint64_t c = ((uint64_t)r[3] << 32 | r[2]) + (uint64_t)blocks;
  r[2] = (uint32_t)c;
  r[3] = (uint32_t)(c >> 32);
}

// Whole numbers below 2^52 as float64: within 2^52's unit they are its last bits.
LW_INLINE F64 toF64(Words w) { return numberOf(w | 0x4330000000000000u) - F64::set1(4503599627370496.0); }
// Two words make a whole number of 53 bits, exact as a float64: 27 high bits of w0, 26 high bits of w1.
LW_INLINE F64 bits53(const Blocks& b, int k) {
  return toF64(b.high<27>(k)) * F64::set1(67108864.0) + toF64(b.high<26>(k + 1));
}

enum { kRandomBlocks = 256, kRandomUnit = 2 * kRandomBlocks };  // Philox blocks a unit, and numbers
const double kTwoToMinus53 = 1.0 / 9007199254740992.0;

// ln u for u = k * 2^-53, k in [1, 2^53].
// u = m * 2^e with m in [1, 2) (the bits of the number; u is never denormal); where m > 1.4142135623730951: m = m * 0.5, e = e + 1.
// With f = m - 1 (exact) and s = f / (m + 1): ln m = 2s + 2s^3/3 + 2s^5/5 + ... to s^21; |s| < 0.1716, cut off below 2^-54.
//   f = m - 1;  s = f / (m + 1);  z = s * s
//   p = 2/21;  p = p * z + 2/19;  p = p * z + 2/17; ... ;  p = p * z + 2/3      (each a multiplication, then an addition)
//   ln u = e * 0.6931471805599453 + (2 * s + s * (z * p))
// A constant written 2/21 is that quotient rounded to float64.
LW_INLINE F64 lnUniform(F64 u) {
  const Words bits = bitsOf(u);
  const F64 one = F64::set1(1), from1 = numberOf((bits & 0xFFFFFFFFFFFFFu) | 0x3FF0000000000000u);
  const F64 e1 = toF64(bits >> 52) - F64::set1(1023);
  const F64::M large = from1 > F64::set1(1.4142135623730951);
  const F64 m = select(large, from1 * F64::set1(0.5), from1), e = select(large, e1 + one, e1);
  const F64 f = m - one, s = f / (m + one), z = s * s;
  const double terms[] = {2.0 / 19, 2.0 / 17, 2.0 / 15, 2.0 / 13, 2.0 / 11, 2.0 / 9, 2.0 / 7, 2.0 / 5, 2.0 / 3};
  F64 p = F64::set1(2.0 / 21);
  for (double term : terms) p = p * z + F64::set1(term);
  return e * F64::set1(0.6931471805599453) + (F64::set1(2) * s + s * (z * p));
}

// cos 2*pi*u and sin 2*pi*u for u = k * 2^-53, k in [0, 2^53), a whole number of 53 bits.
//   t = 4 * u;  q = floor(t + 0.5), in 0..4;  x = (t - q) * 1.5707963267948966     (t - q is exact; |x| <= pi/4)
//   y = x * x
//   a = 1/17!;  a = a * y - 1/15!;  a = a * y + 1/13!;  a = a * y - 1/11!;  a = a * y + 1/9!;  a = a * y - 1/7!;
//               a = a * y + 1/5!;  a = a * y - 1/3!;   S = x + x * (y * a)
//   b = 1/16!;  b = b * y - 1/14!;  b = b * y + 1/12!;  b = b * y - 1/10!;  b = b * y + 1/8!;  b = b * y - 1/6!;
//               b = b * y + 1/4!;  b = b * y - 1/2!;   C = 1 + y * b
//   q mod 4 = 0: cos = C, sin = S;   1: cos = -S, sin = C;   2: cos = -C, sin = -S;   3: cos = S, sin = -C
// Each step is a multiplication, then an addition. All factorials are exact; 1/17! is that quotient rounded.
LW_INLINE void turn(const Blocks& block, F64& cosine, F64& sine) {
  const double terms[][2] = {{-1 / 1307674368000.0, -1 / 87178291200.0}, {1 / 6227020800.0, 1 / 479001600.0}, {-1 / 39916800.0, -1 / 3628800.0},
                             {1 / 362880.0, 1 / 40320.0}, {-1 / 5040.0, -1 / 720.0}, {1 / 120.0, 1 / 24.0}, {-1 / 6.0, -1 / 2.0}};
  const Words whole = block.high<27>(2) << 26 | block.high<26>(3), q = (whole + ((uint64_t)1 << 50)) >> 51;
  const F64 t = F64::set1(4) * (bits53(block, 2) * F64::set1(kTwoToMinus53));
  const F64 x = (t - toF64(q)) * F64::set1(1.5707963267948966), y = x * x;
  F64 a = F64::set1(1.0 / 355687428096000.0), b = F64::set1(1.0 / 20922789888000.0);
  for (const auto& [ofSine, ofCosine] : terms) {
    a = a * y + F64::set1(ofSine);
    b = b * y + F64::set1(ofCosine);
  }
  const Words s = bitsOf(x + x * (y * a)), c = bitsOf(F64::set1(1) + y * b);
  const Words both = (c ^ s) & -(q & 1);  // changes one for the other where q is odd
  cosine = numberOf(c ^ both ^ ((q + 1) & 2) << 62);
  sine = numberOf(s ^ both ^ (q & 2) << 62);
}

// A unit's numbers before they are scaled, in float64 for both types: elements 2i and 2i + 1 come from block i.
struct Unit {
  double z[kRandomUnit];
  template <class F>
  LW_MEMBER void fill(const Stream& s, int64_t unit, int64_t count, F pair) {
    for (int64_t i = 0; 2 * i < count; i += kBlocksAtOnce) {
      Blocks drawn[kAtOnce];
      s.draw(unit * kRandomBlocks + i, drawn);
      LW_UNROLL for (int u = 0; u < kAtOnce; ++u) {
        F64 z0, z1;
        pair(drawn[u], z0, z1);
        double* to = z + 2 * (i + u * Blocks::N);
        zipLow(z0, z1).store(to);
        zipHigh(z0, z1).store(to + F64::W);
      }
    }
  }
  // u = bits53 * 2^-53
  __attribute__((noinline)) void uniform(const Stream& s, int64_t unit, int64_t count) {
    fill(s, unit, count, [](const Blocks& b, F64& z0, F64& z1) LW_LAMBDA {
      z0 = bits53(b, 0) * F64::set1(kTwoToMinus53);
      z1 = bits53(b, 2) * F64::set1(kTwoToMinus53);
    });
  }
  // u1 = (bits53(w0, w1) + 1) * 2^-53, u2 = bits53(w2, w3) * 2^-53, r = sqrt(-2 * ln u1); r * cos 2*pi*u2 and r * sin 2*pi*u2.
  __attribute__((noinline)) void normal(const Stream& s, int64_t unit, int64_t count) {
    fill(s, unit, count, [](const Blocks& b, F64& z0, F64& z1) LW_LAMBDA {
      const F64 u1 = (bits53(b, 0) + F64::set1(1)) * F64::set1(kTwoToMinus53);
      const F64 r = sqrt(F64::set1(-2) * lnUniform(u1));
      F64 cosine, sine;
      turn(b, cosine, sine);
      z0 = r * cosine;
      z1 = r * sine;
    });
  }
};

// The largest float32 below hi; float64 is left as it comes.
LW_INLINE float largestBelow(double hi, float) {
  float f = (float)hi;
  if ((double)f < hi) return f;
  uint32_t bits;
  __builtin_memcpy(&bits, &f, 4);
  bits = f > 0 ? bits - 1 : f < 0 ? bits + 1 : 0x80000001u;
  __builtin_memcpy(&f, &bits, 4);
  return f;
}
LW_INLINE double largestBelow(double, double) { return __builtin_inf(); }

// lo + (hi - lo) * u, rounded; with lo < hi float32 stays below hi: what rounds to it or more becomes the largest below.
template <class E>
struct DrawUniform {
  double lo, hi;
  E most;
  LW_MEMBER explicit DrawUniform(const Command& c) : lo(c.d[0]), hi(c.d[1]), most(lo < hi ? largestBelow(hi, E()) : (E)__builtin_inff()) {}
  static LW_MEMBER void fill(Unit& u, const Stream& s, int64_t unit, int64_t count) { u.uniform(s, unit, count); }
  LW_MEMBER E operator()(double u) const {
    const E x = (E)(lo + (hi - lo) * u);
    return x > most ? most : x;
  }
};

template <class E>
struct DrawNormal {
  double mean, std;
  LW_MEMBER explicit DrawNormal(const Command& c) : mean(c.d[0]), std(c.d[1]) {}
  static LW_MEMBER void fill(Unit& u, const Stream& s, int64_t unit, int64_t count) { u.normal(s, unit, count); }
  LW_MEMBER E operator()(double z) const { return (E)(mean + std * z); }
};

// One Philox block makes two numbers; the last block of an odd count gives one.
template <class V, class Draw, int nanosecondsEach>
struct DrawPairs {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) {
    plan.units = ceilDivide(c.n[0], kRandomUnit);
    plan.nanoseconds = (double)c.n[0] * nanosecondsEach / F64::W;
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    const Stream s(c.p[1]);
    const Draw draw(c);
    Unit drawn;
    for (int64_t u = begin; u < end; ++u) {
      E* y = (E*)c.p[0] + u * kRandomUnit;
      const int64_t count = lesser(c.n[0] - u * kRandomUnit, kRandomUnit);
      Draw::fill(drawn, s, u, count);
      for (int64_t i = 0; i < count; ++i) y[i] = draw(drawn.z[i]);
    }
  }
  static void finish(const Command& c) { advanceStream(c.p[1], (c.n[0] + 1) / 2); }
};

namespace op {

template <class V> struct uniform : DrawPairs<V, DrawUniform<typename V::E>, 5> {};
template <class V> struct normal : DrawPairs<V, DrawNormal<typename V::E>, 12> {};

// Fisher-Yates from the identity. Word number k of the stream is word k % 4 of block k / 4. A multiplication by the range
// is a hair from even (one part in 2^32 / n), and takes the same number of words always.
template <class V>
struct permutation {
  static void plan(const Command& c, Plan& plan) {
    plan.units = 1;
    plan.nanoseconds = (double)c.n[0] * 6;
  }
  static void run(const Command& c, int64_t, int64_t) {
    int32_t* y = (int32_t*)c.p[0];
    const int64_t n = c.n[0];
    const Stream s(c.p[1]);
    for (int64_t i = 0; i < n; ++i) y[i] = (int32_t)i;
    for (int64_t i = n - 1, block = 0; i > 0; block += kBlocksAtOnce) {
      Blocks drawn[kAtOnce];
      s.draw(block, drawn);
      uint64_t word[kAtOnce][4][Blocks::N];
      __builtin_memcpy(word, drawn, sizeof word);
      for (int k = 0; k < 4 * kBlocksAtOnce && i > 0; ++k, --i) {
        const int b = k / 4;
        const int64_t j = (int64_t)((uint64_t)(uint32_t)word[b / Blocks::N][k % 4][b % Blocks::N] * (uint64_t)(i + 1) >> 32);
        const int32_t t = y[i];
        y[i] = y[j];
        y[j] = t;
      }
    }
  }
  static void finish(const Command& c) { advanceStream(c.p[1], c.n[0] > 1 ? (c.n[0] + 2) / 4 : 0); }
};

}  // namespace op
}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
