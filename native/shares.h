// How much of a job each thread of the pool gets: as much as its processor is faster. Processors are seldom equal: efficient
// and fast ones, a neighbour on the other half of one, a slice of somebody's machine. Shares change slowly and are the same for
// all commands, so that what a thread wrote in one command is still in its cache in the next. They never change results.
#pragma once
#include <stdint.h>

#include <atomic>
#include <chrono>

namespace lanewise {

enum { kMaxThreads = 256 };

// What one thread got done, and how long it took; written by it alone, read by the job's owner once it has left.
struct Done {
  double work = 0;         // nanoseconds, as planned
  double nanoseconds = 0;  // as measured
};

class Shares {
 public:
  // Reading the clock costs as much as a small command's last element: one job in a few is enough. Not one in a power of two,
  // which could be the same command in each step.
  static bool measures(uint64_t job) { return job % 7 == 0; }
  static double now() {
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }

  // Where the share of each of `threads` ends, as a fraction of the whole.
  void cuts(int threads, double* ends) const {
    double sum = 0;
    for (int i = 0; i < threads; i++) ends[i] = sum += weight_[i].load(std::memory_order_relaxed);
    for (int i = 0; i < threads; i++) ends[i] /= sum;
    ends[threads - 1] = 1;
  }

  // Called by the owner after a measured job, with done(i) of each thread. After some jobs the weights move halfway to the
  // speeds that were seen, where these differ by more than they vary.
  template <class F>
  void learn(int threads, F done) {
    if (++jobs_ % kJobs != 0) return;
    double speed[kMaxThreads], mean = 0;
    bool all = true;
    for (int i = 0; i < threads; i++) {
      const Done& d = done(i);
      all = all && d.nanoseconds > 0;
      speed[i] = d.work / d.nanoseconds;
      mean += speed[i] / threads;
    }
    for (int i = 0; i < threads; i++) done(i) = {};
    for (int i = 0; all && i < threads; i++) {
      const double seen = speed[i] / mean, now = weight_[i].load(std::memory_order_relaxed);
      const double bounded = seen < kLeast ? kLeast : seen > kMost ? kMost : seen;
      if (bounded > now * kDiffers || now > bounded * kDiffers) weight_[i].store((now + bounded) / 2, std::memory_order_relaxed);
    }
  }

 private:
  enum { kJobs = 32 };
  // A thread that was put off its processor looks slow for once: it is not given up.
  static constexpr double kLeast = 0.5, kMost = 2, kDiffers = 1.03;
  struct Weight : std::atomic<double> {
    Weight() : std::atomic<double>(1) {}
  };
  Weight weight_[kMaxThreads];
  int jobs_ = 0;
};

}  // namespace lanewise
