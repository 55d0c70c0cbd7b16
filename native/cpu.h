// What the processor can do, and the choice of an instruction set.
// No inline functions here: the kernels of every instruction set include this.
#pragma once
#include "command.h"

namespace lanewise {

// Does `rounds` rounds of independent multiply-adds in registers; returns the number of floating-point operations.
typedef double (*MultiplyAddsFn)(DType dtype, int64_t rounds, double& result);

struct Isa {
  const char* name;             // scalar, avx2, avx512, neon
  const Kernel* kernels;        // indexed by 2 * op + dtype
  MultiplyAddsFn multiplyAdds;  // for measurePeak
};

// The instruction sets this processor and this build can run, best last. Returns how many.
int availableIsas(Isa out[4]);

// Floating-point operations a second that `threads` threads reach with nothing but multiply-adds in registers: the limit
// of any kernel. Takes about 20 ms and returns the best of several attempts.
double measurePeak(MultiplyAddsFn multiplyAdds, DType dtype, int threads);

// Bytes of a core's second-level cache; 0 where the processor does not say.
extern const int64_t secondLevelBytes;

// Whether it is AMD's family 26, for which some things were measured to be best otherwise.
extern const bool isZen5;

// The processor's own name, e.g. "AMD EPYC 9R14", written to memory of the caller's.
const char* cpuName(char name[49]);

}  // namespace lanewise
