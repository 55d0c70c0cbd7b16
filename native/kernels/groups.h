// Rows of few columns, as a classifier's, L of them in C registers: read so that a register has the same columns of all rows, and written back.
#pragma once
#ifdef LANEWISE_KERNELS
#include "folds.h"

namespace lanewise {
namespace LANEWISE_ISA {

// The most columns of "few": the lanes of a sum in float32, twice those in float64.
enum { kFewColumns = 16 };

// n = C · U, C odd and U a power of two: groups of U neighbours stay together, and L = W / U groups fill a register. C registers hold L rows of C
// groups, and group j of row r is group (C·r + j) mod L of register (C·r + j) / L: as C is odd, the groups j of L rows lie in L
// different places. Each lane turns through the C registers by its group mod C, so that a register has the groups j of all rows, and one
// permutation brings it in the order of the rows. Back the same way.

// What that takes of each lane, whatever C, and for one C. The compiler makes both: to compute them takes as long as softmax of 40 rows.
template <class V>
struct GroupLanes {
  alignas(64) typename V::I neighbour[3][V::W] = {};  // the lane 1, 2, 4 apart
  typename V::I first[V::W] = {};                     // the first lane of each group
  typename V::E in[V::W] = {};                        // the lane's place in its group
  constexpr explicit GroupLanes(int U) {
    for (int l = 0; l < V::W; l++) {
      for (int h = 0; h < 3; h++) neighbour[h][l] = l ^ 1 << h;
      first[l] = l * U % V::W;
      in[l] = (typename V::E)(l % U);
    }
  }
};
template <class V, int C>
struct GroupTables {
  enum { INVERSE = C * (2 - C * C) };  // C · INVERSE = 1 mod 64 (a step of Newton's from C · C = 1 mod 8)
  alignas(64) typename V::I to[C][V::W] = {}, back[C][V::W] = {};
  typename V::E turn[3][V::W] = {};  // the bits of the lane's group mod C
  int64_t place[C] = {};
  constexpr explicit GroupTables(int U) {
    const int L = V::W / U;
    // Register k is taken as number k·L mod C: then group j lies in register k in the lanes whose group is j - k mod C, whatever L.
    for (int k = 0; k < C; k++) place[k * L % C] = (int64_t)k * V::W;
    for (int l = 0; l < V::W; l++) {
      const int group = l / U, within = l % U;
      for (int j = 0; j < C; j++) {
        to[j][l] = (C * group + j) % L * U + within;
        back[j][l] = (INVERSE * (group - j) & (L - 1)) * U + within;
      }
      for (int h = 0; h < 3; h++) turn[h][l] = (typename V::E)(group % C >> h & 1);
    }
  }
};
// By the logarithm of U, which is at most half of W.
template <class V> static constexpr GroupLanes<V> kGroupLanes[] = {GroupLanes<V>(1), GroupLanes<V>(2), GroupLanes<V>(4), GroupLanes<V>(V::W / 2)};
template <class V, int C>
static constexpr GroupTables<V, C> kGroupTables[] = {GroupTables<V, C>(1), GroupTables<V, C>(2), GroupTables<V, C>(4), GroupTables<V, C>(V::W / 2)};

// A width of a group that the compiler knows: rows of ten take 0.9 of the time.
struct Two {
  constexpr operator int() const { return 2; }
};

template <class V, int C, class Width>
struct Groups {
  typedef typename V::E E;
  const int L, shift;
  const GroupLanes<V>& lanes;
  const GroupTables<V, C>& tables;
  typename V::M mask[3];  // lanes whose group mod C has bit 0, 1, 2
  explicit LW_MEMBER Groups(Width U)
      : L(V::W / U), shift(__builtin_ctz((unsigned)U)), lanes(kGroupLanes<V>[shift]), tables(kGroupTables<V, C>[shift]) {
    LW_UNROLL for (int s = 0; s < 3; s++) mask[s] = V::load(tables.turn[s]) == V::set1(1);
  }
  // In each lane r[k] becomes r[k + turn · group], all mod C: by 1, 2 and 4 registers, where the group mod C has that bit.
  LW_MEMBER void turn(V* r, int turn) const {
    LW_UNROLL for (int s = 0; 1 << s < C; s++) {
      V from[C];
      LW_UNROLL for (int k = 0; k < C; k++) from[k] = r[k];
      LW_UNROLL for (int k = 0; k < C; k++) r[k] = select(mask[s], from[(k + turn * (1 << s) + 4 * C) % C], from[k]);
    }
  }
  // r[j] = groups j of the L rows from x on.
  LW_MEMBER void load(const E* x, V* r) const {
    LW_UNROLL for (int k = 0; k < C; k++) r[k] = V::load(x + tables.place[k]);
    turn(r, -1);
    if (C > 1) LW_UNROLL for (int j = 0; j < C; j++) r[j] = permute(r[j], tables.to[j]);
  }
  // The other way; past the caches if so (elements.h, put).
  LW_MEMBER void store(bool past, V* r, E* y) const {
    if (C > 1) LW_UNROLL for (int j = 0; j < C; j++) r[j] = permute(r[j], tables.back[j]);
    turn(r, 1);
    LW_UNROLL for (int k = 0; k < C; k++) put<V>(past, r[k], y + tables.place[k], Whole());
  }
  // What a Fold makes of each row, in every lane of its group. v is used up.
  template <class Fold>
  LW_MEMBER V folded(V* v) const {
    const Fold step = Fold();
    LW_UNROLL for (int h = 4; h > 0; h /= 2)
      LW_UNROLL for (int j = h; j < (C < 2 * h ? C : 2 * h); j++) v[j - h] = step(v[j - h], v[j]);
    return joined(v[0], step);
  }
  // f of all groups' neighbours, in every lane of a group.
  template <class F>
  LW_MEMBER V joined(V a, F f) const {
    for (int h = shift; h-- > 0;) a = f(a, permute(a, lanes.neighbour[h]));
    return a;
  }
  // What is the same in every lane of a group, to L numbers and what fills a register.
  LW_MEMBER void storeOfRows(V a, E* y) const { permute(a, lanes.first).store(y); }
};

// Whether rows of n numbers can be taken so.
template <class V>
LW_INLINE bool byGroups(int64_t n) {
  return kPermutes<V> && n > 0 && groupOf(n) < V::W && n / groupOf(n) < 8;
}
// What f(Registers<C>(), U) returns, how many rows it took; 0 where they cannot.
template <int C>
struct Registers {
  enum { count = C };
};
template <class V, class F>
LW_INLINE int64_t withGroups(int64_t n, F f) {
  if constexpr (kPermutes<V>) {
    if (!byGroups<V>(n)) return 0;
    const int U = groupOf(n);
    switch (n / U) {
      case 1: return f(Registers<1>(), U);
      case 3: return f(Registers<3>(), U);
      case 5: return f(Registers<5>(), U);
      case 7: return f(Registers<7>(), U);
    }
  }
  return 0;
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
