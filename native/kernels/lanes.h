// Loops over elements, and sums whose order does not depend on the register's width (docs/commands.md, "Order of a sum").
//
// The caller gives a function f(i, part) that returns a V of the elements from i on; `part` is Whole{} or a mask, to be
// handed to V::load and store. So sums of x, of x*y, of (p - t)^2, of exp(x - max) are one function, body and tail alike:
//   sumOf<V>(n, [&](int64_t i, auto part) LW_LAMBDA { return V::load(x + i, part) * V::load(y + i, part); })
// Lanes outside the mask may come back as anything (exp of a 0 that was not read): they are dropped here.
#pragma once
#ifdef LANEWISE_KERNELS
#include "../command.h"

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

// Results of so many bytes are in no cache any more when they are read.
enum { kFar = 1 << 25 };
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
// Whether results y of so many numbers go there: not in place, where their lines are fetched anyway.
template <class E, class... Reads>
LW_INLINE bool goesPast(int64_t numbers, [[maybe_unused]] const E* y, const Reads*... reads) {
  return kPastCaches && isFar<E>(numbers) && (... && (y != reads));
}
template <class V>
LW_INLINE void endPast(bool past) {
  if constexpr (kPastCaches)
    if (past) V::streamed();
}

LW_INLINE int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }
LW_INLINE int64_t greater(int64_t a, int64_t b) { return a > b ? a : b; }
LW_INLINE int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

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

// kLanes accumulators in kLanes / W registers, whatever the instruction set.
template <class V>
struct Lanes {
  enum { R = V::kLanes / V::W };
  V r[R];

  static LW_MEMBER Lanes all(typename V::E x) {
    Lanes a;
    LW_UNROLL_VECTORS for (int k = 0; k < R; k++) a.r[k] = V::set1(x);
    return a;
  }
  // r = op(r, f) in [begin, end); lane j takes the elements begin + j, begin + j + kLanes, … in that order.
  template <class F, class Op>
  LW_MEMBER void gather(int64_t begin, int64_t end, F f, Op op) {
    int64_t i = begin;
    for (; i + V::kLanes <= end; i += V::kLanes)
      LW_UNROLL_VECTORS for (int k = 0; k < R; k++) r[k] = op(r[k], f(i + k * V::W, Whole{}));
    LW_UNROLL_VECTORS for (int k = 0; k < R; k++, i += V::W) {
      if (i + V::W <= end) {
        r[k] = op(r[k], f(i, Whole{}));
      } else if (i < end) {
        typename V::M m = V::first(end - i);
        r[k] = select(m, op(r[k], f(i, m)), r[k]);
      }
    }
  }
  // Register k with k + R/2, … : the first halvings of the tree; sum(V) or top(V) does the rest.
  template <class Op>
  LW_MEMBER V join(Op op) const {
    Lanes a = *this;
    LW_UNROLL_VECTORS for (int h = R / 2; h > 0; h /= 2)
      LW_UNROLL_VECTORS for (int k = 0; k < h; k++) a.r[k] = op(a.r[k], a.r[k + h]);
    return a.r[0];
  }
};

template <class V>
struct Plus { LW_MEMBER V operator()(V a, V b) const { return a + b; } };
template <class V>
struct Greater { LW_MEMBER V operator()(V a, V b) const { return max(b, a); } };  // b > a ? b : a: a NaN in b is passed over

// The sum of one block [begin, end), at most kBlock elements.
template <class V, class F>
LW_INLINE typename V::E sumOfBlock(int64_t begin, int64_t end, F f) {
  Lanes<V> a = Lanes<V>::all(0);
  a.gather(begin, end, f, Plus<V>());
  return sum(a.join(Plus<V>()));
}

// The sum of f over [0, n), +0 for nothing. Threads that own blocks (sumOfBlock) and add the blocks in order give the same. Blocks are added in
// float64: a float32 sum of 20 million equal numbers was 4e-5 off otherwise.
template <class V, class F>
LW_INLINE typename V::E sumOf(int64_t n, F f) {
  double total = sumOfBlock<V>(0, lesser(n, kBlock), f);
  for (int64_t i = kBlock; i < n; i += kBlock) total += sumOfBlock<V>(i, lesser(n, i + kBlock), f);
  return (typename V::E)total;
}

// The greatest of f over [0, n), -infinity for nothing. NaN is passed over: where it matters, ask isnan as well. Which of
// 0 and -0 is found is fixed by the lanes too.
template <class V, class F>
LW_INLINE typename V::E maxOf(int64_t n, F f) {
  Lanes<V> a = Lanes<V>::all(-__builtin_inff());
  a.gather(0, n, f, Greater<V>());
  return top(a.join(Greater<V>()));
}

// A checked command met a bad index: the lowest is kept for the caller, so that the report does not depend on threads.
LW_INLINE void fail(const Command& c, int64_t position, int64_t value) {
  Failure& f = *c.failure;
  while (__atomic_exchange_n(&f.lock, 1, __ATOMIC_ACQUIRE)) {
  }
  if (!f.set || position < f.position) {
    f.position = position;
    f.value = value;
    __atomic_store_n(&f.set, 1, __ATOMIC_RELAXED);
  }
  __atomic_store_n(&f.lock, 0, __ATOMIC_RELEASE);
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
