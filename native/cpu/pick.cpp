// Picks the kernels that this processor can run.
#include "cpu/kernels.h"

namespace tether {

#ifdef __x86_64__

extern const Kernels kernels_for_avx512;
extern const Kernels kernels_for_avx2;
extern const Kernels kernels_for_any;

namespace {

const Kernels& best() {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return kernels_for_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
    return kernels_for_avx2;
  return kernels_for_any;
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& picked = best();
  return picked;
}

#else

extern const Kernels kernels_for_any;

const Kernels& kernels() { return kernels_for_any; }

#endif

}  // namespace tether
