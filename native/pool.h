// The one pool of threads of the process.
#pragma once
#include <stdint.h>

#include <atomic>

#include "command.h"

namespace lanewise {

enum { kMaxThreads = 256 };  // as MOST in src/backend/threads.ts

typedef void (*RangeFn)(void* context, int64_t begin, int64_t end);

// Set by work on libuv's pool: it has its threads.
extern std::atomic<bool> libuvRuns;

// Where the share of each of at most kMostLegs threads ends at the moment, as a fraction of the whole (see shares.h), and 1 up to the
// last of kMostLegs `ends`. Writes only what has changed, so that the threads keep their copies.
void sharesOf(int threads, double* ends);

struct Job {
  const Division& division;
  RangeFn fn;
  void* context;
};

// Calls fn over all of [0, units) from up to `threads` threads, the calling one among them: as many as the planned nanoseconds are worth.
// If the pool is busy with another caller's work, the caller does it all alone: jobs never wait for each other.
void parallelFor(int threads, const Job& job);

// The same for two jobs of which the second reads, by units, what the first writes, `offset` bytes on: no thread waits between them
// for others but at the edges of its range. Neither is in legs.
void parallelForBoth(int threads, const Job& first, const Job& second, int64_t offset);

}  // namespace lanewise
