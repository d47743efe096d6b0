// What every C++ test checks with: check() and fail() count and print, result() is what main() returns.
#pragma once

#include <atomic>
#include <cstdio>
#include <string>

namespace tether {

inline std::atomic<int> failures = 0;
// Said before each failure: what runs, where one program runs its checks several times.
inline std::string context;

// Any thread. A broken kernel fails thousands of checks: only the first ones are printed.
inline void fail(const std::string& what) {
  if (failures++ < 20) std::fprintf(stderr, "FAILED: %s%s\n", context.c_str(), what.c_str());
}

// what: the behaviour that holds.
inline void check(bool holds, const std::string& what) {
  if (!holds) fail(what);
}

// For the end of main(): its exit status.
inline int result() {
  if (failures == 0) std::puts("ok");
  return failures == 0 ? 0 : 1;
}

}  // namespace tether
