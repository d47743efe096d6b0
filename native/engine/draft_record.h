// How often a drafter was right lately, when to try it again, and when to let it read what was said. Pure policy.
#pragma once

#include <algorithm>
#include <limits>

#include "engine/odds.h"

namespace tether {

// Of one answer; a batch has another one of all answers, which new ones begin with. Costs are in passes of one token.
class DraftRecord {
 public:
  // That of an answer which begins now: the last ones say how good the drafter is, but not much of this one.
  DraftRecord of_next() const {
    DraftRecord next;
    next.odds_ = odds_;
    next.odds_.forget(kSeenBefore);
    next.idle_ = idle_;
    return next;
  }

  // How likely a drafted token is to hold if those before it do.
  double odds() const { return odds_(); }
  // Whether it was not asked for so long that it may have become better, and that trying it at this cost is no loss to
  // speak of.
  bool is_due(double cost) const { return idle_ >= std::max<double>(kTryEvery, cost / kTryShare); }
  // Whether it may read what it has not seen, at this cost, to save so much with each token from then on. How long the
  // answer goes on is not known: as long as it is, or as it was worth asking after the last time that it had read.
  bool pays(double reading, double saved, int tokens) const {
    return saved * std::min<double>(tokens, expected()) >= reading;
  }

  // A pass of the answer.
  void passed() { idle_++; }
  // It reads what it has not seen. tokens: of the answer so far.
  void reads() {
    run_ = expected();
    in_step_ = false;
  }
  // It has drafted.
  void asked(int tokens) {
    // What was seen so long ago says little.
    if (idle_ >= kTryEvery) odds_.forget(kSeenLongAgo);
    idle_ = 0;
    if (!in_step_) begin_ = tokens;
    in_step_ = true;
    last_ = tokens;
  }
  void note(bool holds) { odds_.note(holds); }

 private:
  // How many tokens it is worth asking for, once it has read.
  double expected() const {
    if (!in_step_) return run_;
    double before = run_ < kEndless ? run_ : last_;
    return (before + last_ - begin_) / 2;
  }

  static constexpr int kTryEvery = 256;
  // Of the passes since the last try, the part that a try may cost.
  static constexpr double kTryShare = 0.01;
  static constexpr double kSeenBefore = 4;
  static constexpr double kSeenLongAgo = 2;
  static constexpr double kEndless = std::numeric_limits<double>::max();

  Odds odds_{0.95, 4, 3};  // of the last 20 drafted tokens or so
  int idle_ = 0;
  // Tokens of the answer: where it had last read, and where it drafted last.
  bool in_step_ = false;
  int begin_ = 0;
  int last_ = 0;
  double run_ = kEndless;
};

}  // namespace tether
