// The first place of the greatest of b numbers. A NaN is the greatest.
#pragma once
#ifdef LANEWISE_KERNELS
#include "groups.h"

namespace lanewise {
namespace LANEWISE_ISA {

// NaN if there is one, else the maximum, of b numbers.
template <class V>
LW_INLINE typename V::E greatestOfRow(const typename V::E* x, int64_t b) {
  // In any order, so which zero is returned is open: four chains hide the latency of a comparison.
  const MaxFold<V> step = MaxFold<V>();
  V a[4];
  LW_UNROLL for (int q = 0; q < 4; ++q) a[q] = V::set1(MaxFold<V>::start());
  int64_t from = 0;
  for (; from + 4 * V::W <= b; from += 4 * V::W)
    LW_UNROLL for (int q = 0; q < 4; ++q) a[q] = step(a[q], V::load(x + from + q * V::W));
  forEach<V>(from, b, [&](int64_t i, auto part) LW_LAMBDA { a[0] = step(a[0], select(part, V::load(x + i, part), a[0])); });
  return MaxFold<V>::lane(step(step(a[0], a[1]), step(a[2], a[3])));
}
// The same in all lanes.
template <class V>
LW_INLINE V bestOfRow(const typename V::E* x, int64_t b) {
  return V::set1(greatestOfRow<V>(x, b));
}
// The first of b numbers for which is(v) holds, 0 if there is none.
template <class V, class F>
LW_INLINE int64_t firstWhere(const typename V::E* x, int64_t b, F is) {
  int64_t i = 0;
  for (; i + 4 * V::W <= b; i += 4 * V::W) {
    uint64_t found = 0;
    LW_UNROLL for (int q = 0; q < 4; ++q) found |= (uint64_t)bits(is(V::load(x + i + q * V::W))) << q * V::W;
    if (found) return i + __builtin_ctzll(found);
  }
  for (; i < b; i += V::W) {
    const int64_t n = lesser(b - i, V::W);
    const uint32_t found = bits(is(n == V::W ? V::load(x + i) : V::load(x + i, V::first(n)))) & ((1u << n) - 1);
    if (found) return i + __builtin_ctz(found);
  }
  return 0;
}
// The first place of what bestOfRow found in b >= 1 numbers.
template <class V>
LW_INLINE int64_t placeInRow(const typename V::E* x, int64_t b, V best) {
  if (any(isnan(best))) return firstWhere<V>(x, b, [](V v) LW_LAMBDA { return isnan(v); });
  return firstWhere<V>(x, b, [&](V v) LW_LAMBDA { return v == best; });
}

// Both. A function, for where they are seldom asked for.
template <class V>
static __attribute__((noinline)) int64_t argmaxOfRow(const typename V::E* x, int64_t b) {
  return placeInRow<V>(x, b, bestOfRow<V>(x, b));
}

// That place in a short row, up to R registers, all of them at once: nothing that a processor has to foresee.
template <class V, int R>
struct ShortArgmax {
  typedef typename V::E E;
  enum { kMost = R * V::W };
  typename V::M part[R];
  explicit LW_MEMBER ShortArgmax(int64_t b) {
    LW_UNROLL for (int r = 0; r < R; r++) part[r] = V::first(lesser(greater(b - r * V::W, 0), V::W));
  }
  LW_MEMBER int64_t operator()(const E* x) const {
    V v[R];
    LW_UNROLL for (int r = 0; r < R; r++) v[r] = select(part[r], V::load(x + r * V::W, part[r]), V::set1(-__builtin_inff()));
    V best = v[0];
    LW_UNROLL for (int r = 1; r < R; r++) best = Greatest<V>()(best, v[r]);
    best = V::set1(top(best));
    uint64_t found = 0, nan = 0;
    LW_UNROLL for (int r = 0; r < R; r++) {
      found |= (uint64_t)bits(v[r] == best) << r * V::W;
      nan |= (uint64_t)bits(isnan(v[r])) << r * V::W;
    }
    return __builtin_ctzll(nan ? nan : found);
  }
};
// Those of `count` rows, if they are so short.
template <class V, int R>
LW_INLINE bool argmaxShortRows(const typename V::E* x, int64_t b, int64_t count, int32_t* places, int64_t bytes) {
  if (V::W == 1 || b > ShortArgmax<V, R>::kMost) return false;
  const ShortArgmax<V, R> of(b);
  for (int64_t i = 0; i < count; ++i) {
    askForRow(x + i * b, bytes);
    places[i] = (int32_t)of(x + i * b);
  }
  return true;
}

enum { kPlaces = 512 };  // the most rows that argmaxRows takes at once

// L rows at a time (groups.h); the most whole blocks, returns how many rows they were.
template <class V, int C, class Width>
static __attribute__((noinline)) int64_t argmaxByGroups(const typename V::E* x, Width U, int64_t count, int32_t* places, bool asks) {
  typedef typename V::E E;
  const Groups<V, C, Width> groups(U);
  enum { kLast = 64 };  // more than any place: a place's code is what it is less, so that the first one has the greatest
  const int L = groups.L, b = C * U;
  V codes[C];
  LW_UNROLL for (int j = 0; j < C; j++) codes[j] = V::set1((E)(kLast - j * U)) - V::load(groups.lanes.in);
  alignas(64) E found[kPlaces + V::W];
  int64_t i = 0;
  for (; i + L <= count; i += L) {
    V v[C];
    askForRow(x + i * b, asks ? (int64_t)sizeof v : 0);
    groups.load(x + i * b, v);
    V best = v[0], numbers = v[0], code = V::zero();
    LW_UNROLL for (int j = 1; j < C; j++) {
      best = Greatest<V>()(best, v[j]);
      numbers = numbers + v[j];
    }
    best = groups.joined(best, Greatest<V>());
    LW_UNROLL for (int j = C - 1; j >= 0; j--) code = select(v[j] == best, codes[j], code);
    groups.storeOfRows(groups.joined(code, Greatest<V>()), found + i);
    if (__builtin_expect(any(isnan(numbers)), 0)) {  // there is a NaN, or infinities of both signs
      for (int r = 0; r < L; r++) found[i + r] = (E)(kLast - argmaxOfRow<V>(x + (i + r) * b, b));
    }
  }
  for (int64_t r = 0; r < i; r++) places[r] = (int32_t)((E)kLast - found[r]);
  return i;
}
// Of up to seven columns but four, or ten: of others that take groups, each row by itself is as fast, but for large blocks.
template <class V>
LW_INLINE int64_t argmaxOfWholeBlocks(const typename V::E* x, int64_t b, int64_t count, int32_t* places, bool asks) {
  if (count < 32 || groupOf(b) > 2 || b > 10) return 0;
  return withGroups<V>(b, [&](auto registers, int U) LW_LAMBDA -> int64_t {
    enum { C = decltype(registers)::count };
    if (C == 5 && U == 2) return argmaxByGroups<V, 5>(x, Two(), count, places, asks);
    return argmaxByGroups<V, C>(x, U, count, places, asks);
  });
}

// The first place of the greatest of each of `count` rows of b >= 1 numbers (`bytes`: see askForRow). A function, as several ops ask for it.
template <class V>
static __attribute__((noinline)) void argmaxRows(const typename V::E* x, int64_t b, int64_t count, int32_t* places, int64_t bytes) {
  const int64_t done = argmaxOfWholeBlocks<V>(x, b, count, places, bytes > 0);
  x += done * b;
  places += done;
  count -= done;
  if (argmaxShortRows<V, (V::W < 16 ? 16 / V::W : 1)>(x, b, count, places, bytes) || argmaxShortRows<V, 4>(x, b, count, places, bytes)) return;
  if (count == 0) return;
  if (b * (int64_t)sizeof(*x) > 8192) {  // two such rows leave the nearest cache
    for (int64_t i = 0; i < count; ++i) places[i] = (int32_t)argmaxOfRow<V>(x + i * b, b);
    return;
  }
  V best = bestOfRow<V>(x, b);
  for (int64_t i = 0; i < count; ++i) {
    // the next row's while the last steps of this one's wait for each other
    askForRow(x + (i + 1) * b, bytes);
    const V next = i + 1 < count ? bestOfRow<V>(x + (i + 1) * b, b) : best;
    places[i] = (int32_t)placeInRow<V>(x + i * b, b, best);
    best = next;
  }
}

template <class V>
struct Argmax {
  typedef typename V::E E;
  enum { kColumns = 64 };
  static void plan(const Command& c, Plan& plan) {
    plan.units = c.n[0] * (c.n[2] == 1 ? 1 : ceilDivide(c.n[2], kColumns));
    plan.nanoseconds = (double)c.n[0] * (10 + (double)c.n[1] * (double)c.n[2] * 0.3);
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    int32_t* y = (int32_t*)c.p[0];
    const E* x = (const E*)c.p[1];
    const int64_t b = c.n[1], w = c.n[2];
    if (w == 1) {
      const int64_t bytes = askedBytes<E>(c.n[0], b, true);
      for (int64_t from = begin; from < end; from += kPlaces) {
        const int64_t count = lesser(end - from, kPlaces);
        argmaxRows<V>(x + from * b, b, count, y + from, bytes);
      }
      return;
    }
    const int64_t groups = ceilDivide(w, kColumns);
    for (int64_t u = begin; u < end; ++u) {
      const int64_t i = u / groups, first = (u % groups) * kColumns, n = lesser(w - first, kColumns);
      const E* p = x + i * b * w + first;
      int32_t* at = y + i * w + first;
      E best[kColumns];
      for (int64_t l = 0; l < n; ++l) best[l] = -__builtin_inff(), at[l] = 0;
      for (int64_t j = 0; j < b; ++j, p += w) {
        for (int64_t l = 0; l < n; ++l) {
          const bool better = (p[l] > best[l]) | ((p[l] != p[l]) & (best[l] == best[l]));
          best[l] = better ? p[l] : best[l];
          at[l] = better ? (int32_t)j : at[l];
        }
      }
    }
  }
  static constexpr FinishFn finish = nullptr;
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
