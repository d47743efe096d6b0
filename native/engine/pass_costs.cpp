// What a pass that decodes costs by its rows, and how many drafted tokens are worth verifying.
#include "engine/pass_costs.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

#include "engine/rate.h"

namespace tether {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kMeasureSeconds = 0.5;
constexpr int kMostRounds = 8;
// A pass with drafts has to be so much better than one without.
constexpr double kWorthwhile = 1.03;
// What one more row adds to a pass of one row where that was not measured.
constexpr double kUsualRow = 0.15;
// How much one pass says about costs. Other programs only ever make a pass slower, so a fast one says more.
constexpr double kSlower = 0.1;
constexpr double kFaster = 0.5;
// How much of what seems to have disturbed a drafter is forgotten with each pass that it does not draft for.
constexpr double kForgets = 0.002;
// Passes after which a few tokens are drafted though that does not seem to pay, and the least odds that all of them
// hold.
constexpr int kTryEvery = 256;
constexpr int kTried = 3;
constexpr double kTryOdds = 0.7;

double pass_seconds(Model& model, int kv_bits, int rows) {
  auto caches = model.new_caches(kv_bits);
  std::vector<int32_t> tokens;
  for (int i = 0; i < rows; i++) tokens.push_back(i % model.vocab_size());
  Segment segment{&caches, rows};
  auto started = Clock::now();
  auto hidden = model.forward(mx::array(tokens.data(), {rows}, mx::int32), {&segment, 1});
  mx::eval(mx::argmax(model.logits(hidden), -1));
  return seconds_since(started);
}

double towards(double known, double seen) { return known + (seen < known ? kFaster : kSlower) * (seen - known); }

}  // namespace

PassCosts::PassCosts(std::span<const double> seconds, bool learns) : one_(seconds[0]), learns_(learns) {
  for (size_t i = 0; i < kRows.size(); i++) {
    bool measured = i < seconds.size() && seconds[i] > 0;
    costs_.at(i) = measured ? seconds[i] / one_ : 1 + kUsualRow * (kRows.at(i) - 1);
    // Each row by itself is always possible.
    costs_.at(i) = std::clamp(costs_.at(i), i == 0 ? 1 : costs_.at(i - 1), static_cast<double>(kRows.at(i)));
  }
}

double PassCosts::cost(int rows) const {
  size_t above = 1;
  while (above + 1 < kRows.size() && kRows.at(above) < rows) above++;
  double slope = (costs_.at(above) - costs_.at(above - 1)) / (kRows.at(above) - kRows.at(above - 1));
  return std::max(1.0, costs_.at(above) + slope * (rows - kRows.at(above)));
}

void PassCosts::saw(int rows, double seconds) {
  if (!learns_) return;
  if (rows == 1) {
    one_ = towards(one_, seconds);
    return;
  }
  size_t near = 1;
  while (near + 1 < kRows.size() && kRows.at(near) < rows) near++;
  costs_.at(near) = std::max(1.0, towards(costs_.at(near), costs_.at(near) * seconds / (one_ * cost(rows))));
}

void PassCosts::saw_steps(int steps, double seconds) {
  if (learns_ && steps > 0) step_ = towards(step_, seconds / steps);
}

void PassCosts::saw_read(int tokens, double seconds) {
  if (learns_ && tokens > 0) read_ = towards(read_, seconds / tokens);
}

void PassCosts::saw_no_steps() {
  if (learns_ && step_ > measured_step_) step_ += kForgets * (measured_step_ - step_);
}

int PassCosts::worth(const Plan& plan, const std::function<double(int)>& odds, int most, double step) const {
  double tokens = plan.tokens;
  double one = step > 0 ? step : this->step();
  double best = kWorthwhile * tokens / (cost(plan.rows) + plan.steps * one);
  int count = 0;
  double held = 1;
  for (int more = 1; more <= most; more++) {
    held *= odds(more - 1);
    tokens += held;
    // A step drafts for all sequences.
    int steps = step > 0 ? std::max(plan.steps, more) : plan.steps;
    double rate = tokens / (cost(plan.rows + more) + steps * one);
    if (rate <= best) continue;
    best = rate;
    count = more;
  }
  return count;
}

double PassCosts::saved(const Plan& plan, double odds, int count) const {
  double more = 0;
  double held = 1;
  for (int i = 0; i < count; i++) more += held *= odds;
  double plain = cost(plan.rows) + plan.steps * step();
  double drafted = cost(plan.rows + count) + std::max(plan.steps, count) * step();
  return (more * plain / plan.tokens - (drafted - plain)) / (1 + more);
}

int PassCosts::tries(const Plan& plan, const std::function<double(int)>& odds, int most) {
  int count = worth(plan, odds, most);
  if (count > 0 || most < kTried || odds(0) * odds(1) * odds(2) < kTryOdds || ++untried_ < kTryEvery) return count;
  untried_ = 0;
  return kTried;
}

PassCosts measure_passes(Model& model, int kv_bits) {
  auto started = Clock::now();
  pass_seconds(model, kv_bits, 1);  // reads the weights for the first time
  std::array<double, PassCosts::kRows.size()> best{};
  auto measure = [&](size_t i) {
    double seconds = pass_seconds(model, kv_bits, PassCosts::kRows.at(i));
    best.at(i) = best.at(i) > 0 ? std::min(best.at(i), seconds) : seconds;
  };
  measure(0);
  // In rounds: on a GPU the first pass of a size compiles kernels, and another program disturbs for a while.
  for (int round = 0; round < kMostRounds; round++) {
    for (size_t i : {4U, 2U, 3U, 1U, 0U}) {
      if (seconds_since(started) + 4 * best[0] > kMeasureSeconds) return PassCosts(best);
      measure(i);
    }
  }
  return PassCosts(best);
}

}  // namespace tether
