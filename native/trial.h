// Whether the steps of a tape are faster with all its threads or with one, found out by trying both now and then. What threads gain
// depends on where the system puts them, with a cache in common or none, and on who else computes; both change while a program runs.
// Results are the same either way.
#pragma once
#include <stdint.h>

#include <algorithm>

namespace lanewise {

class Trial {
 public:
  bool alone() const { return alone_; }

  // After each step: how long it took.
  void took(double nanoseconds) {
    if (settling_ > 0) {
      settling_--;
      return;
    }
    recent_[count_++ % kSamples] = nanoseconds;
    spent_ += nanoseconds;
    if (count_ < kSamples) return;
    if (!trying_) {
      if (spent_ < pause_) return;
      usual_ = median();
      change();
    } else {
      const bool worse = median() > usual_ * kBetter;
      patience_ = worse ? std::min(2 * patience_, alone_ ? kMost : kMostAlone) : kLeast;
      pause_ = patience_ * spent_;
      if (worse) change();
      else restart(0);
    }
    trying_ = !trying_;
  }

 private:
  // Steps that are compared, and those before them in which data move to the caches of those who will use them. A trial costs the
  // slower way 12 steps. It is repeated soon after it changed something (the first ones may see threads that only begin: a fit went on alone
  // for 900 steps), then after twice as long each time that it does not.
  enum { kSamples = 9, kSettle = 3, kFirst = 30 };
  static constexpr double kLeast = 12, kMostAlone = 100, kMost = 800, kBetter = 0.97;

  void restart(int settling) {
    settling_ = settling;
    count_ = 0;
    spent_ = 0;
  }
  void change() {
    alone_ = !alone_;
    restart(kSettle);
  }
  double median() const {
    double sorted[kSamples];
    std::copy(recent_, recent_ + kSamples, sorted);
    std::nth_element(sorted, sorted + kSamples / 2, sorted + kSamples);
    return sorted[kSamples / 2];
  }

  bool alone_ = false, trying_ = false;
  int settling_ = kFirst;
  int64_t count_ = 0;
  double recent_[kSamples] = {};
  double usual_ = 0, spent_ = 0, pause_ = 0, patience_ = kLeast;
};

}  // namespace lanewise
