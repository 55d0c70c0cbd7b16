// Memory that commands work in, aligned to 64 bytes: a tape's scratch, and each thread's workspace.
// No inline functions here: the kernels of every instruction set include this.
#pragma once
#include <stddef.h>

namespace lanewise {

// Asks for large pages for what fills some (squares of 1024 and 2048 on Zen 5, whose copies of A and B then lie on them: 1.02 to 1.05 times as
// fast; rows gathered at random from 47 MB miss the address cache otherwise). Before the memory is first written; a hint that may be refused.
void preferLargePages(void* data, size_t bytes);

// Null if there is none.
char* allocateScratch(size_t bytes);
void freeScratch(char* p);

// Memory of the calling thread's own, 64-byte aligned, kept for its next call; null if there is none to be had. Kernels must
// be able to do without. (Stacks are small: 128 KB for a thread on musl.)
char* workspace(size_t bytes);

// Gives the calling thread's back.
void freeWorkspace();

}  // namespace lanewise
