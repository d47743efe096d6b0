// Picks the kernels that this processor can run.
#include "cpu/kernels.h"

namespace tether {

// What kernels.cpp defines, compiled for each kind of processor.
namespace any {
extern const Kernels table;
}

#ifdef __x86_64__

namespace avx2 {
extern const Kernels table;
}
namespace avx512 {
extern const Kernels table;
}

namespace {

const Kernels& best() {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return avx512::table;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
    return avx2::table;
  return any::table;
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& picked = best();
  return picked;
}

#else

const Kernels& kernels() { return any::table; }

#endif

}  // namespace tether
