#include "sharing.h"

#include <algorithm>

#include "signature.h"

namespace lanewise {
namespace {

int operandsOf(const Command& c) { return opTable()[c.op].operandCount; }
const OperandSpec& specOf(const Command& c, int operand) { return opTable()[c.op].operands[operand]; }

struct Range {
  const char *begin, *end;
  bool operator<(const Range& other) const { return begin < other.begin; }
};

Range rangeOf(const Command& c, int operand) {
  const char* begin = (const char*)c.p[operand];
  return {begin, begin + extentOf(specOf(c, operand), c.n) * bytesOf(c.types[operand])};
}

// A byte from one core's cache to another's and back: about 100 ns a line, ten lines at a time.
const double kNanosecondsMoved = 0.3;
// A job for all threads, where they wait for each other anyway.
const double kMeeting = 400;

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

// What passes between the caches for commands on one thread, while others of the tape are shared.
struct Traffic {
  Shared all, written;

  explicit Traffic(const std::vector<Command>& commands) {
    for (const Command& c : commands) {
      if (!c.threaded) continue;
      for (int i = 0; i < operandsOf(c); i++) {
        all.ranges.push_back(rangeOf(c, i));
        if (writes(specOf(c, i))) written.ranges.push_back(rangeOf(c, i));
      }
    }
    all.close();
    written.close();
  }
  double nanoseconds(const Command& c) const {
    int64_t bytes = 0;
    for (int i = 0; i < operandsOf(c); i++) bytes += (writes(specOf(c, i)) ? all : written).bytesOf(rangeOf(c, i));
    return (double)bytes * kNanosecondsMoved;
  }
};

bool overlap(const Range& a, const Range& b) { return a.begin < b.end && b.begin < a.end; }

bool overwrites(const Command& c, const Range& range) {
  for (int i = 0; i < operandsOf(c); i++)
    if (writes(specOf(c, i)) && overlap(rangeOf(c, i), range)) return true;
  return false;
}

// Whether c writes to what `other` reads or writes.
bool disturbs(const Command& c, const Command& other) {
  for (int i = 0; i < operandsOf(other); i++)
    if (overwrites(c, rangeOf(other, i))) return true;
  return false;
}

// Whether a command tests what it reads: it may end a run.
bool isChecked(const Command& c) {
  for (int i = 0; i < operandsOf(c); i++)
    if (specOf(c, i).role == 'r' && (specOf(c, i).type == 'i' || specOf(c, i).type == 'L')) return true;
  return false;
}

// Where b reads by units nearly nothing but what a writes by units: how many bytes before that its operand begins. Else negative.
int64_t madeBy(const Command& a, const Command& b) {
  if (!a.threaded || a.unitBytes == 0 || a.elementwise || a.leg > 0 || a.kernel->finish || !b.threaded || !b.elementwise || b.kernel->finish) return -1;
  const Range made = rangeOf(a, 0), whole = rangeOf(b, 0);
  int64_t at = -1;
  for (int i = 0; i < operandsOf(b); i++) {
    const Range read = rangeOf(b, i);
    if (!overlap(read, made)) continue;
    if (at >= 0 || read.end - read.begin != whole.end - whole.begin || made.begin < read.begin || made.end > read.end) return -1;
    at = made.begin - read.begin;
  }
  const bool most = (made.end - made.begin) * 10 >= (whole.end - whole.begin) * 9;
  return most && !disturbs(b, a) ? at : -1;
}

}  // namespace

void joinJobs(std::vector<Command>& commands) {
  size_t a = commands.size();
  for (size_t b = 0; b < commands.size(); b++) {
    if (!commands[b].threaded) continue;
    const int64_t at = a < b ? madeBy(commands[a], commands[b]) : -1;
    const auto from = commands.begin() + (int64_t)a, to = commands.begin() + (int64_t)b;
    if (at >= 0 && std::none_of(from + 1, to, [&](const Command& c) { return isChecked(c) || disturbs(c, *from) || disturbs(*from, c); })) {
      std::rotate(from, from + 1, to);
      commands[b - 1].joined = true;
      commands[b - 1].joinedAt = at;
    }
    a = b;
  }
}

void shareMore(std::vector<Command>& commands) {
  const Traffic traffic(commands);
  if (traffic.all.ranges.empty()) return;  // nothing is shared that one thread would have to fetch
  for (Command& c : commands) {
    if (c.threaded || c.units < 2) continue;
    c.threaded = c.nanoseconds / 2 + traffic.nanoseconds(c) > kMeeting;
  }
}

bool sharingPays(const std::vector<Command>& commands) {
  const Traffic traffic(commands);
  double gained = 0, lost = 0;
  for (const Command& c : commands) {
    if (c.threaded) gained += c.nanoseconds;
    else lost += traffic.nanoseconds(c);
  }
  return gained > lost;
}

bool writtenByOthers(const std::vector<Command>& commands, size_t i, int operands) {
  for (int operand = 0; operand < operandsOf(commands[i]); operand++) {
    if (!(operands >> operand & 1)) continue;
    const Range range = rangeOf(commands[i], operand);
    for (size_t other = 0; other < commands.size(); other++)
      if (other != i && overwrites(commands[other], range)) return true;
  }
  return false;
}

}  // namespace lanewise
