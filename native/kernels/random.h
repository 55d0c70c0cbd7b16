// Random numbers: counter-based, so that any piece of a stream can be drawn by any thread. Every result here is a matter
// of bits: src/backend/js/random.ts performs the same operations in the same order. Integers are exact; the floating part
// uses + - * / and the square root on float64 only, each rounded once (no fma, no libm), which JavaScript has too.
#pragma once

#define LANEWISE_RANDOM_OPS(OP) \
  OP(uniform, "y:w:T:n rng:u:i:4 | n lo:d hi:d") \
  OP(normal, "y:w:T:n rng:u:i:4 | n mean:d std:d") \
  OP(permutation, "y:w:i:n rng:u:i:4 | n")

#ifdef LANEWISE_KERNELS
namespace lanewise {
namespace LANEWISE_ISA {

struct Philox {
  uint32_t w[4];
};

// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3; 2011).
LW_INLINE Philox philox(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
    const uint32_t n0 = (uint32_t)(b >> 32) ^ c1 ^ k0, n2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)b;
    c3 = (uint32_t)a;
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;  // the keys are bumped between rounds; the bump after the last is unused
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

// The stream of a command: rng = {key low, key high, counter low, counter high}; block i has the counter + i, modulo 2^64.
struct Stream {
  uint32_t key0, key1;
  uint64_t counter;
  LW_MEMBER Philox block(int64_t i) const {
    const uint64_t c = counter + (uint64_t)i;
    return philox((uint32_t)c, (uint32_t)(c >> 32), 0, 0, key0, key1);
  }
};
LW_INLINE Stream stream(const void* rng) {
  const uint32_t* r = (const uint32_t*)rng;
  return {r[0], r[1], (uint64_t)r[3] << 32 | r[2]};
}
LW_INLINE void advanceStream(void* rng, int64_t blocks) {
  uint32_t* r = (uint32_t*)rng;
  const uint64_t c = ((uint64_t)r[3] << 32 | r[2]) + (uint64_t)blocks;
  r[2] = (uint32_t)c;
  r[3] = (uint32_t)(c >> 32);
}

// Two words make a whole number of 53 bits, exact as a float64: 27 high bits of w0, 26 high bits of w1.
LW_INLINE double bits53(uint32_t w0, uint32_t w1) { return (double)(w0 >> 5) * 67108864.0 + (double)(w1 >> 6); }

enum { kRandomBlocks = 256 };  // Philox blocks a unit: 512 numbers
const double kTwoToMinus53 = 1.0 / 9007199254740992.0;

// ln u for u = k * 2^-53, k in [1, 2^53].
// u = m * 2^e with m in [1, 2) (the bits of the number; u is never denormal); where m > 1.4142135623730951: m = m * 0.5, e = e + 1.
// With f = m - 1 (exact) and s = f / (m + 1): ln m = 2s + 2s^3/3 + 2s^5/5 + ... to s^21; |s| < 0.1716, cut off below 2^-54.
//   f = m - 1;  s = f / (m + 1);  z = s * s
//   p = 2/21;  p = p * z + 2/19;  p = p * z + 2/17; ... ;  p = p * z + 2/3      (each a multiplication, then an addition)
//   ln u = e * 0.6931471805599453 + (2 * s + s * (z * p))
// A constant written 2/21 is that quotient rounded to float64.
LW_INLINE double lnUniform(double u) {
  uint64_t bits;
  __builtin_memcpy(&bits, &u, 8);
  int64_t e = (int64_t)(bits >> 52) - 1023;
  bits = (bits & 0xFFFFFFFFFFFFFull) | 0x3FF0000000000000ull;
  double m;
  __builtin_memcpy(&m, &bits, 8);
  const bool large = m > 1.4142135623730951;
  m = large ? m * 0.5 : m;
  e += large ? 1 : 0;
  const double f = m - 1.0, s = f / (m + 1.0), z = s * s;
  double p = 2.0 / 21.0;
  p = p * z + 2.0 / 19.0;
  p = p * z + 2.0 / 17.0;
  p = p * z + 2.0 / 15.0;
  p = p * z + 2.0 / 13.0;
  p = p * z + 2.0 / 11.0;
  p = p * z + 2.0 / 9.0;
  p = p * z + 2.0 / 7.0;
  p = p * z + 2.0 / 5.0;
  p = p * z + 2.0 / 3.0;
  return (double)e * 0.6931471805599453 + (2.0 * s + s * (z * p));
}

// cos 2*pi*u and sin 2*pi*u for u = k * 2^-53, k in [0, 2^53).
//   t = 4 * u;  q = floor(t + 0.5), in 0..4;  x = (t - q) * 1.5707963267948966     (t - q is exact; |x| <= pi/4)
//   y = x * x
//   a = 1/17!;  a = a * y - 1/15!;  a = a * y + 1/13!;  a = a * y - 1/11!;  a = a * y + 1/9!;  a = a * y - 1/7!;
//               a = a * y + 1/5!;  a = a * y - 1/3!;   S = x + x * (y * a)
//   b = 1/16!;  b = b * y - 1/14!;  b = b * y + 1/12!;  b = b * y - 1/10!;  b = b * y + 1/8!;  b = b * y - 1/6!;
//               b = b * y + 1/4!;  b = b * y - 1/2!;   C = 1 + y * b
//   q mod 4 = 0: cos = C, sin = S;   1: cos = -S, sin = C;   2: cos = -C, sin = -S;   3: cos = S, sin = -C
// Each step is a multiplication, then an addition. All factorials are exact; 1/17! is that quotient rounded.
LW_INLINE void turn(double u, double& cosine, double& sine) {
  const double t = 4.0 * u;
  const int q = (int)(t + 0.5);
  const double x = (t - (double)q) * 1.5707963267948966, y = x * x;
  double a = 1.0 / 355687428096000.0;
  a = a * y - 1.0 / 1307674368000.0;
  a = a * y + 1.0 / 6227020800.0;
  a = a * y - 1.0 / 39916800.0;
  a = a * y + 1.0 / 362880.0;
  a = a * y - 1.0 / 5040.0;
  a = a * y + 1.0 / 120.0;
  a = a * y - 1.0 / 6.0;
  const double s = x + x * (y * a);
  double b = 1.0 / 20922789888000.0;
  b = b * y - 1.0 / 87178291200.0;
  b = b * y + 1.0 / 479001600.0;
  b = b * y - 1.0 / 3628800.0;
  b = b * y + 1.0 / 40320.0;
  b = b * y - 1.0 / 720.0;
  b = b * y + 1.0 / 24.0;
  b = b * y - 1.0 / 2.0;
  const double c = 1.0 + y * b;
  const double x0 = q & 1 ? s : c, x1 = q & 1 ? c : s;
  cosine = (q + 1) & 2 ? -x0 : x0;
  sine = q & 2 ? -x1 : x1;
}

// The pair of a block: u1 = (bits53(w0, w1) + 1) * 2^-53, u2 = bits53(w2, w3) * 2^-53, r = sqrt(-2 * ln u1);
// elements 2i and 2i+1 are mean + std * (r * cos) and mean + std * (r * sin).
LW_INLINE void normalPair(const Philox& block, double& z0, double& z1) {
  const double u1 = (bits53(block.w[0], block.w[1]) + 1.0) * kTwoToMinus53, u2 = bits53(block.w[2], block.w[3]) * kTwoToMinus53;
  const double r = __builtin_sqrt(-2.0 * lnUniform(u1));
  double c, s;
  turn(u2, c, s);
  z0 = r * c;
  z1 = r * s;
}

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
  LW_MEMBER E of(uint32_t w0, uint32_t w1) const {
    const E x = (E)(lo + (hi - lo) * (bits53(w0, w1) * kTwoToMinus53));
    return x > most ? most : x;
  }
  LW_MEMBER void operator()(const Philox& b, E* pair) const {
    pair[0] = of(b.w[0], b.w[1]);
    pair[1] = of(b.w[2], b.w[3]);
  }
};

struct DrawNormal {
  double mean, std;
  LW_MEMBER explicit DrawNormal(const Command& c) : mean(c.d[0]), std(c.d[1]) {}
  template <class E>
  LW_MEMBER void operator()(const Philox& b, E* pair) const {
    double z0, z1;
    normalPair(b, z0, z1);
    pair[0] = (E)(mean + std * z0);
    pair[1] = (E)(mean + std * z1);
  }
};

// One Philox block makes two numbers; the last block of an odd count gives one.
template <class V, class Draw, int nanosecondsEach>
struct DrawPairs {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) {
    const int64_t blocks = (c.n[0] + 1) / 2;
    plan.units = ceilDivide(blocks, kRandomBlocks);
    plan.nanoseconds = (double)c.n[0] * nanosecondsEach;
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    E* y = (E*)c.p[0];
    const Stream s = stream(c.p[1]);
    const Draw draw(c);
    const int64_t n = c.n[0], whole = n / 2, first = begin * kRandomBlocks;
    const int64_t last = end * kRandomBlocks < whole ? end * kRandomBlocks : whole;
    for (int64_t i = first; i < last; ++i) draw(s.block(i), y + 2 * i);
    if ((n & 1) && whole >= first && whole < end * kRandomBlocks) {
      E pair[2];
      draw(s.block(whole), pair);
      y[n - 1] = pair[0];
    }
  }
  static void finish(const Command& c) { advanceStream(c.p[1], (c.n[0] + 1) / 2); }
};

namespace op {

template <class V> struct uniform : DrawPairs<V, DrawUniform<typename V::E>, 3> {};
template <class V> struct normal : DrawPairs<V, DrawNormal, 5> {};

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
    const Stream s = stream(c.p[1]);
    for (int64_t i = 0; i < n; ++i) y[i] = (int32_t)i;
    // Many blocks at a time: their chains of rounds fill each other's waiting.
    enum { BLOCKS = 16 };
    Philox drawn[BLOCKS];
    for (int64_t i = n - 1, block = 0; i > 0; block += BLOCKS) {
      for (int b = 0; b < BLOCKS; ++b) drawn[b] = s.block(block + b);
      for (int k = 0; k < 4 * BLOCKS && i > 0; ++k, --i) {
        const int64_t j = (int64_t)((uint64_t)drawn[k / 4].w[k % 4] * (uint64_t)(i + 1) >> 32);
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
