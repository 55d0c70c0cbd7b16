#include "pool.h"

#include "beds.h"
#include "command.h"
#include "room.h"
#include "rounding.h"
#include "shares.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <new>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(_WIN32)
#include <windows.h>
#elif defined(__APPLE__)
#include <dlfcn.h>
#endif

namespace lanewise {
namespace {

// Node unloads the addon when the last thread that loaded it ends, though the helpers' code is in it. On Linux the linker is
// told that it stays (-z nodelete).
void keepLoaded() {
#if defined(_WIN32)
  HMODULE module;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (LPCWSTR)&keepLoaded, &module);
#elif defined(__APPLE__)
  Dl_info info;
  if (dladdr((const void*)&keepLoaded, &info)) dlopen(info.dli_fname, RTLD_NOW | RTLD_NODELETE);
#endif
}

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// How long an idle helper looks for work before it sleeps: long against the serial stretches of a training step
// (about 10 µs), short against what a sleeping machine would notice.
const int kSpins = 4000, kYields = 200;
// How long the owner of a job in legs looks for the helper that is to begin: an awake one comes within 0.2 µs.
const int kGrace = 200;
// Planned nanoseconds that are worth a thread more, which costs all some steps at the gate.
const double kWorthJoining = 1250;
// How long a thread looks on whether another takes the next turn of its range, before it takes that turn: some 10 µs.
const int kPatience = 500;

template <class F>
void waitUntil(const F& ready) {
  for (int i = 0; !ready(); i++) {
    if (i < kSpins) pause();
    else std::this_thread::yield();
  }
}

// The units of one job that lie in one range: taken are those before `next`, `chunk` at a time.
struct Part {
  std::atomic<int64_t> next{0};
  int64_t end = 0, chunk = 1;
};

// Every participant has a range of its own, the same part of each job: what a thread wrote in one command (a part of the
// gradient) it reads in the next (the optimizer), from its own cache. Taking turns instead cost more than two threads gained.
// The owner's is the last: it also runs the commands that are not shared, which read what the last leg wrote and, in a flat buffer of
// parameters, the small ones of the last layers.
struct alignas(64) Range {
  Part parts[2];                     // of the first job and of the second, if there are two
  std::atomic<uint64_t> arrived{0};  // the job that its participant has come to
  std::atomic<int64_t> left{0};      // units of the first job that have not ended, where there is a second
  int last = 0;                      // the range whose first job this range's second must wait for, with those between
  Done done;
};

// What is to be done, and its nanoseconds a unit, as planned.
struct Stage {
  RangeFn fn = nullptr;
  void* context = nullptr;
  double unit = 0;
};

// How far a leg has come: the number of the job, and in the last 16 bits how many of its units have ended, which they do in order. One number,
// not one for each unit: whoever follows far behind reads it once for several units, and each reading fetches a line from another core.
struct alignas(64) Leg {
  std::atomic<uint64_t> reached{0};
};

// The job is guarded by `gate`: bit 0 says it is open, bits 1 to 15 count the helpers inside, the rest numbers the jobs.
// The owner changes the job's fields only while the gate is shut and nobody is inside, so a helper that comes late, or was
// put off the processor, finds it shut, or another job, which may be for fewer; nobody waits for a helper that never came.
struct alignas(64) Pool {
  // What a helper reads first, in one line.
  std::atomic<uint64_t> gate{0};
  Stage first;
  int64_t leg = 0, freeEnds = 0;
  int threads = 0;
  bool both = false;                // whether there is a second
  std::atomic<int> invited{0};      // helpers numbered below this may join

  Stage second;
  Range ranges[kMaxThreads];
  Leg legs[kMostLegs];
  Shares shares;
  std::mutex owner;
  int helpers = 0;                  // started so far
  int jobsToWait = 0;               // before the system, which has refused a thread, is asked again
  Beds beds;

  // Until so many units of leg h have ended. `known` is what was read of it before.
  void await(int64_t h, uint64_t job, int64_t units, uint64_t& known) const {
    const uint64_t wanted = job << 16 | (uint64_t)units;
    if (known < wanted) waitUntil([&] { return (known = legs[h].reached.load(std::memory_order_acquire)) >= wanted; });
  }

  // One unit in its leg, after the one before it, which another thread may have taken; `known` is of the leg before. Nobody waits forever:
  // the owner goes through the legs in order, so whatever it waits for has been taken, and the lowest unit that has been taken and not
  // ended waits for nothing.
  void unitOfLeg(int64_t unit, uint64_t job, uint64_t& known) {
    const int64_t h = unit / leg, place = unit % leg;
    uint64_t own = 0;
    if (place > 0) await(h, job, place, own);
    if (h > 0 && place >= freeEnds && place < leg - freeEnds) await(h - 1, job, place + 1, known);
    first.fn(first.context, unit, unit + 1);
    legs[h].reached.store(job << 16 | (uint64_t)(place + 1), std::memory_order_release);
  }

  // The owner's leg waits for those before: it does them itself where nobody comes.
  void legsBefore(int own, uint64_t job) {
    for (int h = 0; h < own; h++) {
      Range& range = ranges[h];
      uint64_t known = 0;
      for (int i = 0; i < kGrace && range.arrived.load(std::memory_order_relaxed) != job; i++) pause();
      while (range.arrived.load(std::memory_order_relaxed) != job) {
        const int64_t unit = range.parts[0].next.fetch_add(1, std::memory_order_relaxed);
        if (unit >= range.parts[0].end) break;
        unitOfLeg(unit, job, known);
      }
    }
  }

  // What a turn of the second job reads has been written: by its own range, and where it is the range's last turn by those after it. Nobody
  // waits forever: whoever has taken a turn of the first job waits for nothing, and the owner's range, the last, waits for itself alone, so
  // that the owner comes to take what absent helpers have left.
  void awaitFirst(int r, bool lastTurn) const {
    for (int i = r; i <= (lastTurn ? ranges[r].last : r); i++)
      waitUntil([&] { return ranges[i].left.load(std::memory_order_acquire) == 0; });
  }

  // Whether a participant that is at work on its range takes no turn for long, and has more than two before it. What is less is left to it,
  // and so is its leg: to help moves data to another cache, and back in the next step, where that makes it late again.
  bool isLate(const Part& part) const {
    if (leg > 0) return false;
    int64_t seen = -1;
    for (int i = 0; i < kPatience; i++, pause()) {
      const int64_t next = part.next.load(std::memory_order_relaxed);
      if (part.end - next <= 2 * part.chunk) return false;
      if (next != seen) seen = next, i = 0;
    }
    return true;
  }

  // Takes turns at a range; returns the nanoseconds planned for what was done. Own range to its end; of others' what is left.
  double turns(bool isSecond, int r, bool own, uint64_t job) {
    Range& range = ranges[r];
    Part& part = range.parts[isSecond];
    const Stage& stage = isSecond ? second : first;
    const bool arrived = !own && range.arrived.load(std::memory_order_relaxed) == job;
    int64_t units = 0;
    uint64_t known = 0;
    while (!arrived || isLate(part)) {
      if (!own && part.next.load(std::memory_order_relaxed) >= part.end) break;  // without taking the line from the others
      const int64_t begin = part.next.fetch_add(part.chunk, std::memory_order_relaxed);
      if (begin >= part.end) break;
      const int64_t end = begin + part.chunk < part.end ? begin + part.chunk : part.end;
      if (isSecond) awaitFirst(r, end == part.end);
      if (leg > 0) {
        for (int64_t unit = begin; unit < end; unit++) unitOfLeg(unit, job, known);
      } else {
        stage.fn(stage.context, begin, end);
      }
      if (both && !isSecond) range.left.fetch_sub(end - begin, std::memory_order_release);
      units += end - begin;
    }
    return (double)units * stage.unit;
  }

  // Own range first, then what is left of the others': a helper that never came, or is slow, costs little.
  void work(int self) {
    const uint64_t job = gate.load(std::memory_order_relaxed) >> 16;  // the same while somebody is inside
    const int own = threads - 1 - self;
    ranges[own].arrived.store(job, std::memory_order_relaxed);
    if (self == 0 && leg > 0) legsBefore(own, job);
    const bool measured = leg == 0 && Shares::measures(job);  // a leg waits for others
    const double start = measured ? Shares::now() : 0;
    double done = 0;
    const int jobs = both ? 2 : 1;
    for (int s = 0; s < jobs; s++) done += turns(s == 1, own, true, job);
    if (measured && done > 0) ranges[own].done = {done, Shares::now() - start};  // without what follows, which is waiting too
    for (int s = 0; s < jobs; s++)
      for (int i = 1; i < threads; i++) turns(s == 1, (own + i) % threads, false, job);
  }

  // Whether helper `number` is inside a job that it has not seen. Only there does it know how many the job is for: `invited` may have been
  // another's.
  bool enter(int number, uint64_t& seen) {
    uint64_t g = gate.load(std::memory_order_acquire);
    while ((g & 1) && g >> 16 != seen) {
      if (!gate.compare_exchange_weak(g, g + 2, std::memory_order_acq_rel)) continue;
      seen = g >> 16;
      if (number + 1 < threads) return true;
      gate.fetch_sub(2, std::memory_order_release);
      return false;
    }
    return false;
  }

  void helper(int number) {
    const IeeeMode mode;
    uint64_t seen = 0;
    beds.take(number);
    for (;;) {
      bool mine = false;
      for (int i = 0; i < kSpins + kYields && !mine; i++) {
        mine = number < invited.load(std::memory_order_relaxed) && enter(number, seen);
        if (mine) break;
        if (i < kSpins) pause();
        else std::this_thread::yield();
      }
      if (!mine) {
        beds.sleep(number, [&] {
          const uint64_t g = gate.load();
          return number < invited.load() && (g & 1) && g >> 16 != seen;
        });
        continue;
      }
      work(number + 1);
      gate.fetch_sub(2, std::memory_order_release);
    }
  }

  // Starts helpers up to `wanted`; fewer if the system refuses. To be refused takes as long as a small command.
  void grow(int wanted) {
    if (helpers >= wanted) return;
    if (jobsToWait > 0) {
      jobsToWait--;
      return;
    }
    if (helpers == 0) keepLoaded();
    Room room;
    try {
      if (!libuvRuns) room.take();
      while (helpers < wanted && helpers < kMaxThreads - 1) {
        std::thread(&Pool::helper, this, helpers).detach();
        helpers++;
      }
    } catch (const std::exception&) {  // no thread, or no memory for one
      jobsToWait = 1000;
    }
  }

  static Stage stageOf(const Job& job) { return {job.fn, job.context, job.division.nanoseconds / (double)job.division.units}; }

  // Range `part` is units [from, to), in `turns` turns.
  static void cut(Part& part, int64_t from, int64_t to, int turns) {
    part.next.store(from, std::memory_order_relaxed);
    part.end = to;
    part.chunk = to > from ? (to - from + turns - 1) / turns : 1;
  }

  // The second job is cut where the first is or, as its units are others, after that.
  void cutSecond(const Division& a, const Division& b, int64_t offset) {
    int64_t from = 0;
    for (int i = 0; i < threads; i++) {
      const int64_t end = (offset + ranges[i].parts[0].end * a.unitBytes + b.unitBytes - 1) / b.unitBytes;
      const int64_t to = i + 1 == threads || end > b.units ? b.units : end;
      cut(ranges[i].parts[1], from, to, b.turns);
      from = to;
      int last = i;
      while (last + 1 < threads && offset + ranges[last].parts[0].end * a.unitBytes < to * b.unitBytes) last++;
      ranges[i].last = last;
    }
  }

  void run(int wanted, const Job& job, const Job* next, int64_t offset) {
    grow(wanted - 1);
    const Division& division = job.division;
    threads = wanted;
    leg = division.leg;
    freeEnds = division.freeEnds;
    first = stageOf(job);
    both = next != nullptr;
    double ends[kMaxThreads];
    if (leg == 0) shares.cuts(wanted, ends);
    for (int64_t i = 0, from = 0; i < wanted; i++) {
      // A leg is one turn: to take a unit is a locked instruction, which waits till all sums that the last one wrote have left the other core.
      const int64_t to = leg > 0 ? leg * (i + 1) : (int64_t)(ends[i] * (double)division.units + 0.5);
      cut(ranges[i].parts[0], from, to, leg > 0 ? 1 : division.turns);
      if (both) ranges[i].left.store(to - from, std::memory_order_relaxed);
      from = to;
    }
    if (both) {
      second = stageOf(*next);
      cutSecond(division, next->division, offset);
    }
    invited.store(wanted - 1, std::memory_order_relaxed);
    gate.fetch_add((1 << 16) + 1, std::memory_order_seq_cst);  // a new number, open
    beds.call(wanted - 1, division.nanoseconds + (both ? next->division.nanoseconds : 0));
    work(0);
    uint64_t g = gate.fetch_sub(1, std::memory_order_acq_rel) - 1;  // shut
    if (g & 0xfffe) waitUntil([&] { return !((g = gate.load(std::memory_order_acquire)) & 0xfffe); });
    if (leg == 0 && Shares::measures(g >> 16)) shares.learn(wanted, [this](int i) -> Done& { return ranges[i].done; });
  }
};

// Never destroyed: helpers may outlive main's static destructors. Null where there was no memory for it.
Pool* pool() {
  static Pool* instance = new (std::nothrow) Pool;
  return instance;
}

}  // namespace

std::atomic<bool> libuvRuns{false};

void sharesOf(int threads, double* ends) {
  double now[kMaxThreads];
  Pool* p = pool();
  if (p) p->shares.cuts(threads, now);
  for (int i = 0; i < kMostLegs; i++) {
    const double end = i >= threads ? 1 : p ? now[i] : (i + 1.0) / threads;
    if (ends[i] != end) ends[i] = end;
  }
}

namespace {

// How many threads a job is for: where it is neither in legs nor the first of two, no more than have something to do that is worth to come.
int wantedFor(int threads, const Division& division, bool both) {
  if (threads > kMaxThreads) threads = kMaxThreads;
  if (division.leg > 0 || both) return threads;
  if (threads > division.units) threads = (int)division.units;
  const double worth = 1 + division.nanoseconds / kWorthJoining;
  return threads <= worth ? threads : worth < 2 ? 2 : (int)worth;
}

bool shared(int threads, const Job& job, const Job* next, int64_t offset) {
  if (threads < 2 || job.division.units < 2) return false;
  Pool* p = pool();
  if (!p || !p->owner.try_lock()) return false;
  p->run(wantedFor(threads, job.division, next != nullptr), job, next, offset);
  p->owner.unlock();
  return true;
}

}  // namespace

void parallelFor(int threads, const Job& job) {
  if (!shared(threads, job, nullptr, 0)) job.fn(job.context, 0, job.division.units);
}

void parallelForBoth(int threads, const Job& first, const Job& second, int64_t offset) {
  if (shared(threads, first, &second, offset)) return;
  for (const Job* job : {&first, &second}) job->fn(job->context, 0, job->division.units);
}

}  // namespace lanewise
