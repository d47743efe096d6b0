// Which kernels this processor can run.
#include "cpu/pick.h"

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
namespace avx512vnni {
extern const Kernels table;
}
#endif

std::vector<const Kernels*> runnable_kernels() {
  std::vector<const Kernels*> all{&any::table};
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
    all.push_back(&avx2::table);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    all.push_back(&avx512::table);
    if (__builtin_cpu_supports("avx512vnni")) all.push_back(&avx512vnni::table);
  }
#endif
  return all;
}

static const Kernels*& picked() {
  static const Kernels* table = runnable_kernels().back();
  return table;
}

const Kernels& kernels() { return *picked(); }

void pick_kernels(const Kernels& table) { picked() = &table; }

}  // namespace tether
