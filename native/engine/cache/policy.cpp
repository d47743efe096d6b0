#include "engine/cache/policy.h"

namespace tether {

void touch(std::span<Use* const> path, size_t found, uint64_t now) {
  for (size_t i = 0; i < path.size(); i++) {
    if (i < found) path[i]->hits++;
    path[i]->last = now;
  }
}

double keep_value(const Use& use, uint64_t now) {
  // A clock that was set back, as after a restart, makes a block new, not old.
  double idle = use.last < now ? static_cast<double>(now - use.last) : 0;
  return (use.hits + 1.0) / (idle + 1.0);
}

std::optional<size_t> victim(std::span<const Use* const> leaves, uint64_t now) {
  std::optional<size_t> least;
  double value = 0;
  for (size_t i = 0; i < leaves.size(); i++) {
    if (leaves[i]->pinned > 0) continue;
    double mine = keep_value(*leaves[i], now);
    if (least && mine >= value) continue;
    least = i;
    value = mine;
  }
  return least;
}

}  // namespace tether
