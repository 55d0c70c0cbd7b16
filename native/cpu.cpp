#include "cpu.h"

#include "pool.h"

#include <string.h>

#include <chrono>

#if defined(__x86_64__)
#define LANEWISE_X64 1
#include <cpuid.h>
#endif

namespace lanewise {

// What isa/kernels.inc defines in each namespace.
#define LANEWISE_TABLES extern const Kernel kernels[]; double multiplyAdds(DType, int64_t, double&);
#if defined(__aarch64__)
namespace neon { LANEWISE_TABLES }
#else
namespace scalar { LANEWISE_TABLES }
#endif
#ifdef LANEWISE_X64
namespace avx2 { LANEWISE_TABLES }
namespace avx512 { LANEWISE_TABLES }
#endif

#ifdef LANEWISE_X64
static void cpuid(unsigned leaf, unsigned sub, unsigned r[4]) {
  __cpuid_count(leaf, sub, r[0], r[1], r[2], r[3]);
}

// Which register states the operating system saves: bit 1 SSE, 2 AVX, 5 to 7 AVX-512.
static unsigned savedStates() {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

int availableIsas(Isa out[4]) {
  int n = 0;
  out[n++] = {"scalar", scalar::kernels, scalar::multiplyAdds};
  unsigned leaf0[4], leaf1[4], leaf7[4] = {0, 0, 0, 0};
  cpuid(0, 0, leaf0);
  cpuid(1, 0, leaf1);
  if (leaf0[0] >= 7) cpuid(7, 0, leaf7);
  const bool osxsave = leaf1[2] >> 27 & 1, avx = leaf1[2] >> 28 & 1, fma = leaf1[2] >> 12 & 1;
  if (!osxsave || !avx || !fma) return n;
  const unsigned saved = savedStates();
  if ((saved & 0x6) != 0x6 || !(leaf7[1] >> 5 & 1)) return n;
  out[n++] = {"avx2", avx2::kernels, avx2::multiplyAdds};
  const unsigned f_dq_bw_vl = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
  if ((saved & 0xe6) == 0xe6 && (leaf7[1] & f_dq_bw_vl) == f_dq_bw_vl) {
    out[n++] = {"avx512", avx512::kernels, avx512::multiplyAdds};
  }
  return n;
}

// Of the leaves from 0x80000000 on.
static bool hasLeaf(unsigned leaf) {
  unsigned r[4];
  cpuid(0x80000000u, 0, r);
  return r[0] >= leaf;
}

static int64_t askForSecondLevel() {
  if (!hasLeaf(0x80000006u)) return 0;
  unsigned r[4];
  cpuid(0x80000006u, 0, r);
  return (int64_t)(r[2] >> 16) << 10;
}
const int64_t secondLevelBytes = askForSecondLevel();

static bool askForZen5() {
  unsigned vendor[4], r[4];
  cpuid(0, 0, vendor);
  cpuid(1, 0, r);
  const unsigned family = (r[0] >> 8 & 15) + (r[0] >> 20 & 255);
  return vendor[1] == 0x68747541 && family == 26;  // "Auth"enticAMD
}
const bool isZen5 = askForZen5();

const char* cpuName(char name[49]) {
  if (!hasLeaf(0x80000004u)) return "x64";
  unsigned r[4];
  for (unsigned i = 0; i < 3; i++) {
    cpuid(0x80000002u + i, 0, r);
    memcpy(name + 16 * i, r, 16);
  }
  name[48] = 0;
  const char* start = name;
  while (*start == ' ') start++;
  return start;
}
#else
int availableIsas(Isa out[4]) {
#if defined(__aarch64__)
  out[0] = {"neon", neon::kernels, neon::multiplyAdds};
#else
  out[0] = {"scalar", scalar::kernels, scalar::multiplyAdds};
#endif
  return 1;
}

const int64_t secondLevelBytes = 0;
const bool isZen5 = false;

const char* cpuName(char[49]) { return ""; }  // JavaScript's os.cpus() knows more here
#endif

double measurePeak(MultiplyAddsFn multiplyAdds, DType dtype, int threads) {
  typedef std::chrono::steady_clock Clock;
  const auto secondsSince = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  struct Job {
    MultiplyAddsFn fn;
    DType dtype;
    int64_t rounds;
  } job = {multiplyAdds, dtype, 1000};
  const RangeFn work = [](void* context, int64_t begin, int64_t end) {
    const Job& j = *(const Job*)context;
    volatile double sink;
    double result;
    for (; begin < end; begin++) {
      j.fn(j.dtype, j.rounds, result);
      sink = result;
    }
    (void)sink;
  };
  // Rounds for about 0.1 ms; then 8 units a thread take about 1 ms.
  for (double seconds = 0; seconds < 1e-4; job.rounds *= 2) {
    const Clock::time_point start = Clock::now();
    work(&job, 0, 1);
    seconds = secondsSince(start);
  }
  double ignored;
  const int64_t units = 8 * (int64_t)threads;
  const double operations = (double)units * job.fn(dtype, job.rounds, ignored);
  Division division = {};
  division.units = units;
  division.nanoseconds = 1e5 * (double)units;
  division.turns = 1;
  double best = 0;
  const Clock::time_point start = Clock::now();
  do {
    const Clock::time_point before = Clock::now();
    parallelFor(threads, {division, work, &job});
    const double rate = operations / secondsSince(before);
    if (rate > best) best = rate;
  } while (secondsSince(start) < 0.02);
  return best;
}

}  // namespace lanewise
