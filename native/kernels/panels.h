// A batch of rows as several threads read it: by columns, each thread its own, in the gradient of the first layer and, in lanes, in its
// product. In rows (m×n) the processor's prefetching runs on where a thread's part of a row ends, and takes lines that another thread
// is about to write: with two threads at batch 32 gatherRows took 5.0 µs so, and 2.3 in panels (Zen 4). Where the panels are cut is up to
// who writes them, and stands in the batch; readers need not be cut in the same places.
#pragma once
#ifdef LANEWISE_KERNELS
#include "lanes.h"

namespace lanewise {
namespace LANEWISE_ISA {

enum { kPanelColumns = 16 };

// Panel h holds columns [start(h), ends[h]) of m rows, a row after the other, from element h·m·n on; all panels together have all columns.
// The last elements of a batch in more than one panel are `ends` but for the last, which is n.
struct Panels {
  int64_t count, m, n;
  int64_t ends[kMostLanes];

  int64_t start(int64_t h) const { return h == 0 ? 0 : ends[h - 1]; }
  int64_t width(int64_t h) const { return ends[h] - start(h); }
  // Where column `column` of row 0, in panel h, would be.
  int64_t at(int64_t h, int64_t column) const { return h * m * n + column - start(h); }

  // Cut where the threads' shares end, as are lanes and rows of the weights' gradient; `shares` null: all in the first panel. The last
  // one never has all columns, if there are several: there is room for the ends behind it.
  static Panels cut(int64_t count, int64_t m, int64_t n, const double* shares) {
    Panels p = {count, m, n, {}};
    const int64_t units = ceilDivide(n, kPanelColumns);
    for (int64_t h = 0; h < count; h++) {
      const int64_t end = shares ? lesser(n, (int64_t)(shares[h] * (double)units + 0.5) * kPanelColumns) : n;
      p.ends[h] = h + 1 == count ? n : greater(end, lesser(n, kPanelColumns));
    }
    return p;
  }
  template <class E>
  void note(E* x) const {
    if (m == 0 || n == 0) return;
    for (int64_t h = 0; h + 1 < count; h++) x[count * m * n - count + 1 + h] = (E)ends[h];
  }
  // Whatever the memory holds, the panels are within it.
  template <class E>
  static Panels noted(const E* x, int64_t count, int64_t m, int64_t n) {
    Panels p = {count, m, n, {}};
    for (int64_t h = 0; h < count; h++) {
      E end = (E)n;
      if (h + 1 < count && m > 0 && n > 0) __atomic_load(x + count * m * n - count + 1 + h, &end, __ATOMIC_RELAXED);
      p.ends[h] = (double)end >= (double)p.start(h) && (double)end <= (double)n ? (int64_t)end : p.start(h);
    }
    p.ends[count - 1] = n;
    return p;
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
