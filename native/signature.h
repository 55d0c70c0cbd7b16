// The signatures of docs/commands.md, parsed once: all that is needed to decode and validate a command.
#pragma once
#include <stdint.h>

#include "command.h"

namespace lanewise {

enum { kMaxFactors = 4 };

struct OperandSpec {
  char role;       // r, i, w, u
  char type;       // T, d, i, L, A
  bool broadcast;  // extent is the product of d0 … d5 …
  int mask;        // … without the dimensions set in this int parameter (-1: none left out)
  int factors[kMaxFactors];  // else the product of these int parameters …
  int factorCount;
  int64_t constant;  // … and this number
};

struct OpInfo {
  const char* name;
  const char* signature;
  OperandSpec operands[kMaxOperands];
  int operandCount;
  int64_t below[kMaxInts];  // each int parameter p: 0 <= p < below
  int intCount;
  int doubleCount;
  int words;  // length of the command
  const char* (*rule)(const Command&);  // what a signature cannot say: null where it is kept, else what was expected; or null
};

inline bool writes(const OperandSpec& spec) { return spec.role == 'w' || spec.role == 'u'; }
inline int64_t bytesOf(DType type) { return type == DType::f64 ? 8 : type == DType::u8 ? 1 : 4; }

const OpInfo* opTable();
int opCount();

// Elements that operand `spec` touches, or -1 if that is more than 2^53.
int64_t extentOf(const OperandSpec& spec, const int64_t* ints);

}  // namespace lanewise
