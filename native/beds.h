// Where the helpers of the pool sleep, and how many of them a job calls.
#pragma once
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <mutex>

#include "seat.h"
#include "shares.h"

namespace lanewise {

class Beds {
 public:
  // By the helper itself, before it first sleeps.
  void take(int number) {
    std::lock_guard<std::mutex> lock(mutex_);
    beds_[number].seat.take();
  }

  // By the helper itself, unless called() holds: until call() calls it. If the job is over by then it looks for the next one for a while, as it is
  // not called for each.
  template <class F>
  void sleep(int number, const F& called) {
    Bed& bed = beds_[number];
    {
      std::unique_lock<std::mutex> lock(mutex_);
      sleepers_.fetch_add(1);
      bed.asleep.store(true);
      if (!called()) bed.wake.wait(lock);
      bed.asleep.store(false);
      sleepers_.fetch_sub(1);
    }
    bed.seat.release();
  }

  // Calls those of the first `count` helpers that sleep (who has no place in the job would only fall asleep again), as many as it is worth.
  void call(int count, double nanoseconds) {
    if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
    int most = worth(nanoseconds);
    for (int i = 0; i < count && most > 0; i++) {
      Bed& bed = beds_[i];
      if (!bed.asleep.load(std::memory_order_seq_cst)) continue;
      std::lock_guard<std::mutex> lock(mutex_);
      if (!bed.asleep.load(std::memory_order_relaxed)) continue;  // it saw the job by itself meanwhile
      bed.seat.keepFromHere();
      bed.wake.notify_one();
      most--;
    }
  }

 private:
  // Planned nanoseconds for which a helper is called: about what that takes the caller. And how long without a job ends what has come together.
  static constexpr double kWorthWaking = 20000, kIdle = 200000;

  // How many to call for a job of so many nanoseconds. The owner calls them one after another, before it begins: n threads cost it n times
  // kWorthWaking, and leave it an n-th of the job, so the root of the job by kWorthWaking is best. Short jobs that follow each other count together.
  int worth(double nanoseconds) {
    const double now = Shares::now();
    if (now - lastOwed_ > kIdle) owed_ = 0;
    lastOwed_ = now;
    owed_ += nanoseconds;
    if (owed_ < kWorthWaking) return 0;
    const double threads = std::sqrt(owed_ / kWorthWaking);
    owed_ = 0;
    return threads < kMaxThreads ? (int)threads : kMaxThreads;
  }

  struct Bed {
    Seat seat;                        // its helper's own while that is awake; else guarded by mutex_
    std::atomic<bool> asleep{false};  // changed under mutex_
    std::condition_variable wake;
  };
  std::mutex mutex_;
  std::atomic<int> sleepers_{0};
  double owed_ = 0, lastOwed_ = 0;    // the caller's: nanoseconds of jobs for which nobody was called, and when the last of them was
  Bed beds_[kMaxThreads];
};

}  // namespace lanewise
