// Rows of few columns, as a classifier's, L of them in C registers: read so that a register has the same columns of all rows, and written back.
#pragma once
#ifdef LANEWISE_KERNELS
#include "folds.h"

namespace lanewise {
namespace LANEWISE_ISA {

// n = C · U, C odd and U a power of two: groups of U neighbours stay together, and L = W / U groups fill a register. C registers hold L rows of C
// groups, and group j of row r is group (C·r + j) mod L of register (C·r + j) / L: as C is odd, the groups j of L rows lie in L
// different places. Each lane turns through the C registers by its group mod C, so that a register has the groups j of all rows, and one
// permutation brings it in the order of the rows. Back the same way.

// The lanes' numbers, as small as they are: to compute them takes as long as softmax of 40 rows.
template <int W, int C>
struct GroupLanes {
  enum { INVERSE = C * (2 - C * C) };  // C · INVERSE = 1 mod 64 (a step of Newton's from C · C = 1 mod 8)
  uint8_t to[C][W] = {}, back[C][W] = {}, neighbour[3][W] = {}, first[W] = {};
  uint8_t turn[W] = {}, in[W] = {};  // its group mod C, and its place in its group
  uint8_t place[C] = {};
  constexpr explicit GroupLanes(int U) {
    const int L = W / U;
    // Register k is taken as number k·L mod C: then group j lies in register k in the lanes whose group is j - k mod C, whatever L.
    for (int k = 0; k < C; k++) place[k * L % C] = (uint8_t)k;
    for (int l = 0; l < W; l++) {
      const int group = l / U, within = l % U;
      for (int j = 0; j < C; j++) {
        to[j][l] = (uint8_t)((C * group + j) % L * U + within);
        back[j][l] = (uint8_t)((INVERSE * (group - j) & (L - 1)) * U + within);
      }
      for (int h = 0; h < 3; h++) neighbour[h][l] = (uint8_t)(l ^ 1 << h);
      first[l] = (uint8_t)(l * U % W);
      turn[l] = (uint8_t)(group % C);
      in[l] = (uint8_t)within;
    }
  }
};
// By the logarithm of U.
template <int W, int C> static constexpr GroupLanes<W, C> kGroupLanes[] = {GroupLanes<W, C>(1), GroupLanes<W, C>(2), GroupLanes<W, C>(4), GroupLanes<W, C>(W / 2)};

// The same as registers take them.
template <class V, int C>
struct GroupTables {
  typedef typename V::E E;
  typedef typename V::I I;
  alignas(64) I to[C][V::W], back[C][V::W], neighbour[3][V::W], first[V::W];
  E turn[3][V::W], in[V::W];  // bits of turn
  int64_t place[C];
  constexpr void fill(const GroupLanes<V::W, C>& lanes) {
    for (int j = 0; j < C; j++) {
      place[j] = (int64_t)lanes.place[j] * V::W;
      for (int l = 0; l < V::W; l++) to[j][l] = lanes.to[j][l];
      for (int l = 0; l < V::W; l++) back[j][l] = lanes.back[j][l];
    }
    for (int h = 0; h < 3; h++) {
      for (int l = 0; l < V::W; l++) neighbour[h][l] = lanes.neighbour[h][l];
      for (int l = 0; l < V::W; l++) turn[h][l] = (E)(lanes.turn[l] >> h & 1);
    }
    for (int l = 0; l < V::W; l++) first[l] = lanes.first[l];
    for (int l = 0; l < V::W; l++) in[l] = (E)lanes.in[l];
  }
  static constexpr GroupTables of(int U) {
    GroupTables t{};
    t.fill(GroupLanes<V::W, C>(U));
    return t;
  }
};
// A width of a group that the compiler knows, and so the tables: rows of ten take 0.9 of the time.
struct Two {
  constexpr operator int() const { return 2; }
};
template <class V, int C> static constexpr GroupTables<V, C> kTablesOfTwo = GroupTables<V, C>::of(2);
template <class V, int C>
LW_INLINE const GroupTables<V, C>& groupTables(Two, GroupTables<V, C>&) { return kTablesOfTwo<V, C>; }
template <class V, int C>
LW_INLINE const GroupTables<V, C>& groupTables(int U, GroupTables<V, C>& own) {
  own.fill(kGroupLanes<V::W, C>[__builtin_ctz((unsigned)U)]);
  return own;
}

template <class V, int C, class Width>
struct Groups {
  typedef typename V::E E;
  const GroupTables<V, C>& tables;
  const int L, shift;
  typename V::M mask[3];  // lanes whose group mod C has bit 0, 1, 2
  // `own` is for the tables; no part of this, as what has arrays with an index stays in memory.
  LW_MEMBER Groups(Width U, GroupTables<V, C>& own) : tables(groupTables(U, own)), L(V::W / U), shift(__builtin_ctz((unsigned)U)) {
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
  // f of all groups' neighbours, in every lane of a group.
  template <class F>
  LW_MEMBER V joined(V a, F f) const {
    for (int h = shift; h-- > 0;) a = f(a, permute(a, tables.neighbour[h]));
    return a;
  }
  // What is the same in every lane of a group, to L numbers and what fills a register.
  LW_MEMBER void storeOfRows(V a, E* y) const { permute(a, tables.first).store(y); }
};

template <class V>
LW_INLINE bool byGroups(int64_t n) {
  return kPermutes<V> && groupOf(n) < V::W && n / groupOf(n) < 8;
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
