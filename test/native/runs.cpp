#include "runs.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

namespace lanewise {
namespace {

// What runs, for the report.
struct Running {
  const Case* c = nullptr;
  const char* isa = "";
  int threads = 0;
  Side side = Side::end;
  std::unique_ptr<Guarded> operands[kMaxOperands], scratch, kept;
} running;

// All guarded memory of the run, by name.
template <class F>
void eachMemory(const F& f) {
  for (int i = 0; i < kMaxOperands; i++)
    if (running.operands[i]) f(*running.operands[i], running.c->operandName(i));
  if (running.scratch) f(*running.scratch, std::string("scratch"));
  if (running.kept) f(*running.kept, std::string("what is kept for the next step"));
  if (lastWorkspace()) f(*lastWorkspace(), std::string("the workspace"));
}

[[noreturn]] void fail(const std::string& what) {
  std::string text = what + "\n";
  if (running.c) {
    text = running.c->text() + ", " + running.isa + ", threads: " + std::to_string(running.threads) + ", memory that " +
           (running.side == Side::end ? "ends" : "begins") + " at unmapped pages: " + text;
  }
  // Not by stdio: this may be a signal's handler, and the process does not end in the usual way.
  _exit(write(STDOUT_FILENO, text.data(), text.size()) < 0 ? 2 : 1);
}

void onFault(int, siginfo_t* info, void*) {
  const char* at = (const char*)info->si_addr;
  if (!running.c) fail("fault in the test itself");
  eachMemory([&](const Guarded& memory, const std::string& name) {
    if (!memory.near(at)) return;
    const long long offset = (long long)(at - memory.data), size = (long long)memory.bytes;
    const std::string of = " " + name + " (" + std::to_string(size) + " bytes)";
    if (offset < 0) fail("access " + std::to_string(-offset) + " bytes before" + of);
    if (offset >= size) fail("access " + std::to_string(offset - size) + " bytes after the end of" + of);
    fail("write to byte " + std::to_string(offset) + " of" + of + ", which is only to be read");
  });
  fail("access far from all operands");
}

void place(const Case& c, Side side, char** addresses) {
  const OpInfo& op = c.info();
  for (int i = 0; i < op.operandCount; i++) {
    if (c.onto[i] >= 0) {
      addresses[i] = addresses[c.onto[i]];
      continue;
    }
    running.operands[i].reset(new Guarded((size_t)c.bytes(i), side));
    addresses[i] = running.operands[i]->data;
    if (c.bytes(i) > 0) memcpy(addresses[i], c.contents[i].data(), (size_t)c.bytes(i));
  }
}

// Units in random pieces, in random order.
void runPieces(const Command& c, Random& random) {
  std::vector<int64_t> cuts = {0, c.units};
  for (int64_t more = random.below(12); more > 0; more--) cuts.push_back(random.below(c.units + 1));
  std::sort(cuts.begin(), cuts.end());
  std::vector<std::pair<int64_t, int64_t>> pieces;
  for (size_t i = 0; i + 1 < cuts.size(); i++)
    if (cuts[i] < cuts[i + 1]) pieces.insert(pieces.begin() + random.below((int64_t)pieces.size() + 1), {cuts[i], cuts[i + 1]});
  for (const auto& piece : pieces) c.kernel->run(c, piece.first, piece.second);
}

// Units in any order that Division allows.
void runLegs(const Command& c, Random& random) {
  const int64_t count = c.units / c.leg;
  std::vector<int64_t> next(count, 0);
  for (int64_t done = 0; done < c.units;) {
    const int64_t leg = random.below(count), unit = next[leg];
    const bool free = unit < c.freeEnds || unit >= c.leg - c.freeEnds;
    if (unit == c.leg || (leg > 0 && !free && next[leg - 1] <= unit)) continue;
    c.kernel->run(c, leg * c.leg + unit, leg * c.leg + unit + 1);
    next[leg]++;
    done++;
  }
}

// As Tape does, but divided even where that does not pay.
void divide(Command& c, const Kernel* kernels, int threads, Side side, LegShares& legs, Random& random) {
  c.kernel = &kernels[2 * c.op + (int)c.dtype];
  Plan plan = {};
  plan.threads = threads;
  plan.turns = 4;
  plan.legs = !random.oneIn(4);
  c.kernel->plan(c, plan);
  (Division&)c = plan;
  c.threaded = threads > 1;
  c.legs = threads > 1 && plan.leg > 0 ? &legs : nullptr;
  double end = 0;  // legs end anywhere
  for (int i = 0; i < kMostLegs; i++) legs.ends[i] = end = i + 1 < threads ? end + (1 - end) * (double)random.below(100) / 100 : 1;
  if (plan.scratch > 0) running.scratch.reset(new Guarded(plan.scratch, side, 64));
  if (running.scratch) memset(running.scratch->data, 0xFF, plan.scratch);
  if (c.legs && plan.kept > 0) running.kept.reset(new Guarded(plan.kept, side, 64));
  if (running.kept) memset(running.kept->data, 0, plan.kept);
  c.scratch = running.scratch ? running.scratch->data : nullptr;
  c.kept = running.kept ? running.kept->data : nullptr;
}

// Operands that are only read are so while the command runs.
void step(const Case& c, const Command& command, int threads, Random& random) {
  const auto protect = [&](bool on) {
    for (int i = 0; i < c.info().operandCount; i++)
      if (running.operands[i] && !writes(c.info().operands[i])) running.operands[i]->readOnly(on);
  };
  protect(true);
  if (command.legs) runLegs(command, random);
  else if (threads > 1) runPieces(command, random);
  else if (command.units > 0) command.kernel->run(command, 0, command.units);
  if (command.kernel->finish) command.kernel->finish(command);
  protect(false);
}

// What a command has kept is for the step that follows, if the cursor has gone on by its rows, the first parameter. Cursors are single whole
// numbers that are read; it does no harm to others of that kind.
void moveCursors(const Case& c, char* const* addresses) {
  for (int i = 0; i < c.info().operandCount; i++) {
    const OperandSpec& spec = c.info().operands[i];
    if (spec.role != 'r' || spec.type != 'i' || spec.factorCount > 0 || c.lengths[i] != 1) continue;
    int32_t at;
    memcpy(&at, addresses[i], sizeof at);
    at = (int32_t)((uint32_t)at + (uint32_t)c.ints[0]);
    memcpy(addresses[i], &at, sizeof at);
  }
}

}  // namespace

void reportFaults() {
  struct sigaction action = {};
  action.sa_sigaction = onFault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
}

bool runGuarded(const Case& c, const Isa& isa, int threads, Side side, Random& random) {
  running = {};
  running.c = &c;
  running.isa = isa.name;
  running.threads = threads;
  running.side = side;
  guardWorkspace(side);
  char* addresses[kMaxOperands];
  place(c, side, addresses);
  Command command;
  LegShares legs = {};
  Failure failure = {0, 0, 0, 0};
  if (!c.decodeAt(addresses, command)) fail("refused");
  divide(command, isa.kernels, threads, side, legs, random);
  command.failure = &failure;
  step(c, command, threads, random);
  if (command.kept) {
    legs.follows = true;
    moveCursors(c, addresses);
    step(c, command, threads, random);
  }
  eachMemory([](const Guarded& memory, const std::string& name) {
    if (!memory.intact()) fail("write outside of " + name + " (" + std::to_string(memory.bytes) + " bytes), in its first or last page");
  });
  running = {};
  return failure.set == 0;
}

}  // namespace lanewise
