// What the rules of arithmetic cost: the engine's own kernels beside the same work without the rule, on one thread and data
// that stays in the cache. Prints a JSON object a line: { rule, work, with, without } in nanoseconds a number, medians.
// Built by suites/price.mjs with the flags of one instruction set; LANEWISE_SIMD names its header.
#define LANEWISE_KERNELS 1
#include "../../native/command.h"
#include LANEWISE_SIMD
#include "../../native/simd/math.h"
#include "../../native/ops.inc"

#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

char* lanewise::workspace(size_t) { return nullptr; }
using namespace lanewise::LANEWISE_ISA;
typedef F32 V;
const int64_t N = 1 << 14;
int milliseconds = 200;
volatile float keep;

struct Array : std::vector<float> {
  Array(int64_t n, float low, float high) : std::vector<float>(n) {
    static std::mt19937 random(1);
    std::uniform_real_distribution<float> between(low, high);
    for (float& x : *this) x = between(random);
  }
};

template <class F>
double once(F f, int times) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < times; i++) f();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / times;
}
double median(std::vector<double>& a) {
  std::sort(a.begin(), a.end());
  return a[a.size() / 2];
}
// Both in turn, so that a slow moment meets both.
template <class F, class G>
void compare(const char* rule, const char* work, int64_t numbers, F with, G without) {
  const int times = std::max(1, (int)(2e5 / once(with, 20)));
  std::vector<double> a, b;
  const auto start = std::chrono::steady_clock::now();
  do {
    a.push_back(once(with, times));
    b.push_back(once(without, times));
  } while (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(milliseconds));
  printf("{\"rule\": \"%s\", \"work\": \"%s\", \"with\": %.5f, \"without\": %.5f}\n", rule, work, median(a) / numbers, median(b) / numbers);
  fflush(stdout);
}

// A product whose k is split over `S` chains and the lanes of each: what a library does where the order is its own affair.
template <int S>
float freeDot(const float* x, const float* y, int64_t n) {
  V a[S];
  for (int s = 0; s < S; s++) a[s] = V::zero();
  for (int64_t i = 0; i < n; i += S * V::W)
    LW_UNROLL for (int s = 0; s < S; s++) a[s] = fma(V::load(x + i + s * V::W), V::load(y + i + s * V::W), a[s]);
  for (int s = 1; s < S; s++) a[0] = a[0] + a[s];
  return sum(a[0]);
}
template <int S>
float freeSum(const float* x, int64_t n) {
  V a[S];
  for (int s = 0; s < S; s++) a[s] = V::zero();
  for (int64_t i = 0; i < n; i += S * V::W)
    LW_UNROLL for (int s = 0; s < S; s++) a[s] = a[s] + V::load(x + i + s * V::W);
  for (int s = 1; s < S; s++) a[0] = a[0] + a[s];
  return sum(a[0]);
}

// What differs between processors: 12 or 14 bits of 1/d.
LW_INLINE V estimate(V d) {
#if defined(__AVX512F__)
  return {_mm512_rcp14_ps(d.v)};
#else
  return {_mm256_rcp_ps(d.v)};
#endif
}
template <int U>
LW_INLINE Many<V, U> estimate(Many<V, U> d) {
  LW_UNROLL for (int u = 0; u < U; u++) d.v[u] = estimate(d.v[u]);
  return d;
}
template <class X>
LW_INLINE X estimatedQuotient(X a, X d) {  // with one Newton step
  const X y = estimate(d);
  return a * fma(y, fnma(d, y, X(V::set1(1))), y);
}

enum class Quotient { newton, ieee, estimate };
// The engine's Adam step, with one choice changed at a time.
template <bool FLUSH, Quotient Q>
void adam(float* w, const float* g, float* m, float* v) {
  const V least = V::set1(Squares<float>::least), a = V::set1(1e-3f), eps = V::set1(1e-7f);
  const V limit = V::set1(Squares<float>::mostRoot), share1 = V::set1(0.1f), share2 = V::set1(0.001f);
  const auto average = [&](int64_t i, auto part) LW_LAMBDA {
    const auto gi = load<V>(g + i, part), mi = load<V>(m + i, part), vi = load<V>(v + i, part);
    const auto first = fma(share1, gi - mi, mi), second = fnma(share2, fnma(gi, gi, vi), vi);
    if constexpr (FLUSH) {
      flush(first).store(m + i, part);
      const auto next = max(decltype(gi)(least), second);
      (next - least).store(v + i, part);
      return sqrt(next);
    } else {
      first.store(m + i, part);
      second.store(v + i, part);
      return sqrt(second);
    }
  };
  const auto step = [&](int64_t i, auto part, auto r) LW_LAMBDA {
    const auto scaled = a * load<V>(m + i, part), d = min(limit, r) + eps, before = load<V>(w + i, part);
    if constexpr (Q == Quotient::newton) (before - quotient(scaled, d)).store(w + i, part);
    else if constexpr (Q == Quotient::ieee) (before - scaled / d).store(w + i, part);
    else (before - estimatedQuotient(scaled, d)).store(w + i, part);
  };
  forEachInTurn<V>(0, N, average, step);
}

// exp with no care for what overflows, vanishes or is no number.
template <class X>
LW_INLINE X carelessExp(X x) {
  X t, r = reduceExp(x, t), one = X::set1(1);
  return addExponent(fma(fma(Real<X>::expTail(r), r, one), r, one), t);
}

int main(int argc, char** argv) {
  if (argc > 1) milliseconds = atoi(argv[1]);
  Array x(N, -1, 1), y(N, 0.1f, 1), z(N, 0, 0), m(N, -1, 1), v(N, 0.1f, 1), w(N, -1, 1);

  compare("1: a product is one chain over k", "1x1x4096, the worst case", 4096,
          [&] { Gemm<float> g = {1, 1, 4096, x.data(), 4096, 1, y.data(), 1, false, z.data(), 1, nullptr}; Nest<V>::block(g, 0, 1, 0, 1); },
          [&] { keep = freeDot<8>(x.data(), y.data(), 4096); });
  compare("1: a product is one chain over k", "1x10x784 by weights stored n x k", 7840,
          [&] { Gemm<float> g = {1, 10, 784, x.data(), 784, 1, y.data(), 784, true, z.data(), 10, nullptr}; Nest<V>::block(g, 0, 1, 0, 10); },
          [&] { for (int j = 0; j < 10; j++) z[j] = freeDot<784 % (4 * V::W) ? 1 : 4>(x.data(), y.data() + 784 * j, 784); });
  compare("2: a sum has 16 lanes and blocks of 4096", "sum of 4096 (one block)", 4096,
          [&] { keep = foldRow<V, SumFold<V>>(x.data(), 4096); }, [&] { keep = freeSum<8>(x.data(), 4096); });
  compare("2: a sum has 16 lanes and blocks of 4096", "sum of 16384 (four blocks at once)", N,
          [&] { float t[4]; foldFourRows<V, SumFold<V>>(x.data(), kBlock, t); keep = t[0] + t[1] + t[2] + t[3]; },
          [&] { keep = freeSum<8>(x.data(), N); });
  compare("3: functions are right everywhere", "exp, against one without special cases", N,
          [&] { forEach<V, true>(0, N, [&](int64_t i, auto part) LW_LAMBDA { exp(load<V>(&x[i], part)).store(&z[i], part); }); },
          [&] { forEach<V, true>(0, N, [&](int64_t i, auto part) LW_LAMBDA { carelessExp(load<V>(&x[i], part)).store(&z[i], part); }); });
  compare("3: no estimate instructions", "Adam, against a reciprocal by estimate", N,
          [&] { adam<true, Quotient::newton>(w.data(), x.data(), m.data(), v.data()); },
          [&] { adam<true, Quotient::estimate>(w.data(), x.data(), m.data(), v.data()); });
  compare("3: no estimate instructions", "Adam, against an IEEE division", N,
          [&] { adam<true, Quotient::newton>(w.data(), x.data(), m.data(), v.data()); },
          [&] { adam<true, Quotient::ieee>(w.data(), x.data(), m.data(), v.data()); });
  compare("4: state is flushed by the kernel", "Adam, against no flushing", N,
          [&] { adam<true, Quotient::newton>(w.data(), x.data(), m.data(), v.data()); },
          [&] { adam<false, Quotient::newton>(w.data(), x.data(), m.data(), v.data()); });
  compare("4: no contraction", "alpha x + beta, against one fused step", N,
          [&] { forEach<V>(0, N, [&](int64_t i, auto part) LW_LAMBDA { (V::set1(2) * V::load(&x[i], part) + V::set1(1)).store(&z[i], part); }); },
          [&] { forEach<V>(0, N, [&](int64_t i, auto part) LW_LAMBDA { fma(V::set1(2), V::load(&x[i], part), V::set1(1)).store(&z[i], part); }); });
}
