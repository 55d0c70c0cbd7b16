// Which of the ways to share a tape's commands is the fastest, found out by trying another now and then. What threads gain depends on
// where the system puts them, with a cache in common or none, on the processor, and on who else computes, which changes while a program
// runs. Results are the same either way.
#pragma once
#include <stdint.h>

#include <algorithm>

namespace lanewise {

class Trial {
 public:
  // The number of a way; the first is that of one thread, and it begins with the second.
  int way() const { return way_; }
  void choose(int ways) {
    ways_ = ways;
    way_ = ways > 1 ? 1 : 0;
  }

  // After each step: how long it took.
  void took(double nanoseconds) {
    if (settling_ > 0) {
      settling_--;
      return;
    }
    recent_[count_++ % kSamples] = nanoseconds;
    spent_ += nanoseconds;
    const int samples = trying_ && isLong() ? kSamplesOfLong : kSamples;
    if (count_ < samples) return;
    if (!trying_) {
      if (spent_ < pause_) return;
      usual_ = median(samples);
      usualWay_ = way_;
      do tried_ = (tried_ + 1) % ways_;
      while (tried_ == way_);
      change(tried_);
    } else {
      const bool worse = median(samples) > usual_ * kBetter;
      failed_ = worse ? failed_ + 1 : 0;
      if (!worse) patience_ = kLeast;
      else if (failed_ % std::max(1, (ways_ - 1) / 2) == 0) patience_ = std::min(2 * patience_, usualWay_ == 0 ? kMostAlone : kMost);
      pause_ = patience_ * spent_ * kSamples / samples;
      if (worse) change(usualWay_);
      else restart(0);
    }
    trying_ = !trying_;
  }

 private:
  // Steps that are compared, and those before them in which data move to the caches of those who will use them. A trial costs the
  // slower way 12 steps, or 4 of a millisecond and more, which caches and most disturbances change less. It is repeated soon after it
  // changed something (the first ones may see threads that only begin: a fit went on alone for 900 steps), then after twice as long
  // each time that it does not (of many ways each time that half of them do not).
  enum { kSamples = 9, kSamplesOfLong = 3, kSettle = 3, kSettleOfLong = 1, kFirst = 30 };
  static constexpr double kLeast = 12, kMostAlone = 100, kMost = 800, kBetter = 0.97, kLong = 1e6;

  bool isLong() const { return usual_ > kLong; }

  void restart(int settling) {
    settling_ = settling;
    count_ = 0;
    spent_ = 0;
  }
  void change(int way) {
    way_ = way;
    restart(isLong() ? kSettleOfLong : kSettle);
  }
  double median(int samples) const {
    double sorted[kSamples];
    std::copy(recent_, recent_ + samples, sorted);
    std::nth_element(sorted, sorted + samples / 2, sorted + samples);
    return sorted[samples / 2];
  }

  int ways_ = 1, way_ = 0, usualWay_ = 0, tried_ = -1, failed_ = 0;
  bool trying_ = false;
  int settling_ = kFirst;
  int64_t count_ = 0;
  double recent_[kSamples] = {};
  double usual_ = 0, spent_ = 0, pause_ = 0, patience_ = kLeast;
};

}  // namespace lanewise
