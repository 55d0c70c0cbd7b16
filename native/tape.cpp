#include "tape.h"

#include <stdio.h>
#include <string.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <new>

#include "pool.h"
#include "rounding.h"
#include "scratch.h"
#include "sharing.h"
#include "signature.h"

namespace lanewise {
namespace {

const char* const kTypeNames[] = {"float32", "float64", "int32", "uint8"};

bool typeFits(char letter, DType type, DType command) {
  switch (letter) {
    case 'T': return type == command;
    case 'd': return type == DType::f64;
    case 'i': return type == DType::i32;
    case 'L': return type == DType::i32 || type == DType::u8;
    default: return true;  // A
  }
}

// Whether operand b may share memory with written operand a: not at all, or being exactly it where its role is 'i'.
bool aliasAllowed(const OperandSpec& spec, const char* a, int64_t aBytes, const char* b, int64_t bBytes) {
  if (aBytes == 0 || bBytes == 0 || a + aBytes <= b || b + bBytes <= a) return true;
  return spec.role == 'i' && a == b && aBytes == bBytes;
}

// Handing out work costs about half a microsecond; it must be small against what each thread gets to do.
const double kWorthSharing = 2500;
const int kTurns = 4;

#define REFUSE(...)                                      \
  do {                                                   \
    snprintf(error.text, sizeof error.text, __VA_ARGS__); \
    return 0;                                            \
  } while (0)

}  // namespace

int decode(const int32_t* words, int64_t length, LookupFn lookup, void* context, Command& out, ErrorText& error) {
  if (length < 2) REFUSE("tape: expected a command, received %lld words", (long long)length);
  if (words[0] < 0 || words[0] >= opCount()) REFUSE("tape: expected an op below %d, received %d", opCount(), words[0]);
  const OpInfo& op = opTable()[words[0]];
  if (length < op.words) REFUSE("%s: expected %d words, received %lld", op.name, op.words, (long long)length);
  if (words[1] != 0 && words[1] != 1) REFUSE("%s: expected dtype 0 or 1, received %d", op.name, words[1]);
  out.op = words[0];
  out.index = 0;
  out.joined = false;
  out.dtype = (DType)words[1];
  out.scratch = nullptr;
  out.failure = nullptr;
  out.kept = nullptr;
  out.legs = nullptr;
  const int32_t* ints = words + 2 + 2 * op.operandCount;
  for (int i = 0; i < op.intCount; i++) {
    if (ints[i] < 0 || ints[i] >= op.below[i]) {
      REFUSE("%s: expected parameter %d from 0 to %lld, received %d", op.name, i, (long long)op.below[i] - 1, ints[i]);
    }
    out.n[i] = ints[i];
  }
  memcpy(out.d, ints + op.intCount, 8 * op.doubleCount);
  int64_t bytes[kMaxOperands];
  for (int i = 0; i < op.operandCount; i++) {
    const OperandSpec& spec = op.operands[i];
    const int32_t number = words[2 + 2 * i];
    const int64_t offset = words[3 + 2 * i];
    BufferView view;
    if (!lookup(context, number, view)) REFUSE("%s: expected a live buffer for operand %d, received number %d", op.name, i, number);
    if (!typeFits(spec.type, view.type, out.dtype)) REFUSE("%s: operand %d cannot be %s", op.name, i, kTypeNames[(int)view.type]);
    const int64_t extent = extentOf(spec, out.n);
    if (extent < 0 || offset < 0 || extent > view.length || offset > view.length - extent) {
      REFUSE("%s: operand %d expected %lld elements from %lld, received a buffer of %lld", op.name, i, (long long)extent,
             (long long)offset, (long long)view.length);
    }
    const int64_t size = bytesOf(view.type);
    out.types[i] = view.type;
    out.p[i] = (char*)view.data + offset * size;
    bytes[i] = extent * size;
  }
  if (op.rule) {
    const char* expected = op.rule(out);
    if (expected) REFUSE("%s: expected %s", op.name, expected);
  }
  for (int w = 0; w < op.operandCount; w++) {
    if (!writes(op.operands[w])) continue;
    for (int i = 0; i < op.operandCount; i++) {
      if (i == w || (i < w && writes(op.operands[i]))) continue;
      if (!aliasAllowed(op.operands[i], (char*)out.p[w], bytes[w], (char*)out.p[i], bytes[i])) {
        REFUSE("%s: operands %d and %d overlap", op.name, w, i);
      }
    }
  }
  return op.words;
}

Plan prepare(Command& c, const Kernel* kernels, int threads, LegShares* legs) {
  c.kernel = &kernels[2 * c.op + (int)c.dtype];
  const auto planFor = [&](int sharing) {
    Plan plan = {};
    plan.threads = sharing;
    plan.turns = kTurns;
    plan.legs = legs != nullptr;
    c.kernel->plan(c, plan);
    return plan;
  };
  Plan plan = planFor(threads);
  c.threaded = threads > 1 && plan.units > 1 && plan.nanoseconds > kWorthSharing;
  if (plan.leg > 0 && !c.threaded) plan = planFor(1);
  (Division&)c = plan;
  c.legs = c.threaded && c.leg > 0 ? legs : nullptr;
  plan.scratch = (plan.scratch + 63) / 64 * 64;
  plan.kept = c.legs ? (plan.kept + 63) / 64 * 64 : 0;
  return plan;
}

namespace {

Job jobOf(const Command& c) {
  return {c,
          [](void* context, int64_t begin, int64_t end) {
            const Command& command = *(const Command*)context;
            command.kernel->run(command, begin, end);
          },
          (void*)&c};
}

}  // namespace

void execute(const Command& c, int threads) {
  if (c.threaded) {
    if (c.legs) sharesOf(threads, c.legs->ends);
    parallelFor(threads, jobOf(c));
  } else if (c.units > 0) {
    c.kernel->run(c, 0, c.units);
  }
  if (c.kernel->finish) c.kernel->finish(c);
}

Tape* Tape::bind(const int32_t* words, int64_t count, LookupFn lookup, void* context, const Kernel* kernels, int threads,
                 ErrorText& error) {
  std::unique_ptr<Tape> tape(new Tape);
  tape->ways_.reserve(20);  // so that none is lost with what it keeps
  tape->ways_.push_back({1, {}, nullptr});
  std::vector<Command>& alone = tape->ways_[0].commands;
  for (int64_t at = 0; at < count;) {
    Command c;
    const int used = decode(words + at, count - at, lookup, context, c, error);
    if (used == 0) return nullptr;
    tape->scratchBytes_ = std::max(tape->scratchBytes_, prepare(c, kernels, 1, nullptr).scratch);
    c.index = (int32_t)alone.size();
    alone.push_back(c);
    at += used;
  }
  for (int some = threads; some > 1; some = (some + 1) / 2)
    if (tape->share(some, kernels, &tape->legs_) && tape->ways_.back().hasLegs()) tape->share(some, kernels, nullptr);
  tape->trial_.choose((int)tape->ways_.size());
  // Commands run one after another: they share the scratch.
  if (tape->scratchBytes_ > 0) {
    tape->scratch_ = allocateScratch(tape->scratchBytes_);
    if (!tape->scratch_) throw std::bad_alloc();
  }
  for (Way& way : tape->ways_) {
    for (Command& c : way.commands) {
      c.scratch = tape->scratch_;
      c.failure = &tape->failure_;
    }
  }
  return tape.release();
}

bool Tape::Way::hasLegs() const {
  return std::any_of(commands.begin(), commands.end(), [](const Command& c) { return c.legs != nullptr; });
}

// Adds a way of so many threads, where it can pay.
bool Tape::share(int threads, const Kernel* kernels, LegShares* legs) {
  Way way = {threads, ways_[0].commands, nullptr};
  std::vector<Plan> plans;
  for (Command& c : way.commands) plans.push_back(prepare(c, kernels, threads, legs));
  if (!sharingPays(way.commands)) {
    shareMore(way.commands);
    if (!sharingPays(way.commands)) return false;
  }
  for (const Plan& plan : plans) scratchBytes_ = std::max(scratchBytes_, plan.scratch);
  keep(way, plans);
  joinJobs(way.commands);
  ways_.push_back(std::move(way));
  return true;
}

// Memory for what commands keep, where nobody else in the tape changes what it is made from.
void Tape::keep(Way& way, const std::vector<Plan>& plans) {
  size_t total = 0;
  for (const Plan& plan : plans) total += plan.kept;
  if (total == 0) return;
  way.kept = allocateScratch(total);
  if (!way.kept) return;
  memset(way.kept, 0, total);
  char* next = way.kept;
  for (size_t i = 0; i < plans.size(); i++) {
    if (plans[i].kept == 0) continue;
    if (!writtenByOthers(way.commands, i, plans[i].keptOf)) way.commands[i].kept = next;
    next += plans[i].kept;
  }
}

Tape::~Tape() {
  freeScratch(scratch_);
  for (const Way& way : ways_) freeScratch(way.kept);
}

// Nanoseconds from one look at the clock to the next, about.
static const double kLookEvery = 1e5;

RunResult Tape::run(int64_t steps, double milliseconds, const std::atomic<bool>* stop) {
  const IeeeMode mode;
  typedef std::chrono::steady_clock Clock;
  typedef std::chrono::duration<double, std::nano> Nanoseconds;
  const Clock::time_point start = Clock::now();
  Clock::time_point last = start;
  RunResult result = {0, -1, 0, 0};
  failure_.set = 0;
  const bool shares = ways_.size() > 1;
  int before = -1;  // the way of the step before
  int64_t nextLook = 1;  // the step after which the clock is read next: to read it takes as long as a small command
  while (result.steps < steps) {
    const int number = shares ? trial_.way() : 0;
    const bool follows = before == number;
    if (legs_.follows != follows) legs_.follows = follows;
    before = number;
    const std::vector<Command>& commands = ways_[(size_t)number].commands;
    const int threads = ways_[(size_t)number].threads;
    for (size_t i = 0; i < commands.size(); i++) {
      const Command& c = commands[i];
      if (c.joined) parallelForBoth(threads, jobOf(c), jobOf(commands[++i]), c.joinedAt);
      else execute(c, threads);
      if (__builtin_expect(__atomic_load_n(&failure_.set, __ATOMIC_RELAXED), 0)) {
        result.command = c.index;
        result.position = failure_.position;
        result.value = failure_.value;
        return result;
      }
    }
    result.steps++;
    if (stop && stop->load(std::memory_order_relaxed)) break;
    if (!shares && (milliseconds <= 0 || result.steps < nextLook)) continue;
    const Clock::time_point now = Clock::now();
    if (shares) trial_.took(Nanoseconds(now - last).count());
    last = now;
    const double elapsed = Nanoseconds(now - start).count();
    if (milliseconds > 0 && elapsed >= milliseconds * 1e6) break;
    nextLook = result.steps + 1 + (int64_t)(kLookEvery * (double)result.steps / (elapsed + 1));
  }
  return result;
}

}  // namespace lanewise
