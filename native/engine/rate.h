// How time is counted: tokens per second of late, and what a thread itself has worked.
#pragma once

#include <ctime>

namespace tether {

// Seconds that the calling thread has used of a processor; waiting does not count.
inline double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// What is older counts less.
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
