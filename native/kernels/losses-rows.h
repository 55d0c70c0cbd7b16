// Part of losses.h: what is computed row by row. A label is tested where it is used; a bad one is reported, and its row
// counts 0 in a loss and gets zeros in a gradient.
#pragma once
#include "argmax.h"
#include "checked.h"
#include "few-folds.h"
#include "losses-elements.h"
#include "softmax.h"

namespace lanewise {
namespace LANEWISE_ISA {
namespace losses {

// y = sum of the rows' values, in scratch, / m
template <class V>
static void meanOfScratch(const Command& c) {
  typedef typename V::E E;
  const int64_t m = c.n[0];
  const E* s = (const E*)c.scratch;
  const bool none = m == 0 || c.n[1] == 0;
  *(E*)c.p[0] = none ? notANumber<E>() : sumOf<V>(m, [&](int64_t i, auto part) LW_LAMBDA { return V::load(s + i, part); }) / (E)m;
}

// L::rows writes the values of rows [first, last) to s + first ...
template <class V, template <class> class L>
struct MeanOfRows {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) {
    planRows<V>(c.n[0], c.n[1], L<V>::kOperations, plan);
    plan.scratch = c.n[1] > 0 ? (size_t)c.n[0] * sizeof(E) : 0;
  }
  static void run(const Command& c, int64_t begin, int64_t end) {
    const int64_t each = rowsPerUnit(c.n[1]);
    L<V>::rows(c, begin * each, lesser(c.n[0], end * each), (E*)c.scratch);
  }
  static constexpr FinishFn finish = meanOfScratch<V>;
};

// R::row(c, i, n, dp row, dy, p row)
template <class V, template <class> class R>
struct GradOfRows {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) { planRows<V>(c.n[0], c.n[1], R<V>::kOperations, plan); }
  static void run(const Command& c, int64_t begin, int64_t end) {
    const int64_t n = c.n[1], each = rowsPerUnit(n), last = lesser(c.n[0], end * each);
    const E dy = *(const E*)c.p[1];
    const int64_t bytes = askedBytes<E>(c.n[0], n, false), targets = c.types[3] == c.types[2] ? bytes : 0;  // labels are no rows
    for (int64_t i = begin * each; i < last; ++i) {
      askForRow((const E*)c.p[0] + i * n, bytes);
      askForRow((const E*)c.p[2] + i * n, bytes);
      askForRow((const E*)c.p[3] + i * n, targets);
      R<V>::row(c, i, n, (E*)c.p[0] + i * n, dy, (const E*)c.p[2] + i * n);
    }
  }
  static constexpr FinishFn finish = nullptr;
};

// The label of row i, or -1 and a report.
template <class T>
LW_INLINE int64_t checkedLabel(const Command& c, const T* labels, int64_t i, int64_t n) {
  const int64_t t = readOnce(labels + i);
  if (__builtin_expect(t >= 0 && t < n, 1)) return t;
  fail(c, i, t);
  return -1;
}

template <class E>
LW_INLINE void clear(E* p, int64_t n) {
  for (int64_t j = 0; j < n; ++j) p[j] = 0;
}

template <class V>
struct CrossEntropy {
  typedef typename V::E E;
  enum { kOperations = 0 };
  static LW_MEMBER void rows(const Command& c, int64_t first, int64_t last, E* s) {
    const E* p = (const E*)c.p[1];
    const int64_t n = c.n[1];
    const Clipped<V> clipped(1);
    withLabels(c, 2, [&](auto* labels) LW_LAMBDA {
      for (int64_t i = first; i < last; ++i) {
        const int64_t t = checkedLabel(c, labels, i, n);
        s[i] = t < 0 ? 1 : p[i * n + t];
      }
    });
    forEach<V>(first, last, [&](int64_t i, auto part) LW_LAMBDA { clipped(V::load(s + i, part)).store(s + i, part); });
    logAll<V>(s + first, last - first);
    for (int64_t i = first; i < last; ++i) s[i] = -s[i];
  }
};

template <class V>
struct CrossEntropyGrad {
  typedef typename V::E E;
  enum { kOperations = 1 };
  static LW_MEMBER void row(const Command& c, int64_t i, int64_t n, E* dp, E dy, const E* p) {
    int64_t t = -1;
    withLabels(c, 3, [&](auto* labels) LW_LAMBDA { t = checkedLabel(c, labels, i, n); });
    const E at = t < 0 ? 0 : p[t];  // before dp, which may be p, is cleared
    clear(dp, n);
    if (at >= (E)1e-7 && at <= 1) dp[t] = -dy / ((E)c.n[0] * at);
  }
};

template <class V>
struct CrossEntropyDense {
  typedef typename V::E E;
  enum { kOperations = 26 };
  static LW_MEMBER void rows(const Command& c, int64_t first, int64_t last, E* s) {
    // As one run of numbers: the logarithms of less than a register take as long as of a whole one. Short rows are several at a time.
    enum { SHORT = kBlock / 4 };
    const int64_t n = c.n[1], bytes = askedBytes<E>(c.n[0], n, false), each = greater(1, SHORT / n);
    const Clipped<V> clipped(1);
    alignas(64) E values[SHORT];
    for (int64_t i = first; i < last; i += each) {
      const int64_t count = lesser(each, last - i);
      for (int64_t k = i; k < i + count; k++) {
        askForRow((const E*)c.p[1] + k * n, bytes);
        askForRow((const E*)c.p[2] + k * n, bytes);
      }
      Lanes<V> block = Lanes<V>::all(0);
      double total = 0;  // as foldOf joins blocks
      for (int64_t j = 0; j < count * n; j += SHORT) {
        const int64_t some = lesser(SHORT, count * n - j);
        const E *p = (const E*)c.p[1] + i * n + j, *t = (const E*)c.p[2] + i * n + j;
        forEach<V, true>(0, some, [&](int64_t l, auto part) LW_LAMBDA { (load<V>(t + l, part) * log(clipped(load<V>(p + l, part)))).store(values + l, part); });
        if (n <= SHORT) {
          sumRows<V>(values, n, count, s + i);
          break;
        }
        block.fold(0, some, [&](int64_t l, auto part) LW_LAMBDA { return V::load(values + l, part); }, SumFold<V>());
        if ((j + some) % kBlock != 0 && j + some < n) continue;
        s[i] = (E)(total += SumFold<V>::lane(block.join(SumFold<V>())));
        block = Lanes<V>::all(0);
      }
    }
    for (int64_t i = first; i < last; i++) s[i] = -s[i];
  }
};

// What is left of the losses of rows whose softmax is there; the logarithms of several sums are taken together.
template <class V>
struct SoftmaxCrossEntropy {
  typedef typename V::E E;
  static void after(const Command& c, int64_t row, int64_t count, E* totals, E* maxima) {
    const int64_t n = c.n[1];
    const E* x = (const E*)c.p[2] + row * n;
    E* s = (E*)c.scratch + row;
    withLabels(c, 3, [&](auto* labels) LW_LAMBDA {
      for (int64_t i = 0; i < count; ++i) {
        const int64_t t = checkedLabel(c, labels, row + i, n);
        if (__builtin_expect(t < 0, 0)) totals[i] = 1, maxima[i] = 0;
        else maxima[i] = x[i * n + t] - maxima[i];
      }
    });
    logAll<V>(totals, count);
    forEach<V>(0, count, [&](int64_t i, auto part) LW_LAMBDA { (V::load(totals + i, part) - V::load(maxima + i, part)).store(s + i, part); });
  }
};

// Some rows at a time as one run of numbers, and what the labels change after it: short rows would begin and end within registers.
template <class V>
struct SoftmaxCrossEntropyGrad {
  typedef typename V::E E;
  static void plan(const Command& c, Plan& plan) { planRows<V>(c.n[0], c.n[1], 2, plan); }
  static void run(const Command& c, int64_t begin, int64_t end) {
    enum { MOST = 64, PIECE = 4096 };
    const int64_t n = c.n[1], each = rowsPerUnit(n), last = lesser(c.n[0], end * each);
    const int64_t rowBytes = n * (int64_t)sizeof(E), most = greater(1, PIECE / greater(rowBytes, PIECE / MOST));
    const int64_t asked = askedBytes<E>(c.n[0], n, false);
    const E *p = (const E*)c.p[2], share = *(const E*)c.p[1] / (E)c.n[0];
    const V by = V::set1(share);
    E *dx = (E*)c.p[0], at[MOST];
    int64_t places[MOST];
    for (int64_t row = begin * each; row < last; row += most) {
      const int64_t count = lesser(most, last - row);
      withLabels(c, 3, [&](auto* labels) LW_LAMBDA {
        for (int64_t i = 0; i < count; ++i) {
          if (asked > 0) {
            askForRow(dx + (row + i) * n, asked);
            askForRow(p + (row + i) * n, asked);
          }
          const int64_t t = checkedLabel(c, labels, row + i, n);
          places[i] = t;
          at[i] = t < 0 ? 0 : (p[(row + i) * n + t] - 1) * share;  // before dx, which may be p, is written
        }
      });
      forEach<V>(row * n, (row + count) * n, [&](int64_t j, auto part) LW_LAMBDA { (V::load(p + j, part) * by).store(dx + j, part); });
      for (int64_t i = 0; i < count; ++i) {
        if (places[i] < 0) clear(dx + (row + i) * n, n);
        else dx[(row + i) * n + places[i]] = at[i];
      }
    }
  }
  static constexpr FinishFn finish = nullptr;
};

template <class V>
struct SoftmaxCrossEntropyDense {
  typedef typename V::E E;
  static void after(const Command& c, int64_t row, int64_t count, E* totals, E* maxima) {
    const int64_t n = c.n[1];
    const E *x = (const E*)c.p[2] + row * n, *t = (const E*)c.p[3] + row * n;
    E* s = (E*)c.scratch + row;
    logAll<V>(totals, count);
    if (n <= kFewColumns) {
      alignas(64) E values[kMostNoted * kFewColumns];
      for (int64_t i = 0; i < count; ++i) {
        const V logTotal = V::set1(totals[i]), top = V::set1(maxima[i]);
        forEachReaching<V>(i * n, (i + 1) * n, count * n, [&](int64_t j, auto part) LW_LAMBDA {
          (V::load(t + j, part) * (V::load(x + j, part) - top - logTotal)).store(values + j, part);
        });
      }
      sumRows<V>(values, n, count, s);
    } else {
      for (int64_t i = 0; i < count; ++i) {
        const V logTotal = V::set1(totals[i]), top = V::set1(maxima[i]);
        s[i] = sumOf<V>(n, [&](int64_t j, auto part) LW_LAMBDA {
          return V::load(t + i * n + j, part) * (V::load(x + i * n + j, part) - top - logTotal);
        });
      }
    }
    for (int64_t i = 0; i < count; ++i) s[i] = -s[i];
  }
};

// The softmax of all rows, and L::after.
template <class V, template <class> class L>
struct SoftmaxLoss {
  typedef typename V::E E;
  enum { kOperations = 28 };
  static LW_MEMBER void rows(const Command& c, int64_t first, int64_t last, E*) {
    const int64_t n = c.n[1];
    const E* x = (const E*)c.p[2];
    E* y = (E*)c.p[1];
    softmaxRows<V>(n, x + first * n, y + first * n, After<E>{c, L<V>::after, first, last - first, goesPast(c.n[0] * n, y, x)});
  }
};
template <class V> struct LabelLoss : SoftmaxLoss<V, SoftmaxCrossEntropy> {};
template <class V> struct DenseLoss : SoftmaxLoss<V, SoftmaxCrossEntropyDense> {};

template <class V>
struct SoftmaxCrossEntropyDenseGrad {
  typedef typename V::E E;
  enum { kOperations = 4 };
  static LW_MEMBER void row(const Command& c, int64_t i, int64_t n, E* dx, E dy, const E* p) {
    const E* t = (const E*)c.p[3] + i * n;
    const V by = V::set1(dy / (E)c.n[0]);
    const V total = V::set1(sumOf<V>(n, [&](int64_t j, auto part) LW_LAMBDA { return V::load(t + j, part); }));
    forEach<V>(0, n, [&](int64_t j, auto part) LW_LAMBDA {
      ((V::load(p + j, part) * total - V::load(t + j, part)) * by).store(dx + j, part);
    });
  }
};

template <class V>
struct Accuracy {
  typedef typename V::E E;
  enum { kOperations = 3 };
  static LW_MEMBER void rows(const Command& c, int64_t first, int64_t last, E* s) {
    const int64_t n = c.n[1];
    const E* p = (const E*)c.p[1];
    int32_t places[kPlaces];
    const int64_t bytes = askedBytes<E>(c.n[0], n, true);
    for (int64_t from = first; from < last; from += kPlaces) {
      const int64_t count = lesser(last - from, kPlaces);
      argmaxRows<V>(p + from * n, n, count, places, bytes);
      withLabels(c, 2, [&](auto* labels) LW_LAMBDA {
        for (int64_t i = 0; i < count; ++i) s[from + i] = (E)(places[i] == (int32_t)labels[from + i]);
      });
    }
  }
};

template <class V>
struct AccuracyDense {
  typedef typename V::E E;
  enum { kOperations = 6 };
  static LW_MEMBER void rows(const Command& c, int64_t first, int64_t last, E* s) {
    const int64_t n = c.n[1];
    const E *p = (const E*)c.p[1], *t = (const E*)c.p[2];
    int32_t places[kPlaces], right[kPlaces];
    const int64_t bytes = askedBytes<E>(c.n[0], n, true);
    for (int64_t from = first; from < last; from += kPlaces) {
      const int64_t count = lesser(last - from, kPlaces);
      argmaxRows<V>(p + from * n, n, count, places, bytes);
      argmaxRows<V>(t + from * n, n, count, right, bytes);
      for (int64_t i = 0; i < count; ++i) s[from + i] = (E)(places[i] == right[i]);
    }
  }
};

}  // namespace losses
}  // namespace LANEWISE_ISA
}  // namespace lanewise
