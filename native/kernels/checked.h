// What checked commands read from buffers while they run, and their report (docs/commands.md).
#pragma once
#ifdef LANEWISE_KERNELS
#include "../command.h"

namespace lanewise {
namespace LANEWISE_ISA {

// A number that another thread may be changing is read once: what was checked is what is used.
LW_INLINE int64_t readOnce(const int32_t* p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
LW_INLINE int64_t readOnce(const uint8_t* p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
// f(labels), the operand as what it is.
template <class F>
LW_INLINE void withLabels(const Command& c, int operand, F f) {
  if (c.types[operand] == DType::u8) f((const uint8_t*)c.p[operand]);
  else f((const int32_t*)c.p[operand]);
}

// A checked command met a bad index: the lowest is kept for the caller, so that the report does not depend on threads.
LW_INLINE void fail(const Command& c, int64_t position, int64_t value) {
  Failure& f = *c.failure;
  while (__atomic_exchange_n(&f.lock, 1, __ATOMIC_ACQUIRE)) {
  }
  if (!f.set || position < f.position) {
    f.position = position;
    f.value = value;
    __atomic_store_n(&f.set, 1, __ATOMIC_RELAXED);
  }
  __atomic_store_n(&f.lock, 0, __ATOMIC_RELEASE);
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
