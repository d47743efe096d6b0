// How often something held lately, as drafts of one kind do. Pure policy.
#pragma once

namespace tether {

class Odds {
 public:
  // keep: the part of what was seen that each note leaves, so that the last 1 / (1 - keep) or so decide. Before the
  // first note it is as if `held` of `seen` had held.
  constexpr Odds(double keep, double seen, double held) : keep_(keep), seen_(seen), held_(held) {}

  // How likely the next one is to hold.
  double operator()() const { return held_ / seen_; }

  void note(bool holds) {
    seen_ = seen_ * keep_ + 1;
    held_ = held_ * keep_ + (holds ? 1 : 0);
  }

  // What was seen counts as so few from now on.
  void forget(double seen) {
    if (seen_ <= seen) return;
    held_ *= seen / seen_;
    seen_ = seen;
  }

 private:
  double keep_;
  double seen_;
  double held_;
};

}  // namespace tether
