#include "tape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <new>

#include "pool.h"
#include "signature.h"

namespace lanewise {
namespace {

const char* const kTypeNames[] = {"float32", "float64", "int32", "uint8"};
const int64_t kTypeSizes[] = {4, 8, 4, 1};

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

bool writes(const OperandSpec& spec) { return spec.role == 'w' || spec.role == 'u'; }

// Handing out work costs about half a microsecond; it must be small against what each thread gets to do.
const double kWorthSharing = 2500;
const int kTurns = 4;
// A byte from one core's cache to another's and back: about 100 ns a line, ten lines at a time.
const double kNanosecondsMoved = 0.3;

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
  out.dtype = (DType)words[1];
  out.scratch = nullptr;
  out.failure = nullptr;
  out.kept = nullptr;
  out.lanes = nullptr;
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
    const int64_t size = kTypeSizes[(int)view.type];
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

Plan prepare(Command& c, const Kernel* kernels, int threads, LaneShares* lanes) {
  c.kernel = &kernels[2 * c.op + (int)c.dtype];
  const auto planFor = [&](int sharing) {
    Plan plan = {};
    plan.threads = sharing;
    plan.turns = kTurns;
    c.kernel->plan(c, plan);
    return plan;
  };
  Plan plan = planFor(threads);
  c.threaded = threads > 1 && plan.units > 1 && plan.nanoseconds > kWorthSharing;
  if (plan.lane > 0 && !c.threaded) plan = planFor(1);
  (Division&)c = plan;
  c.lanes = c.threaded && c.lane > 0 ? lanes : nullptr;
  plan.scratch = (plan.scratch + 63) / 64 * 64;
  plan.kept = c.lanes ? (plan.kept + 63) / 64 * 64 : 0;
  return plan;
}

void execute(const Command& c, int threads) {
  if (c.threaded) {
    if (c.lanes) sharesOf(threads, c.lanes->ends);
    parallelFor(
        threads, c,
        [](void* context, int64_t begin, int64_t end) {
          const Command& command = *(const Command*)context;
          command.kernel->run(command, begin, end);
        },
        (void*)&c);
  } else if (c.units > 0) {
    c.kernel->run(c, 0, c.units);
  }
  if (c.kernel->finish) c.kernel->finish(c);
}

char* allocateScratch(size_t bytes) {
  char* raw = (char*)malloc(bytes + 64 + sizeof(void*));
  if (!raw) return nullptr;
  char* p = (char*)(((uintptr_t)raw + sizeof(void*) + 63) & ~(uintptr_t)63);
  ((void**)p)[-1] = raw;
  return p;
}

void freeScratch(char* p) {
  if (p) free(((void**)p)[-1]);
}

namespace {

struct Range {
  const char *begin, *end;
  bool operator<(const Range& other) const { return begin < other.begin; }
};

Range rangeOf(const Command& c, int operand) {
  const char* begin = (const char*)c.p[operand];
  return {begin, begin + extentOf(opTable()[c.op].operands[operand], c.n) * kTypeSizes[(int)c.types[operand]]};
}

// Memory that threads share, as ranges that do not overlap.
struct Shared {
  std::vector<Range> ranges;

  void close() {
    std::sort(ranges.begin(), ranges.end());
    size_t last = 0;
    for (const Range& r : ranges) {
      if (r.begin <= ranges[last].end) ranges[last].end = std::max(ranges[last].end, r.end);
      else ranges[++last] = r;
    }
    ranges.resize(ranges.empty() ? 0 : last + 1);
  }
  int64_t bytesOf(const Range& own) const {
    int64_t bytes = 0;
    auto r = std::upper_bound(ranges.begin(), ranges.end(), own);
    if (r != ranges.begin()) --r;
    for (; r != ranges.end() && r->begin < own.end; ++r) {
      bytes += std::max<int64_t>(0, std::min(r->end, own.end) - std::max(r->begin, own.begin));
    }
    return bytes;
  }
};

bool overwrites(const Command& c, const Range& range) {
  for (int i = 0; i < opTable()[c.op].operandCount; i++) {
    const Range own = rangeOf(c, i);
    if (writes(opTable()[c.op].operands[i]) && own.begin < range.end && range.begin < own.end) return true;
  }
  return false;
}

// What threads write ends in several caches: a command that runs on one thread has to fetch their parts of it, and they what
// it writes. In a small step that costs more than the sharing gains: then all of it stays on one thread.
bool sharingPays(const std::vector<Command>& commands, int threads) {
  double gained = 0, moved = 0;
  Shared all, written;
  for (const Command& c : commands) {
    if (!c.threaded) continue;
    gained += c.nanoseconds;
    for (int i = 0; i < opTable()[c.op].operandCount; i++) {
      all.ranges.push_back(rangeOf(c, i));
      if (writes(opTable()[c.op].operands[i])) written.ranges.push_back(rangeOf(c, i));
    }
  }
  all.close();
  written.close();
  for (const Command& c : commands) {
    if (c.threaded) continue;
    for (int i = 0; i < opTable()[c.op].operandCount; i++) {
      moved += (double)(writes(opTable()[c.op].operands[i]) ? all : written).bytesOf(rangeOf(c, i));
    }
  }
  return gained > moved * kNanosecondsMoved;
}

}  // namespace

Tape* Tape::bind(const int32_t* words, int64_t count, LookupFn lookup, void* context, const Kernel* kernels, int threads,
                 ErrorText& error) {
  std::unique_ptr<Tape> tape(new Tape);
  tape->threads_ = threads;
  // Commands run one after another: they share the scratch.
  size_t scratch = 0;
  for (int64_t at = 0; at < count;) {
    Command c;
    const int used = decode(words + at, count - at, lookup, context, c, error);
    if (used == 0) return nullptr;
    scratch = std::max(scratch, prepare(c, kernels, 1, nullptr).scratch);
    tape->alone_.push_back(c);
    at += used;
  }
  if (threads > 1) {
    tape->shared_ = tape->alone_;
    std::vector<Plan> plans;
    for (Command& c : tape->shared_) {
      plans.push_back(prepare(c, kernels, threads, &tape->lanes_));
      scratch = std::max(scratch, plans.back().scratch);
    }
    if (sharingPays(tape->shared_, threads)) tape->keep(plans);
    else tape->shared_.clear();
  }
  if (scratch > 0) {
    tape->scratch_ = allocateScratch(scratch);
    if (!tape->scratch_) throw std::bad_alloc();
  }
  for (std::vector<Command>* list : {&tape->alone_, &tape->shared_}) {
    for (Command& c : *list) {
      c.scratch = tape->scratch_;
      c.failure = &tape->failure_;
    }
  }
  return tape.release();
}

// Memory for what commands keep, where nobody else in the tape changes what it is made from.
void Tape::keep(const std::vector<Plan>& plans) {
  size_t total = 0;
  for (const Plan& plan : plans) total += plan.kept;
  if (total == 0) return;
  kept_ = allocateScratch(total);
  if (!kept_) return;
  memset(kept_, 0, total);
  char* next = kept_;
  for (size_t i = 0; i < plans.size(); i++) {
    if (plans[i].kept == 0) continue;
    bool safe = true;
    for (int operand = 0; operand < opTable()[shared_[i].op].operandCount; operand++) {
      const Range range = rangeOf(shared_[i], operand);
      for (const Command& c : shared_) safe = safe && !(plans[i].keptOf >> operand & 1 && &c != &shared_[i] && overwrites(c, range));
    }
    if (safe) shared_[i].kept = next;
    next += plans[i].kept;
  }
}

Tape::~Tape() {
  freeScratch(scratch_);
  freeScratch(kept_);
}

RunResult Tape::run(int64_t steps, double milliseconds) {
  typedef std::chrono::steady_clock Clock;
  typedef std::chrono::duration<double, std::nano> Nanoseconds;
  const Clock::time_point start = Clock::now();
  Clock::time_point last = start;
  RunResult result = {0, -1, 0, 0, 0};
  failure_.set = 0;
  bool shared = false;
  while (result.steps < steps) {
    const bool sharing = !shared_.empty() && !trial_.alone();
    if (lanes_.follows != shared) lanes_.follows = shared;
    shared = sharing;
    const std::vector<Command>& commands = sharing ? shared_ : alone_;
    for (const Command& c : commands) {
      execute(c, sharing ? threads_ : 1);
      if (__builtin_expect(__atomic_load_n(&failure_.set, __ATOMIC_RELAXED), 0)) {
        result.command = (int32_t)(&c - commands.data());
        result.op = c.op;
        result.position = failure_.position;
        result.value = failure_.value;
        return result;
      }
    }
    result.steps++;
    if (shared_.empty() && milliseconds <= 0) continue;
    const Clock::time_point now = Clock::now();
    if (!shared_.empty()) trial_.took(Nanoseconds(now - last).count());
    last = now;
    if (milliseconds > 0 && Nanoseconds(now - start).count() >= milliseconds * 1e6) break;
  }
  return result;
}

}  // namespace lanewise
