// Drafts of an assistant, which reads the keys and values of the model that it drafts for.
#include "engine/assistant_drafter.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include "engine/live.h"
#include "engine/rate.h"

namespace tether {

Drafter::Took AssistantDrafter::draft(std::span<DraftJob> jobs) {
  auto started = std::chrono::steady_clock::now();
  std::ranges::sort(jobs, std::greater{}, &DraftJob::count);
  std::vector<int32_t> known;
  std::vector<mx::array> hidden;
  std::vector<Borrowed> sequences;
  for (const auto& job : jobs) {
    known.push_back(job.target->tokens().back());
    hidden.push_back(*job.state->hidden);
    const auto& caches = job.target->caches();
    sequences.push_back({.sliding = &caches[caches_.sliding], .full = &caches[caches_.full]});
  }
  Assistant::Step last{.tokens = to_array(known), .hidden = mx::concatenate(hidden, 0)};
  std::vector<mx::array> steps;
  for (int step = 0; step < jobs[0].count; step++) {
    sequences.resize(going_at(jobs, step));
    auto going = static_cast<int>(sequences.size());
    last = assistant_->step({.tokens = mx::slice(last.tokens, {0}, {going}),
                             .hidden = mx::slice(last.hidden, {0, 0}, {going, last.hidden.shape(1)})},
                            sequences);
    steps.push_back(last.tokens);
  }
  hand_out(jobs, steps);
  return {.steps = jobs[0].count, .seconds = seconds_since(started)};
}

}  // namespace tether
