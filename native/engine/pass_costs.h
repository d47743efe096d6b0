// What a pass that decodes costs by its rows, and how many drafted tokens are worth verifying.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "model/model.h"

namespace tether {

// Pure policy: what passes took in, how many tokens to draft out. Costs are relative: only how they grow with the rows
// counts. They are measured at load, and corrected as passes run: a long context makes rows dearer, and another program
// may have disturbed what was measured. Engine thread only.
class PassCosts {
 public:
  // The most rows that drafts may add to a pass.
  static constexpr int kMostDrafted = 15;
  // Rows whose costs are known; between them costs grow evenly.
  static constexpr std::array<int, 5> kRows{1, 2, 4, 8, 16};

  // What passes of kRows rows take, in seconds; 0 where that was not measured, but for the first. learns: corrects
  // them.
  explicit PassCosts(std::span<const double> seconds, bool learns = true);

  // What a pass of `rows` rows costs, as a part of one of one row.
  double cost(int rows) const;
  // The same for kRows.
  std::vector<double> costs() const { return {costs_.begin(), costs_.end()}; }

  // Notes what a pass has taken.
  void saw(int rows, double seconds);

  // What a drafter takes for each token that it drafts, and that it reads, in seconds: as measured, and as seen.
  void set_drafter(double step, double read) {
    step_ = measured_step_ = step;
    read_ = read;
  }
  void saw_steps(int steps, double seconds);
  void saw_read(int tokens, double seconds);
  // A pass without steps: what once disturbed them may be over, so they slowly count as what was measured at load.
  void saw_no_steps();
  // The same as parts of a pass of one row.
  double step() const { return step_ / one_; }
  double read() const { return read_ / one_; }

  // A pass as it is planned so far. steps: that a drafter takes before it, for all sequences together.
  struct Plan {
    int rows;
    double tokens;
    int steps = 0;
  };
  // How many tokens to draft for one sequence: as many as make the tokens a second of the whole pass largest.
  // odds(i): that the i-th drafted token holds if those before it do. most: at most. step: what each of them costs
  // beside its row, as that of a drafter does.
  int worth(const Plan& plan, const std::function<double(int)>& odds, int most, double step = 0) const;
  // What so many drafted tokens, each by a step of the drafter, save with each token of the sequence.
  double saved(const Plan& plan, double odds, int count) const;

  // As many as are worth it or, now and then, a few where the odds are good: what does not seem to pay may have been
  // disturbed when it was measured.
  int tries(const Plan& plan, const std::function<double(int)>& odds, int most);

 private:
  std::array<double, kRows.size()> costs_{};
  double one_ = 0;  // seconds of a pass of one row
  double step_ = 0;
  double measured_step_ = 0;
  double read_ = 0;
  int untried_ = 0;
  bool learns_;
};

// Measures passes over a few tokens, in half a second at most, but for passes of one row.
PassCosts measure_passes(Model& model, int kv_bits);

}  // namespace tether
