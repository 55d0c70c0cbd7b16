// Two arrays in, one out, with broadcasting: six dimensions, of which a and b each may lack some (docs/commands.md).
#pragma once

#define LANEWISE_BROADCAST "y:w:T:@ a:i:T:@ma b:i:T:@mb | d0 d1 d2 d3 d4 d5 ma<64 mb<64"
#define LANEWISE_BINARY_OPS(OP) \
  OP(add, LANEWISE_BROADCAST) \
  OP(subtract, LANEWISE_BROADCAST) \
  OP(multiply, LANEWISE_BROADCAST) \
  OP(divide, LANEWISE_BROADCAST) \
  OP(maximum, LANEWISE_BROADCAST) \
  OP(minimum, LANEWISE_BROADCAST) \
  OP(greater, LANEWISE_BROADCAST) \
  OP(where, "y:w:T:n c:i:T:n a:i:T:n b:i:T:n | n") \
  OP(maximumGrad, "y:w:T:n dy:r:T:n a:r:T:n b:r:T:n | n")

#ifdef LANEWISE_KERNELS
#include "elements.h"

namespace lanewise {
namespace LANEWISE_ISA {
namespace binary {

enum { kShort = 32, kJoined = 512 };  // elements: of a short row, and of those that are taken together

// How a command is walked: `rows` runs of `length` elements of y, which lie one after the other. Along a run each of a and b
// either advances with y or stands still; from run to run they move as their strides over the outer dimensions say.
// Where nothing but such a run is broadcast, the whole command is one run, cut anywhere. A unit is a number of rows, or a
// piece of kBlock elements of a long one.
struct Walk {
  int64_t size[5], strideA[5], strideB[5];  // the outer dimensions, d4 last
  int64_t rows, length, pieces, rowsPerUnit;
  bool movesA, movesB, joins;  // joins: the rows of d4 are short, and taken together, as to begin one costs more than its numbers

  explicit LW_MEMBER Walk(const Command& c) {
    const int64_t ma = c.n[6], mb = c.n[7];
    int64_t seenA = 1, seenB = 1;             // elements of a and b in the dimensions seen so far
    bool fixedA = true, movingA = true, fixedB = true, movingB = true;  // along all dimensions with more than one element
    rows = 1;
    for (int i = 5; i >= 0; i--) {
      int64_t d = c.n[i];
      bool onA = !(ma >> i & 1), onB = !(mb >> i & 1);
      if (i < 5) {
        size[i] = d;
        strideA[i] = onA ? seenA : 0;
        strideB[i] = onB ? seenB : 0;
        rows *= d;
      }
      if (onA) seenA *= d;
      if (onB) seenB *= d;
      if (d != 1) {
        (onA ? fixedA : movingA) = false;
        (onB ? fixedB : movingB) = false;
      }
    }
    length = c.n[5];
    movesA = !(ma >> 5 & 1);
    movesB = !(mb >> 5 & 1);
    if ((fixedA || movingA) && (fixedB || movingB)) {
      length *= rows;
      rows = 1;
      movesA = movingA;
      movesB = movingB;
    }
    if (length == 0) rows = 0;
    pieces = length > kBlock ? ceilDivide(length, kBlock) : 1;
    rowsPerUnit = rowsAtOnce(length);
    joins = rows > 1 && length < kShort && size[4] >= 8;
  }
  LW_MEMBER int64_t units() const { return pieces > 1 ? rows * pieces : ceilDivide(rows, rowsPerUnit); }
};

// Where a and b begin in a row.
template <class E>
struct Place {
  const E *a, *b;
  int64_t at[5] = {0, 0, 0, 0, 0};

  LW_MEMBER Place(const Command& c, const Walk& w, int64_t row) : a((const E*)c.p[1]), b((const E*)c.p[2]) {
    for (int i = 4; i >= 0 && w.rows > 1; i--) {
      at[i] = row % w.size[i];
      row /= w.size[i];
      a += at[i] * w.strideA[i];
      b += at[i] * w.strideB[i];
    }
  }
  // So many rows on, none of which is beyond the end of d4.
  LW_MEMBER void forward(const Walk& w, int64_t rows) {
    for (int i = 4; i >= 0; i--, rows = 1) {
      a += rows * w.strideA[i];
      b += rows * w.strideB[i];
      at[i] += rows;
      if (at[i] < w.size[i]) break;
      a -= w.strideA[i] * w.size[i];
      b -= w.strideB[i] * w.size[i];
      at[i] = 0;
    }
  }
};

// `rows` runs of n numbers: y[i] = f(a[i or 0], b[i or 0]), and so many numbers on in a and b for the next. One function for each
// formula and what moves, so that the walk is there once, and not for each formula (30 KB each).
template <class E>
using Runs = void (*)(Reach reach, E* y, const E* a, const E* b, int64_t n, int64_t rows, int64_t strideA, int64_t strideB);

template <class V, bool MovesA, bool MovesB, class F>
static void runs(Reach reach, typename V::E* y, const typename V::E* a, const typename V::E* b, int64_t n, int64_t rows, int64_t strideA, int64_t strideB) {
  const F f;
  for (; rows > 0; rows--, y += n, a += strideA, b += strideB) {
    const bool past = reach == Reach::past && isAligned<V>(y);
    const V a0 = MovesA ? V::zero() : V::set1(*a), b0 = MovesB ? V::zero() : V::set1(*b);
    byReach(reach, [&](auto lines) LW_LAMBDA {
      forEach<V>(0, n, [&](int64_t i, auto part) LW_LAMBDA {
        V va = a0, vb = b0;
        if (MovesA) va = fetch<V>(lines, a + i, part);
        if (MovesB) vb = fetch<V>(lines, b + i, part);
        put(past, f(va, vb), y + i, part);
      });
    });
  }
}

// The units of a command, by such a function.
template <class V, class E>
static void walk(const Command& c, const Walk& w, int64_t begin, int64_t end, Runs<E> f) {
  const Reach reach = reachOf(w.rows * w.length, (E*)c.p[0], (const E*)c.p[1], (const E*)c.p[2]);
  if (w.pieces > 1) {
    int64_t row = begin / w.pieces, piece = begin % w.pieces, left = end - begin;
    E* y = (E*)c.p[0] + row * w.length;
    for (Place<E> place(c, w, row); left > 0; place.forward(w, 1), y += w.length, piece = 0) {
      const int64_t last = lesser(w.pieces, piece + left), from = piece * kBlock;
      f(reach, y + from, place.a + (w.movesA ? from : 0), place.b + (w.movesB ? from : 0), lesser(w.length, last * kBlock) - from, 1, 0, 0);
      left -= last - piece;
    }
  } else {
    // Rows that begin within a line go past the caches from the next line on if they are long (Zen 5: of 1000 1.3 to 1.5 times as fast as where
    // only those at the start of a line did); short ones, which would leave many lines in two pieces, do not (of 70 to 300 1.1 to 1.4 times).
    const bool whole = w.length % V::W == 0, cuts = reach == Reach::past && !whole && w.length >= 32 * V::W;
    const Reach most = reach == Reach::past && !whole && !cuts ? Reach::beyond : reach;
    int64_t row = begin * w.rowsPerUnit, left = lesser(w.rows, end * w.rowsPerUnit) - row;
    E* y = (E*)c.p[0] + row * w.length;
    for (Place<E> place(c, w, row); left > 0;) {
      const int64_t rows = w.rows == 1 || cuts ? 1 : lesser(left, w.size[4] - place.at[4]);
      const int64_t head = cuts ? -(int64_t)((uintptr_t)y / sizeof(E)) & (V::W - 1) : 0;
      if (head > 0) f(Reach::beyond, y, place.a, place.b, head, 1, 0, 0);
      f(most, y + head, place.a + (w.movesA ? head : 0), place.b + (w.movesB ? head : 0), w.length - head, rows, w.strideA[4], w.strideB[4]);
      y += rows * w.length;
      left -= rows;
      place.forward(w, rows);
    }
  }
  endPast<V>(reach == Reach::past);
}

// Many rows of one number each, of few columns: a register of them, and for each register of the result which of them its numbers are.
template <class V>
struct Repeats {
  enum { kFew = 15 };
  int32_t table[V::W * kFew];

  // The table, where it is worth its while for so many rows, else nullptr: not where those that are taken together leave registers empty.
  LW_MEMBER const int32_t* of(const Walk& w, int64_t rows) {
    const bool columnA = !w.movesA && w.strideA[4] > 0, columnB = !w.movesB && w.strideB[4] > 0;
    const int64_t together = lesser(rows, w.size[4]), stores = ceilDivide(together, V::W) * w.length;
    if (!kPermutes<V> || rows < 8 * V::W || w.length > kFew || stores > together * ceilDivide(w.length, V::W) || !(columnA || columnB)) return nullptr;
    for (int64_t i = 0; i < V::W; i++)
      for (int64_t j = 0; j < w.length; j++) table[i * w.length + j] = (int32_t)i;
    return table;
  }
};
template <class V>
static __attribute__((noinline)) void repeat(const typename V::E* x, int64_t count, int64_t n, const int32_t* from, typename V::E* to) {
  if constexpr (kPermutes<V>) {
    for (int64_t i = 0; i < count; i += V::W, to += V::W * n) {
      const V v = V::load(x + i, V::first(lesser(count - i, V::W)));
      for (int64_t e = 0; e < n; e++) permute(v, from + e * V::W).store(to + e * V::W);
    }
  }
}

// `count` rows of an operand from row r on, one after the other: as they lie; or copied to `to` where a row is one number (then `stride` is 1)
// or all rows are the same (0), which r = 0 has left there for the others. Registers are stored whole, although they reach into the next
// row, which is written next.
template <class V>
static const typename V::E* joinedRows(const typename V::E* x, bool moves, int64_t stride, int64_t n, int64_t r, int64_t count, const int32_t* from,
                                        typename V::E* to) {
  if (moves && stride == n) return x + r * n;
  if (stride > 0) {  // one number each
    if (from) return repeat<V>(x + r, count, n, from, to), to;
    for (int64_t i = 0; i < count; i++)
      for (int64_t j = 0; j < n; j += V::W) V::set1(x[r + i]).store(to + i * n + j);
    return to;
  }
  if (r > 0) return to;
  for (int64_t j = (n - 1) / V::W * V::W; j >= 0; j -= V::W) {
    const V v = moves ? V::load(x + j, V::first(lesser(n - j, V::W))) : V::set1(*x);
    for (int64_t i = 0; i < lesser(count, V::W); i++) v.store(to + i * n + j);
  }
  for (int64_t i = V::W * n; i < count * n; i += V::W) V::load(to + i - V::W * n).store(to + i);
  return to;
}

// The same for short rows, several at a time.
template <class V, class E>
static void walkTogether(const Command& c, const Walk& w, int64_t begin, int64_t end, Runs<E> f) {
  alignas(64) E joinedA[kJoined + V::W], joinedB[kJoined + V::W];
  const Reach reach = reachOf(w.rows * w.length, (E*)c.p[0], (const E*)c.p[1], (const E*)c.p[2]);
  const int64_t n = w.length, most = kJoined / n / V::W * V::W;
  int64_t row = begin * w.rowsPerUnit, left = lesser(w.rows, end * w.rowsPerUnit) - row;
  Repeats<V> repeats;
  const int32_t* from = repeats.of(w, left);
  E* y = (E*)c.p[0] + row * n;
  for (Place<E> place(c, w, row); left > 0;) {
    const int64_t rows = lesser(left, w.size[4] - place.at[4]);
    for (int64_t r = 0; r < rows; r += most) {
      const int64_t count = lesser(most, rows - r);
      const E* a = joinedRows<V>(place.a, w.movesA, w.strideA[4], n, r, count, from, joinedA);
      const E* b = joinedRows<V>(place.b, w.movesB, w.strideB[4], n, r, count, from, joinedB);
      f(reach, y, a, b, count * n, 1, 0, 0);
      y += count * n;
    }
    left -= rows;
    place.forward(w, rows);
  }
  endPast<V>(reach == Reach::past);
}

template <class V, template <class> class F>
struct Broadcast {
  static void plan(const Command& c, Plan& plan) {
    Walk w(c);
    plan.units = w.units();
    // an element; the start of a run, which is what short ones cost
    plan.nanoseconds = (double)(w.rows * w.length) * (F<V>::kNanoseconds / (double)V::W) + (double)(w.rows * w.pieces) * (V::W > 1 && w.joins ? 0.5 : 2.0);
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    if (begin >= end) return;
    const Walk w(c);
    typedef F<V> Formula;
    if (V::W > 1 && w.joins) walkTogether<V>(c, w, begin, end, runs<V, true, true, Formula>);
    else if (w.movesA) walk<V>(c, w, begin, end, w.movesB ? runs<V, true, true, Formula> : runs<V, true, false, Formula>);
    else walk<V>(c, w, begin, end, w.movesB ? runs<V, false, true, Formula> : runs<V, false, false, Formula>);
  }
  static constexpr FinishFn finish = nullptr;
};

#define LW_FUNCTION2(Name, nanoseconds, formula)                \
  template <class V>                                            \
  struct Name {                                                 \
    static constexpr double kNanoseconds = nanoseconds;         \
    LW_MEMBER V operator()(V a, V b) const { return formula; }  \
  };
LW_FUNCTION2(Add, 1, a + b)
LW_FUNCTION2(Subtract, 1, a - b)
LW_FUNCTION2(Multiply, 1, a * b)
LW_FUNCTION2(Divide, 4, a / b)
LW_FUNCTION2(Maximum, 1.5, maximum(a, b))
LW_FUNCTION2(Minimum, 1.5, select(isnan(a), a, min(a, b)))
LW_FUNCTION2(Greater, 1.5, select(a > b, V::set1(1), V::zero()))

// y[i] = f(p[i], q[i], r[i]) of equal lengths: operands are repeated before it.
template <class V, template <class> class F>
struct Threes {
  static void plan(const Command& c, Plan& plan) {
    planUnits(c.n[0], 2.0 / (double)V::W, plan);
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    typedef typename V::E E;
    E* y = (E*)c.p[0];
    const E *p = (const E*)c.p[1], *q = (const E*)c.p[2], *r = (const E*)c.p[3];
    const F<V> f;
    forUnits<V>(c.n[0], begin, end, [&](int64_t i, auto part) LW_LAMBDA {
      f(fetch<V>(kHalves, p + i, part), fetch<V>(kHalves, q + i, part), fetch<V>(kHalves, r + i, part)).store(y + i, part);
    });
  }
  static constexpr FinishFn finish = nullptr;
};

template <class V>
struct Where {
  LW_MEMBER V operator()(V condition, V a, V b) const { return select(condition == V::zero(), b, a); }
};
// a's share of dy: all where it is greater, half of a tie. b's is the same with a and b exchanged, as is a's of a minimum.
template <class V>
struct MaximumGrad {
  LW_MEMBER V operator()(V dy, V a, V b) const { return select(a > b, dy, select(a == b, dy * V::set1((typename V::E)0.5), V::zero())); }
};

}  // namespace binary

namespace op {

template <class V> struct add : binary::Broadcast<V, binary::Add> {};
template <class V> struct subtract : binary::Broadcast<V, binary::Subtract> {};
template <class V> struct multiply : binary::Broadcast<V, binary::Multiply> {};
template <class V> struct divide : binary::Broadcast<V, binary::Divide> {};
template <class V> struct maximum : binary::Broadcast<V, binary::Maximum> {};
template <class V> struct minimum : binary::Broadcast<V, binary::Minimum> {};
template <class V> struct greater : binary::Broadcast<V, binary::Greater> {};

template <class V> struct where : binary::Threes<V, binary::Where> {};
template <class V> struct maximumGrad : binary::Threes<V, binary::MaximumGrad> {};

}  // namespace op
}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
