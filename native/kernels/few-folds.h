// Sums and maxima of rows of few columns, many rows at once, with the order of folds.h: element j with j + 8, then + 4, + 2, + 1.
#pragma once
#ifdef LANEWISE_KERNELS
#include "groups.h"

namespace lanewise {
namespace LANEWISE_ISA {

// L rows at a time (groups.h), to[i] for row i, as long as a register fits in to[0 .. count); returns how many rows that were.
template <class V, class Fold, int C>
static __attribute__((noinline)) int64_t foldByGroups(const typename V::E* x, int U, int64_t count, typename V::E* to, int64_t bytes) {
  const Groups<V, C, int> groups(U);
  int64_t i = 0;
  for (; i + V::W <= count; i += groups.L, x += C * V::W) {
    V v[C];
    askForRow(x, bytes > 0 ? (int64_t)sizeof v : 0);
    groups.load(x, v);
    groups.storeOfRows(Fold::few(groups.template folded<Fold>(v)), to + i);
  }
  return i;
}

// Some of `count` rows of n numbers, from the first on; returns how many.
template <class V, class Fold>
LW_INLINE int64_t foldFewColumns(const typename V::E* x, int64_t n, int64_t count, typename V::E* to, int64_t bytes) {
  if (count < 2 * V::W || n > kFewColumns) return 0;
  return withGroups<V>(n, [&](auto registers, int U) LW_LAMBDA { return foldByGroups<V, Fold, decltype(registers)::count>(x, U, count, to, bytes); });
}

// to[i] = the sum of row i, of `count` rows of n numbers that are near.
template <class V>
static void sumRows(const typename V::E* x, int64_t n, int64_t count, typename V::E* to) {
  for (int64_t i = foldFewColumns<V, SumFold<V>>(x, n, count, to, 0); i < count; i++) to[i] = foldRow<V, SumFold<V>>(x + i * n, n);
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
