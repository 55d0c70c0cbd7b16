// Calls every op of the native backend with operands that end, or begin, right at unmapped memory, on each instruction set, with random
// sizes, types, contents and divisions, to find accesses outside of them; before that, how a tape
// chooses among its ways and the threads' parts follow their speeds (trials.h).
// usage: guard [CASES, 6000] [SEED, 1] [FIRST, 0]     Ends with "N cases, no access outside of operands", or with 1 and what was wrong.
// A case hangs on the seed and its number alone: `guard 1 SEED NUMBER` repeats it.
#include <stdio.h>
#include <stdlib.h>

#include "rounding.h"
#include "runs.h"
#include "trials.h"

using namespace lanewise;

namespace {

// One case in so many is far, since these take long. A prime, so that all ops have their turn.
const int64_t kFarEvery = 149;

// Ops in turn, each as often as it has operands: with more of them there is more to go wrong.
std::vector<int32_t> turns() {
  std::vector<int32_t> list;
  for (int operand = 0; operand < kMaxOperands; operand++)
    for (int32_t op = 0; op < opCount(); op++)
      if (operand < opTable()[op].operandCount) list.push_back(op);
  return list;
}

// A case with good indices, mostly: where one is bad little is done. (A far one, which takes long, with any.)
bool draw(Kind kind, const Isa* isas, int count, Random& random, Case& c) {
  for (int64_t tries = kind == Kind::far || random.oneIn(8) ? 1 : 20; tries > 0; tries--) {
    if (!drawCase(kind, isas, count, random, c)) return false;
    if (kind == Kind::far || runGuarded(c, isas[0], 1, Side::end, random)) break;
  }
  return true;
}

// On each instruction set, at both sides, whole and divided; a far one divided and at one side.
void runEverywhere(const Case& c, Kind kind, const Isa* isas, int count, Random& random) {
  const Side only = random.oneIn(2) ? Side::end : Side::start;
  for (int i = 0; i < count; i++) {
    for (const Side side : {Side::end, Side::start}) {
      if (kind == Kind::far && side != only) continue;
      if (kind != Kind::far) runGuarded(c, isas[i], 1, side, random);
      runGuarded(c, isas[i], c.threads, side, random);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t cases = argc > 1 ? atoll(argv[1]) : 6000;
  const uint64_t seed = argc > 2 ? strtoull(argv[2], nullptr, 10) : 1;
  const int64_t first = argc > 3 ? atoll(argv[3]) : 0;
  const IeeeMode mode;  // which Tape::run sets for kernels
  Isa isas[4];
  const int count = availableIsas(isas);
  const std::vector<int32_t> ops = turns();
  if (!trialsSettle() || !sharesFollow()) return 1;
  reportFaults();
  for (int64_t i = first; i < first + cases; i++) {
    Random random = {std::mt19937_64(seed * 1000000007 + (uint64_t)i)};
    Case c;
    c.number = i;
    c.seed = seed;
    c.op = ops[(size_t)i % ops.size()];
    const Kind kind = i % kFarEvery == kFarEvery - 1 ? Kind::far : random.oneIn(3) ? Kind::legs : Kind::usual;
    if (!draw(kind, isas, count, random, c)) {
      printf("%s: no command with random parameters was accepted\n", c.info().name);
      return 1;
    }
    runEverywhere(c, kind, isas, count, random);
  }
  printf("%lld cases, no access outside of operands\n", (long long)cases);
}
