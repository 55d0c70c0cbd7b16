#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <vector>

#include "scratch.h"

namespace lanewise {
namespace {

// An index gone wrong goes further than a register. None of it takes memory.
const size_t kUnmapped = 1 << 20;
const unsigned char kUntouched = 0xA5;

size_t roundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }

// Mappings that were given back, by the bytes of their pages: to make one takes longer than most commands. Large ones are not kept.
const size_t kKept = 4 << 20;
std::map<size_t, std::vector<char*>> spare;

// `usable` bytes between unmapped pages.
char* take(size_t usable) {
  std::vector<char*>& list = spare[usable];
  if (!list.empty()) {
    char* map = list.back();
    list.pop_back();
    return map;
  }
  void* map = mmap(nullptr, usable + 2 * kUnmapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED || (usable > 0 && mprotect((char*)map + kUnmapped, usable, PROT_READ | PROT_WRITE) != 0)) {
    perror("guarded memory");
    exit(2);
  }
  return (char*)map;
}

void giveBack(char* map, size_t usable) {
  if (usable <= kKept) spare[usable].push_back(map);
  else munmap(map, usable + 2 * kUnmapped);
}

std::unique_ptr<Guarded> work;
Side workSide = Side::end;

}  // namespace

Guarded::Guarded(size_t bytes, Side side, size_t align) : bytes(bytes), usable_(roundUp(bytes, (size_t)sysconf(_SC_PAGESIZE))), map_(take(usable_)) {
  data = side == Side::end ? pages() + usable_ - roundUp(bytes, align) : pages();
  memset(pages(), kUntouched, (size_t)(data - pages()));
  memset(data + bytes, kUntouched, (size_t)(pages() + usable_ - data) - bytes);
}

Guarded::~Guarded() { giveBack(map_, usable_); }

bool Guarded::near(const void* address) const {
  return (const char*)address >= map_ && (const char*)address < map_ + usable_ + 2 * kUnmapped;
}

char* Guarded::pages() const { return map_ + kUnmapped; }

void Guarded::readOnly(bool on) {
  if (usable_ > 0) mprotect(pages(), usable_, on ? PROT_READ : PROT_READ | PROT_WRITE);
}

bool Guarded::intact() const {
  for (const char* p = pages(); p < data; p++)
    if ((unsigned char)*p != kUntouched) return false;
  for (const char* p = data + bytes; p < pages() + usable_; p++)
    if ((unsigned char)*p != kUntouched) return false;
  return true;
}

void guardWorkspace(Side side) {
  workSide = side;
  work.reset();
}

const Guarded* lastWorkspace() { return work.get(); }

// In place of native/scratch.cpp.
char* workspace(size_t bytes) {
  if (!work || work->bytes != bytes) work.reset(new Guarded(bytes, workSide, 64));
  return work->data;
}
void freeWorkspace() { work.reset(); }

// What a tape takes, and there is none here.
char* allocateScratch(size_t) { abort(); }
void freeScratch(char*) {}

}  // namespace lanewise
