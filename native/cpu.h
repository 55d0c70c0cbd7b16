// What the processor can do, and the choice of an instruction set.
#pragma once
#include "command.h"

namespace lanewise {

struct Isa {
  const char* name;       // scalar, avx2, avx512, neon
  const Kernel* kernels;  // indexed by 2 * op + dtype
};

// The instruction sets this processor and this build can run, best last. Returns how many.
int availableIsas(Isa out[4]);

// The processor's own name, e.g. "AMD EPYC 9R14".
const char* cpuName();

}  // namespace lanewise
