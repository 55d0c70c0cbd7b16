// What a command is tried with, drawn from the signature of its op alone.
#pragma once
#include <stdint.h>

#include <random>
#include <string>
#include <vector>

#include "cpu.h"
#include "signature.h"
#include "tape.h"

namespace lanewise {

struct Random {
  std::mt19937_64 bits;
  // From 0 up to but not n.
  int64_t below(int64_t n) { return n > 0 ? (int64_t)(bits() % (uint64_t)n) : 0; }
  bool oneIn(int64_t n) { return below(n) == 0; }
  template <class T, size_t N>
  const T& pick(const T (&list)[N]) { return list[below(N)]; }
};

// What a case is to be, where its op can be that.
enum class Kind {
  usual,
  far,   // so large that kernels write past the caches (kFar in native/kernels/elements.h)
  legs  // divided in legs (Division in native/command.h)
};

struct Case {
  int64_t number = 0;
  uint64_t seed = 0;
  int32_t op = 0;
  int threads = 1;  // that it is divided for
  DType dtype = DType::f32;
  int64_t ints[kMaxInts] = {};
  double doubles[kMaxDoubles] = {};
  DType types[kMaxOperands] = {};
  int64_t lengths[kMaxOperands] = {};  // elements
  int onto[kMaxOperands] = {};         // the operand before it that it lies exactly on, or -1
  std::vector<char> contents[kMaxOperands];

  const OpInfo& info() const { return opTable()[op]; }
  int64_t bytes(int operand) const { return lengths[operand] * bytesOf(types[operand]); }
  // The command, with its operands at these addresses; false if it is refused.
  bool decodeAt(char* const* addresses, Command& out) const;
  // "affine float32, m n k = 3 17 5, case 12 of seed 1".
  std::string text() const;
  // As the signature calls it.
  std::string operandName(int operand) const;
};

// Draws all of a case but its number, seed and op; false if none was accepted in many tries. `isas` are all there are.
bool drawCase(Kind kind, const Isa* isas, int count, Random& random, Case& c);

}  // namespace lanewise
