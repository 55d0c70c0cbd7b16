#include "scratch.h"

#include <stdint.h>
#include <stdlib.h>

namespace lanewise {

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

// Without a destructor: to register one with the thread is a call that musl's C library does not have.
struct Workspace {
  char* memory;
  size_t size;
};
thread_local Workspace own;

}  // namespace

char* workspace(size_t bytes) {
  if (bytes > own.size) {
    freeScratch(own.memory);
    own.memory = allocateScratch(bytes);
    own.size = own.memory ? bytes : 0;
  }
  return own.memory;
}

void freeWorkspace() {
  freeScratch(own.memory);
  own = {nullptr, 0};
}

}  // namespace lanewise
