// One run of a case in guarded memory.
#pragma once
#include "cases.h"
#include "cpu.h"
#include "memory.h"

namespace lanewise {

// From now on a bad access ends the process with 1, after a line that says what ran and where it went.
void reportFaults();

// Runs a case by the kernels of `isa`, divided as for `threads`. Ends the process with 1 if something is written where it may not
// be. There are no threads: what they would do at the same time is done in pieces, in an order that is drawn, since what a piece accesses
// does not hang on that. Returns whether the command found its indices good.
bool runGuarded(const Case& c, const Isa& isa, int threads, Side side, Random& random);

}  // namespace lanewise
