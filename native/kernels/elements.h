// Loops over elements: f(i, part) for those from i on, where `part` is Whole{} or a mask, to be handed to V::load and store, so that a
// function serves body and tail alike.
#pragma once
#ifdef LANEWISE_KERNELS
#include "../command.h"
#include "../cpu.h"

namespace lanewise {
namespace LANEWISE_ISA {

enum { kBlock = 4096 };  // elements: a block of a sum, and a unit of an elementwise command

// Whether arithmetic that takes about as long as memory does asks for lines ahead: 0.80 to 0.89 of the time on Zen 3, which has no
// AVX-512; 1.05 to 1.3 on Zen 4.
#if defined(__AVX512F__)
static constexpr bool kAsksAhead = false;
#else
static constexpr bool kAsksAhead = true;
#endif

// Numbers that the nearer caches hold.
enum { kNearNumbers = 1 << 17 };
// Bytes of a command's rows of n numbers, which are read or written one after the other, where they have to be asked for; else 0. Zen 5 fetches little
// ahead by itself where a row is taken slowly or begins within a line (one thread, 64 MB: argmax of rows of ten 5.5 and 28 GB/s, their sums 5 and
// 25, softmax's derivative 10 and 25, the maximum of rows of 512 22 and 47); rows of whole lines that are taken fast it fetches better unasked.
template <class E>
LW_INLINE int64_t askedBytes(int64_t rows, int64_t n, bool slowly) {
  const int64_t bytes = n * (int64_t)sizeof(E);
  return isZen5 && rows * n > kNearNumbers && (slowly || bytes % 64 != 0) ? bytes : 0;
}
// A row that comes a page after this one, of up to a page.
LW_INLINE void askForRow(const void* row, int64_t bytes) {
  enum { AHEAD = 4096 };
  if (bytes > AHEAD) return;
  for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch((const char*)row + AHEAD + at);
}

// Results of so many bytes are hardly in a cache any more when they are read.
enum { kFar = 1 << 24 };
template <class E>
LW_INLINE bool isFar(int64_t numbers) {
  return numbers >= kFar / (int64_t)sizeof(E);
}
template <class V>
LW_INLINE bool isAligned(const typename V::E* p) {
  return (uintptr_t)p % sizeof(V) == 0;
}

// Whether such results of a kernel that reads as much as it writes go past the caches, which saves fetching the lines that are overwritten:
// on Zen 4 0.72 of the time for a sum, 0.8 for relu, 0.7 for exp on two threads; on Zen 3, which has no AVX-512, 1.02 to 1.16.
#if defined(__AVX512F__)
static constexpr bool kPastCaches = true;
#else
static constexpr bool kPastCaches = false;
#endif

// y = v for `part` of y, past the caches where asked: then y is aligned as a register, and V::streamed() comes after the last of them.
template <class V, class Part>
LW_INLINE void put(bool past, V v, typename V::E* y, Part part) {
  if constexpr (kPastCaches)
    if (past) return v.stream(y, part);
  v.store(y, part);
}
// Whether results y of so many numbers go there: from 32 MB on, 21 where as many numbers are read, 16 where twice as many are. Not in place,
// where their lines are fetched anyway.
template <class E, class... Reads>
LW_INLINE bool goesPast(int64_t numbers, [[maybe_unused]] const E* y, const Reads*... reads) {
  return kPastCaches && isFar<E>(numbers * (int64_t)(2 + sizeof...(reads)) / 4) && (... && (y != reads));
}
// How far from the core the numbers of a command are: in the nearer caches, beyond them, or so far that results go past the caches.
enum class Reach { near, beyond, past };
template <class E, class... Reads>
LW_INLINE Reach reachOf(int64_t numbers, const E* y, const Reads*... reads) {
  return goesPast(numbers, y, reads...) ? Reach::past : numbers > kNearNumbers ? Reach::beyond : Reach::near;
}
template <class V>
LW_INLINE void endPast(bool past) {
  if constexpr (kPastCaches)
    if (past) V::streamed();
}

// load, for kernels that do little with a number: where a register is a line, and numbers come from beyond the nearer caches, the line is read
// in halves. Zen 4 fetches farther ahead for it: a sum of two arrays of 4 to 32 MB takes 0.7 to 0.85 of the time, and one of what near caches hold
// as long (on Zen 5 1.2 to 1.4 in the nearest). Where arithmetic sets the pace, the instruction more costs 1.05 to 1.15 (Adam, softmax): registers side
// by side are whole.
template <bool HALVES>
struct Lines {
  enum { kHalves = HALVES };
};
static constexpr Lines<true> kHalves{};
template <class V, class L, class Part>
LW_INLINE auto fetch(L, const typename V::E* p, Part part) {
#if defined(__AVX512F__)
  if constexpr (L::kHalves && kIsWhole<Part>) return V::loadHalves(p);
  else
#endif
    return load<V>(p, part);
}
// f(lines), a loop that fetches so: one for near numbers, one for others (both in one: relu 1.3 of the time in the nearest cache of Zen 5).
template <class F>
LW_INLINE void byReach([[maybe_unused]] Reach reach, F f) {
#if defined(__AVX512F__)
  if (reach == Reach::near) return f(Lines<false>());
#endif
  f(kHalves);
}

LW_INLINE int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }
LW_INLINE int64_t greater(int64_t a, int64_t b) { return a > b ? a : b; }
LW_INLINE int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }
// The greatest power of two that divides n, n > 0.
LW_INLINE int groupOf(int64_t n) {
  return 1 << __builtin_ctz((unsigned)n);
}

// f(i, part) over [begin, end), whole registers and then a masked tail; with SIDE, several registers side by side as long as
// they last (simd/many.h).
template <class V, bool SIDE = false, class F>
LW_INLINE void forEach(int64_t begin, int64_t end, F f) {
  int64_t i = begin;
  if constexpr (SIDE && kSideBySide > 1)
    for (; i + Many<V>::W <= end; i += Many<V>::W) f(i, Side{});
  for (; i + V::W <= end; i += V::W) f(i, Whole{});
  if (V::W > 1 && i < end) f(i, V::first(end - i));
}

// The same for a short row [begin, end), whose last register may reach beyond it as long as it stays before `most`: what is there is computed later.
template <class V, class F>
LW_INLINE void forEachReaching(int64_t begin, int64_t end, int64_t most, F f) {
  for (int64_t i = begin; i < end; i += V::W) {
    if (i + V::W <= most) f(i, Whole{});
    else f(i, V::first(lesser(end - i, V::W)));
  }
}

// second(i, part, first(i, part)) over [begin, end). While the slow result of one first (a root) is on its way, the next is begun: Adam
// takes 0.87 of the time of two passes over a piece in the cache on Zen 4 (with AVX2 0.96), RMSProp 0.92 (0.87) of that of one.
template <class V, class F, class G>
LW_INLINE void forEachInTurn(int64_t begin, int64_t end, F first, G second) {
  int64_t i = begin;
  if constexpr (kSideBySide > 1) {
    enum { W = Many<V>::W };
    if (i + W <= end) {
      auto slow = first(i, Side{});
      for (; i + 2 * W <= end; i += W) {
        const auto next = first(i + W, Side{});
        second(i, Side{}, slow);
        slow = next;
      }
      second(i, Side{}, slow);
      i += W;
    }
  }
  forEach<V>(i, end, [&](int64_t j, auto part) LW_LAMBDA { second(j, part, first(j, part)); });
}

// Rows of n elements that are about kBlock elements together, at least one.
LW_INLINE int64_t rowsAtOnce(int64_t n) { return n > 0 && n < kBlock ? kBlock / n : 1; }

// Elementwise commands in units of kBlock elements, or fewer.
LW_INLINE void planUnits(int64_t n, double nanosecondsEach, Plan& plan, int64_t unit = kBlock) {
  plan.units = ceilDivide(n, unit);
  plan.nanoseconds = (double)n * nanosecondsEach;
}

// f(i, part) over the elements of units [begin, end) of n
template <class V, int64_t UNIT = kBlock, class F>
LW_INLINE void forUnits(int64_t n, int64_t begin, int64_t end, const F& f) {
  forEach<V>(begin * UNIT, lesser(n, end * UNIT), f);
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
