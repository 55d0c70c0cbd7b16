#include "scratch.h"

#include <stdint.h>
#include <stdlib.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace lanewise {

static constexpr uintptr_t kLargePage = 2 << 20;

void preferLargePages(void* data, size_t bytes) {
#if defined(__linux__)
  const uintptr_t begin = ((uintptr_t)data + kLargePage - 1) / kLargePage * kLargePage, end = (uintptr_t)data + bytes;
  if (end >= begin + kLargePage) madvise((void*)begin, (end - begin) / kLargePage * kLargePage, MADV_HUGEPAGE);
#else
  (void)data, (void)bytes;
#endif
}

char* allocateScratch(size_t bytes) {
  const uintptr_t alignment = bytes < kLargePage ? 64 : kLargePage;
  char* raw = (char*)malloc(bytes + alignment + sizeof(void*));
  if (!raw) return nullptr;
  char* p = (char*)(((uintptr_t)raw + sizeof(void*) + alignment - 1) & ~(alignment - 1));
  ((void**)p)[-1] = raw;
  preferLargePages(p, bytes);
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
