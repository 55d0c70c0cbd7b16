// Where a thread of the pool may run. Linux often puts a thread that is woken on the processor of the one that wakes it, though another is
// idle, and leaves it there for as long as its owner computes: of 22 short fits on two processors 11 went on with one thread so.
#pragma once

#if defined(__linux__)
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace lanewise {

// Of one thread. All calls are made under one lock; what the system refuses is left as it is.
class Seat {
 public:
#if defined(__linux__)
  // By the thread itself, once.
  void take() { thread_ = (pid_t)syscall(SYS_gettid); }

  // By another thread, before it wakes this one: not here.
  void keepFromHere() {
    const int here = sched_getcpu();
    if (thread_ == 0 || here < 0 || here >= CPU_SETSIZE) return;
    if (!kept_ && sched_getaffinity(thread_, sizeof usual_, &usual_) != 0) return;
    others_ = usual_;
    CPU_CLR(here, &others_);
    if (CPU_COUNT(&others_) > 0 && sched_setaffinity(thread_, sizeof others_, &others_) == 0) kept_ = true;
  }

  // By the thread itself, awake: wherever it could run before, unless somebody has said otherwise in between (taskset).
  void release() {
    cpu_set_t now;
    const bool ours = kept_ && sched_getaffinity(0, sizeof now, &now) == 0 && CPU_EQUAL(&now, &others_);
    kept_ = false;
    if (!ours) return;
    // All, if that is what it was: a mask of its own would stay when a container is given other processors.
    cpu_set_t all;
    memset(&all, 0xff, sizeof all);
    sched_setaffinity(0, sizeof all, &all);
    if (sched_getaffinity(0, sizeof now, &now) != 0 || !CPU_EQUAL(&now, &usual_)) sched_setaffinity(0, sizeof usual_, &usual_);
  }

 private:
  pid_t thread_ = 0;
  bool kept_ = false;
  cpu_set_t usual_ = {}, others_ = {};
#else
  void take() {}
  void keepFromHere() {}
  void release() {}
#endif
};

}  // namespace lanewise
