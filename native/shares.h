// How much of a job each thread of the pool gets: as much as its processor is faster. Processors are seldom equal: efficient
// and fast ones, a neighbour on the other half of one, a slice of somebody's machine. Shares change seldom and are the same for
// all commands, so that what a thread wrote in one command is still in its cache in the next. They never change results.
#pragma once
#include <stdint.h>

#include <atomic>
#include <chrono>

#include "pool.h"

namespace lanewise {

// What one thread got done, and how long it took; written by it alone, read by the job's owner once it has left.
struct Done {
  double work = 0;         // nanoseconds, as planned
  double nanoseconds = 0;  // as measured
};

class Shares {
 public:
  // Reading the clock costs as much as a small command's last element: one job in four is enough. By the golden ratio, so that whatever
  // the number of a step's jobs is, each of them has its turns.
  static bool measures(uint64_t job) { return (uint32_t)job * 2654435769u < 1u << 30; }
  static double now() {
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }

  // Where the share of each of `threads` ends, as a fraction of the whole. The owner's is the last, and a job may be for fewer than another:
  // what is known of a thread is kept by how far from the last it is.
  void cuts(int threads, double* ends) const {
    double sum = 0;
    for (int i = 0; i < threads; i++) ends[i] = sum += weight(threads - 1 - i);
    for (int i = 0; i < threads; i++) ends[i] /= sum;
    ends[threads - 1] = 1;
  }

  // Called by the owner after a measured job, with done(i) of each thread. After some jobs the weights move halfway to the speeds that were
  // seen, where these differ by more than they vary. What a thread shows in a few jobs in a row, far from its weight, it gets at once: a tape
  // that finds its threads slow goes on alone, and tries them for a dozen steps only.
  template <class F>
  void learn(int threads, F done) {
    const double mean = meanSpeed(threads, done);
    double weights = 0;
    for (int i = 0; i < threads; i++) weights += weight(i) / threads;
    for (int i = 0; i < threads; i++) {
      Done& d = done(threads - 1 - i);
      Seen& s = seen_[i];
      s.work += d.work;
      s.nanoseconds += d.nanoseconds;
      if (mean > 0) s.compare(d.work / d.nanoseconds / mean * weights / weight(i));
      if (s.row == kFew || s.row == -kFew) {
        set(i, weight(i) * s.ratios / kFew, 1);
        s.row = 0;
      }
      d = {};
    }
    if (++jobs_ % kJobs == 0) settle(threads);
  }

 private:
  enum { kJobs = 56, kFew = 6 };
  // A thread that was put off its processor looks slow for once: it is not given up.
  static constexpr double kLeast = 0.5, kMost = 2, kDiffers = 1.03, kClear = 1.25;

  // What one thread got done since the weights moved halfway, and in how many jobs in a row it was much faster, or slower (negative), than its
  // weight says; how much, added up.
  struct Seen : Done {
    int row = 0;
    double ratios = 0;

    void compare(double ratio) {
      const int side = ratio > kClear ? 1 : ratio * kClear < 1 ? -1 : 0;
      if (side * row <= 0) row = 0, ratios = 0;
      row += side;
      ratios += ratio;
    }
  };

  // 0 where somebody's is not known.
  template <class F>
  static double meanSpeed(int threads, F done) {
    double mean = 0;
    for (int i = 0; i < threads; i++) {
      const Done& d = done(i);
      if (d.nanoseconds <= 0) return 0;
      mean += d.work / d.nanoseconds / threads;
    }
    return mean;
  }

  void settle(int threads) {
    const double mean = meanSpeed(threads, [this](int i) -> const Done& { return seen_[i]; });
    for (int i = 0; i < threads; i++) {
      Seen& s = seen_[i];
      if (mean > 0) set(i, s.work / s.nanoseconds / mean, 0.5);
      s.work = s.nanoseconds = 0;
    }
  }

  double weight(int i) const { return weight_[i].load(std::memory_order_relaxed); }
  // Moves it so far towards what was seen, if that differs.
  void set(int i, double seen, double part) {
    const double now = weight(i), bounded = seen < kLeast ? kLeast : seen > kMost ? kMost : seen;
    if (bounded > now * kDiffers || now > bounded * kDiffers) weight_[i].store(now + part * (bounded - now), std::memory_order_relaxed);
  }

  struct Weight : std::atomic<double> {
    Weight() : std::atomic<double>(1) {}
  };
  Weight weight_[kMaxThreads];
  Seen seen_[kMaxThreads];
  uint32_t jobs_ = 0;
};

}  // namespace lanewise
