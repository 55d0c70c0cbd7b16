// A batch of rows as several threads read it: by columns, each thread its own, in the gradient of the first layer and, in legs, in its
// product. In rows (m×n) the processor's prefetching runs on where a thread's part of a row ends, and takes lines that another thread
// is about to write: with two threads at batch 32 gatherRows took 5.0 µs so, and 2.3 in panels (Zen 4). Where the panels are cut is up to
// who writes them, and stands in the batch; readers need not be cut in the same places.
#pragma once
#ifdef LANEWISE_KERNELS
#include "elements.h"

namespace lanewise {
namespace LANEWISE_ISA {

enum { kPanelColumns = 16 };

// Panel h holds columns [start(h), ends[h]) of m rows, a row after the other; all panels together have all columns. It begins at element
// 3h·m·n or, if it is in the second of its two places, at (3h + 1)·m·n. The last panel is always in its first; at the end of the batch stand
// the end and the place (0 or 1) of each of the others. Nothing lies behind the second places: who reads a panel by columns, as the gradient
// does, makes the processor ask for up to 64 rows after its last one, and these were the next panel's, which another thread is about to write.
struct Panels {
  int64_t count, m, n;
  int64_t ends[kMostLegs], places[kMostLegs];

  int64_t start(int64_t h) const { return h == 0 ? 0 : ends[h - 1]; }
  int64_t width(int64_t h) const { return ends[h] - start(h); }
  // Where column `column` of row 0, in panel h, would be.
  int64_t at(int64_t h, int64_t column, int64_t place) const { return (3 * h + place) * m * n + column - start(h); }

  // Cut where the threads' shares end, as are legs and rows of the weights' gradient; `shares` null: all in the first panel.
  static Panels cut(int64_t count, int64_t m, int64_t n, const double* shares) {
    Panels p = {count, m, n, {}, {}};
    const int64_t units = ceilDivide(n, kPanelColumns);
    for (int64_t h = 0; h < count; h++) {
      const int64_t end = shares ? lesser(n, (int64_t)(shares[h] * (double)units + 0.5) * kPanelColumns) : n;
      p.ends[h] = h + 1 == count ? n : greater(end, lesser(n, kPanelColumns));
    }
    return p;
  }
  // Of panel h: nothing for the last.
  int64_t noteAt(int64_t h) const { return 3 * count * m * n - 2 * (count - 1 - h); }
  template <class E>
  void note(E* x, int64_t h) const {
    if (m * n == 0 || h + 1 >= count) return;
    const E now[] = {(E)ends[h], (E)places[h]};
    E* at = x + noteAt(h);
    if (__builtin_memcmp(at, now, sizeof(now)) != 0) __builtin_memcpy(at, now, sizeof(now));  // a line that nobody writes stays with all who read it
  }
  // Whatever the memory holds, the panels are within it.
  template <class E>
  static Panels noted(const E* x, int64_t count, int64_t m, int64_t n) {
    Panels p = {count, m, n, {}, {}};
    for (int64_t h = 0; h < count; h++) {
      E end = (E)n, place = 0;
      if (h + 1 < count && m * n > 0) {
        __atomic_load(x + p.noteAt(h), &end, __ATOMIC_RELAXED);
        __atomic_load(x + p.noteAt(h) + 1, &place, __ATOMIC_RELAXED);
      }
      p.ends[h] = (double)end >= (double)p.start(h) && (double)end <= (double)n ? (int64_t)end : p.start(h);
      p.places[h] = place == 1 ? 1 : 0;
    }
    p.ends[count - 1] = n;
    return p;
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
