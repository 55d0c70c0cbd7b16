// The most multiply-adds this instruction set can do: what bench/ measures kernels against. No op uses it.
#pragma once
#ifdef LANEWISE_KERNELS
#include "../command.h"

// As many chains as keep every multiply-add unit busy (units × latency: 8 on x86, up to 16 on ARM) and fit in the registers
// beside the two factors. Each is a variable of its own: an array might live on the stack.
#if defined(__aarch64__)
#define LW_CHAINS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#else
#define LW_CHAINS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#endif

namespace lanewise {
namespace LANEWISE_ISA {

// a = 0.99·a + 0.01 from 0, 1, 2 …: tends to 1, never to a denormal.
template <class V>
LW_INLINE double runChains(int64_t rounds, double& result) {
  typedef typename V::E E;
  const V x = V::set1((E)0.99), y = V::set1((E)0.01);
  int chains = 0;
#define X(i) V a##i = V::set1((E)(i)); chains++;
  LW_CHAINS(X)
#undef X
  for (int64_t r = 0; r < rounds; r++) {
#define X(i) a##i = fma(a##i, x, y);
    LW_CHAINS(X)
#undef X
  }
  V total = V::zero();
#define X(i) total = total + a##i;
  LW_CHAINS(X)
#undef X
  result = (double)sum(total);
  return 2.0 * V::W * chains * (double)rounds;
}

// Does `rounds` rounds of chains; returns how many floating-point operations that took (two a multiply-add). The result is
// handed out so that no compiler may leave the work out.
double multiplyAdds(DType dtype, int64_t rounds, double& result) {
  return dtype == DType::f64 ? runChains<F64>(rounds, result) : runChains<F32>(rounds, result);
}

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#undef LW_CHAINS
#endif
