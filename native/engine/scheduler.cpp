// The scheduler: which request starts next, which of the prompts that are being prefilled gets the next chunk, and how
// long that chunk is.
#include "engine/scheduler.h"

#include <algorithm>

namespace tether {

bool has_place(size_t live, size_t own) { return live < (own == 0 ? kMostLive : kMostLive - 1); }

std::optional<size_t> next_start(std::span<const size_t> own) {
  if (own.empty()) return std::nullopt;
  return static_cast<size_t>(std::ranges::min_element(own) - own.begin());
}

std::optional<size_t> next_prefill(std::span<const PendingPrefill> prefills) {
  if (prefills.empty()) return std::nullopt;
  const auto* behind = &*std::ranges::max_element(prefills, {}, &PendingPrefill::lag);
  const auto* shortest = &*std::ranges::min_element(prefills, {}, &PendingPrefill::remaining);
  auto client = behind->lag >= kPatience ? behind->client : shortest->client;
  const PendingPrefill* oldest = nullptr;
  shortest = nullptr;
  int others = -1;
  for (const auto& one : prefills) {
    if (one.client != client) continue;
    others++;
    if (!oldest || one.passed_over > oldest->passed_over) oldest = &one;
    if (!shortest || one.remaining < shortest->remaining) shortest = &one;
  }
  const auto* next = oldest->passed_over >= std::max(1, kPatience * others) ? oldest : shortest;
  return static_cast<size_t>(next - prefills.data());
}

int lag_after(int lag, int tokens, size_t clients, bool served) {
  int share = tokens / static_cast<int>(clients);
  return std::max(-kPatience, lag + share - (served ? tokens : 0));
}

int chunk_end(int begin, int end, int chunk, std::span<const int> fork_points) {
  int last = std::min((begin / chunk + 1) * chunk, end);
  auto fork = std::ranges::upper_bound(fork_points, begin);
  return fork == fork_points.end() ? last : std::min(last, *fork);
}

}  // namespace tether
