// Decodes and validates commands, and runs them. Knows nothing of JavaScript.
#pragma once
#include <stdint.h>

#include <atomic>
#include <vector>

#include "command.h"
#include "trial.h"

namespace lanewise {

struct BufferView {
  void* data;
  DType type;
  int64_t length;  // elements
};

// Finds a buffer by the number a command gives it; false if there is none.
typedef bool (*LookupFn)(void* context, int32_t number, BufferView& out);

struct ErrorText {
  char text[200];
};

// Decodes one command of at most `length` words. Returns the words it took, or 0 with the reason in `error`.
int decode(const int32_t* words, int64_t length, LookupFn lookup, void* context, Command& out, ErrorText& error);

// Gives the command its kernel and its plan, which it returns, sizes rounded up to lines. `legs` is for a command in legs; null: none is.
Plan prepare(Command& c, const Kernel* kernels, int threads, LegShares* legs);

void execute(const Command& c, int threads);

// What a run found wrong: `command` counts from 0 within the tape, -1 if nothing.
struct RunResult {
  int64_t steps;
  int32_t command;
  int64_t position;
  int64_t value;
};

class Tape {
 public:
  // Returns null with the reason in `error`; throws std::bad_alloc.
  static Tape* bind(const int32_t* words, int64_t count, LookupFn lookup, void* context, const Kernel* kernels, int threads,
                    ErrorText& error);
  ~Tape();
  // Runs until `steps` are done or about `milliseconds` have passed (if above 0); at least one step.
  RunResult run(int64_t steps, double milliseconds, const std::atomic<bool>* stop = nullptr);

  std::atomic<bool> busy{false};

 private:
  Tape() = default;
  // The commands as so many threads run them.
  struct Way {
    int threads;
    std::vector<Command> commands;
    char* kept;
    bool hasLegs() const;
  };
  bool share(int threads, const Kernel* kernels, LegShares* legs);
  void keep(Way& way, const std::vector<Plan>& plans);
  LegShares legs_ = {};    // far from what changes in each step, since helpers read it
  [[maybe_unused]] char apart_[64];
  std::vector<Way> ways_;  // one thread; all threads, with products in legs and by rows, half of them and so on, where they can pay
  Trial trial_;            // which of them
  char* scratch_ = nullptr;
  size_t scratchBytes_ = 0;
  Failure failure_ = {0, 0, 0, 0};
};

}  // namespace lanewise
