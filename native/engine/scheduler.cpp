// The scheduler: which of the prompts that are being prefilled gets the next chunk, and how long that chunk is.
#include "engine/scheduler.h"

#include <algorithm>

namespace tether {

std::optional<size_t> next_prefill(std::span<const PendingPrefill> prefills) {
  if (prefills.empty()) return std::nullopt;
  auto oldest = std::ranges::max_element(prefills, {}, &PendingPrefill::passed_over);
  auto patience = kPatience * (static_cast<int>(prefills.size()) - 1);
  auto next = oldest->passed_over >= std::max(1, patience)
                  ? oldest
                  : std::ranges::min_element(prefills, {}, &PendingPrefill::remaining);
  return static_cast<size_t>(next - prefills.begin());
}

int chunk_end(int begin, int end, int chunk, std::span<const int> fork_points) {
  int last = std::min((begin / chunk + 1) * chunk, end);
  auto fork = std::ranges::upper_bound(fork_points, begin);
  return fork == fork_points.end() ? last : std::min(last, *fork);
}

}  // namespace tether
