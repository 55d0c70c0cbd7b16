// A bound command: decoded, validated, its addresses resolved. Plain data shared by the tape (tape.cpp) and the kernels.
// No inline functions here: this header is seen by every instruction set's translation unit.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace lanewise {

enum class DType : uint8_t { f32 = 0, f64 = 1, i32 = 2, u8 = 3 };

enum { kMaxOperands = 8, kMaxInts = 8, kMaxDoubles = 4 };
// Legs that a command in legs may have at most.
enum { kMostLegs = 16 };

// What a checked command found wrong: the first bad element (the lowest, whichever thread found it), and the value there.
struct Failure {
  int32_t set;       // 0 until something failed; accessed with __atomic builtins, as is
  int32_t lock;      // who writes it
  int64_t position;
  int64_t value;
};

// How work divides. Its units may run at the same time, in any order and grouping, with the same bits; or, if `leg` is not 0, in legs
// of so many units: unit u once unit u - leg has ended, and unit u - 1 of its own leg.
struct Division {
  int64_t units;         // independent pieces of work, >= 0
  double nanoseconds;    // rough cost of the whole on one thread, to decide whether threads pay
  int64_t leg;
  int64_t freeEnds;      // of a leg's units so many at either end wait for no other leg
  int turns;             // pieces, at least 1, that a thread takes its share in: what is left when another has time to help
  int64_t unitBytes;     // if not 0: of the first operand unit u writes only the bytes [u * unitBytes, (u + 1) * unitBytes)
  bool elementwise;      // the same holds of every operand that is as long as the first, and is all that the unit reads of those
};

// What a kernel says of a command.
struct Plan : Division {
  size_t scratch;        // bytes the command wants for itself, 64-byte aligned
  size_t kept;           // bytes that it wants to find again in the next step, as aligned; it may get none
  int keptOf;            // bits of the operands that must be as they were then: nothing is kept where another command of a tape writes there
  int threads;           // given: how many will share it
  bool legs;             // given: whether a command may be in legs
};

struct Command;
typedef void (*PlanFn)(const Command&, Plan&);
typedef void (*RunFn)(const Command&, int64_t begin, int64_t end);  // units [begin, end)
typedef void (*FinishFn)(const Command&);                           // once, after all units; may be null

struct Kernel {
  PlanFn plan;
  RunFn run;
  FinishFn finish;
};

// What a run in legs finds.
struct LegShares {
  double ends[kMostLegs];  // where each thread's share ends, as a fraction (1 beyond the last thread)
  bool follows;            // the step before was the same commands, with nothing of other tapes or of JavaScript in between
};

struct Command : Division {
  void* p[kMaxOperands];        // operands, in the order of the signature
  DType types[kMaxOperands];
  int64_t n[kMaxInts];          // int parameters
  double d[kMaxDoubles];        // double parameters
  char* scratch;
  Failure* failure;
  const Kernel* kernel;
  char* kept;                   // what Plan::kept asked for, or null
  LegShares* legs;              // null unless in legs
  int32_t op;
  int32_t index;                // its place in the tape
  bool threaded;                // worth handing to the pool
  bool joined;                  // and one job with the command after it, whose
  int64_t joinedAt;             // operand that this one writes begins so many bytes before
  DType dtype;
};

}  // namespace lanewise
