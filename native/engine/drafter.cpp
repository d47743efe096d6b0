// Drafts from a second, cheaper model: what drafting takes.
#include "engine/drafter.h"

#include <algorithm>
#include <chrono>

#include "engine/rate.h"

namespace tether {

size_t going_at(std::span<const DraftJob> jobs, int step) {
  auto drafts = [step](const DraftJob& job) { return job.count > step; };
  return static_cast<size_t>(std::ranges::partition_point(jobs, drafts) - jobs.begin());
}

void hand_out(std::span<DraftJob> jobs, const std::vector<mx::array>& steps) {
  mx::eval(steps);
  for (size_t i = 0; i < jobs.size(); i++)
    for (int step = 0; step < jobs[i].count; step++)
      jobs[i].draft.push_back(steps[static_cast<size_t>(step)].data<int32_t>()[i]);
}

double measure_drafter(Drafter& drafter, Model& target) {
  constexpr int kTokens = 8;
  constexpr int kDrafted = 4;
  constexpr int kRounds = 6;
  constexpr double kMostSeconds = 0.3;
  std::vector<int32_t> tokens;
  for (int i = 0; i < kTokens; i++) tokens.push_back(i % target.vocab_size());
  Sequence sequence(target.new_caches(0));
  Segment segment{&sequence.caches(), kTokens};
  auto hidden = target.forward(mx::array(tokens.data(), {kTokens}, mx::int32), {&segment, 1});
  mx::eval(hidden);
  sequence.extended_by(tokens);
  DraftState state;
  state.hidden = mx::slice(hidden, {kTokens - 1, 0}, hidden.shape());
  auto started = std::chrono::steady_clock::now();
  double best = 0;
  // The first round reads the weights for the first time.
  for (int round = 0; round < kRounds && (round < 2 || seconds_since(started) < kMostSeconds); round++) {
    int32_t next = round % target.vocab_size();
    if (round == 0) sequence.extended_by({&next, 1});
    DraftJob job{.state = &state, .target = &sequence, .count = kDrafted};
    double seconds = drafter.draft({&job, 1}).seconds / kDrafted;
    if (round > 0) best = best > 0 ? std::min(best, seconds) : seconds;
  }
  return best;
}

}  // namespace tether
