// The bits of a result hang on the thread's floating point mode: a library built with -ffast-math sets it to flush denormals as it is
// loaded, and threads inherit it.
#pragma once
#include <stdint.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace lanewise {

// As IEEE 754 says, until the end of the block: to nearest, nothing flushed.
class IeeeMode {
 public:
#if defined(__x86_64__)
  IeeeMode() : before_(_mm_getcsr()) {
    if ((before_ & ~0x3fu) != 0x1f80) _mm_setcsr(0x1f80);
  }
  ~IeeeMode() {
    if ((before_ & ~0x3fu) != 0x1f80) _mm_setcsr(before_);
  }

 private:
  uint32_t before_;
#elif defined(__aarch64__)
  IeeeMode() {
    __asm__ volatile("mrs %0, fpcr" : "=r"(before_));
    if (before_ != 0) __asm__ volatile("msr fpcr, %0" ::"r"((uint64_t)0));
  }
  ~IeeeMode() {
    if (before_ != 0) __asm__ volatile("msr fpcr, %0" ::"r"(before_));
  }

 private:
  uint64_t before_;
#endif
};

}  // namespace lanewise
