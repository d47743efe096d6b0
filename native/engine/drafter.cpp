// Drafts from a second, cheaper model: what drafting takes.
#include "engine/drafter.h"

#include <algorithm>
#include <chrono>

#include "engine/rate.h"
#include "engine/sampler.h"

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

DrafterCosts measure_drafter(Drafter& drafter, Model& target) {
  constexpr int kTokens = 8;
  constexpr int kDrafted = 4;
  constexpr int kRounds = 6;
  constexpr int kRead = 14;
  constexpr double kMostSeconds = 0.3;
  std::vector<int32_t> tokens;
  for (int i = 0; i < kTokens; i++) tokens.push_back(i % target.vocab_size());
  Sequence sequence(target.new_caches(0));
  Segment segment{&sequence.caches(), kTokens};
  auto hidden = target.forward(mx::array(tokens.data(), {kTokens}, mx::int32), {&segment, 1});
  mx::eval(hidden);
  sequence.extended_by(tokens);
  DraftState state;
  state.hidden = row_of(hidden, kTokens - 1);
  auto seconds = [&, token = 0](int read) mutable {
    for (int i = 0; i < read; i++) {
      int32_t next = token++ % target.vocab_size();
      sequence.extended_by({&next, 1});
    }
    DraftJob job{.state = &state, .target = &sequence, .count = kDrafted};
    return drafter.draft({&job, 1}).seconds;
  };
  auto started = std::chrono::steady_clock::now();
  seconds(1);  // reads the weights for the first time
  double best = seconds(0);
  for (int round = 2; round < kRounds && seconds_since(started) < kMostSeconds; round++)
    best = std::min(best, seconds(0));
  // An assistant reads nothing: its sequences are the target's, which has not computed these tokens.
  if (drafter.wants_hidden()) return {.draft = best / kDrafted};
  double reading = seconds(kRead);
  if (seconds_since(started) < 2 * kMostSeconds) reading = std::min(reading, seconds(kRead));
  return {.draft = best / kDrafted, .read = std::max(0.0, reading - best) / kRead};
}

}  // namespace tether
