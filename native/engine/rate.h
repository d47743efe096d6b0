// Tokens per second of late: what is older counts less.
#pragma once

namespace tether {

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
