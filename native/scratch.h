// Memory that commands work in, aligned to 64 bytes: a tape's scratch, and each thread's workspace.
// No inline functions here: the kernels of every instruction set include this.
#pragma once
#include <stddef.h>

namespace lanewise {

// Null if there is none.
char* allocateScratch(size_t bytes);
void freeScratch(char* p);

// Memory of the calling thread's own, 64-byte aligned, kept for its next call; null if there is none to be had. Kernels must
// be able to do without. (Stacks are small: 128 KB for a thread on musl.)
char* workspace(size_t bytes);

// Gives the calling thread's back.
void freeWorkspace();

}  // namespace lanewise
