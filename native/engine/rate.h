// How time is counted: tokens per second of recent passes, and processor time of a thread.
#pragma once

#include <chrono>
#include <ctime>

namespace tether {

// Processor seconds of the calling thread; waiting does not count.
inline double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Older passes count less.
class Rate {
 public:
  void add(int tokens, double seconds) {
    tokens_ = tokens_ * kKeep + tokens;
    seconds_ = seconds_ * kKeep + seconds;
  }
  // 0 before the first add().
  double per_second() const { return seconds_ > 0 ? tokens_ / seconds_ : 0; }

 private:
  static constexpr double kKeep = 0.98;  // the last 50 passes or so decide

  double tokens_ = 0;
  double seconds_ = 0;
};

}  // namespace tether
