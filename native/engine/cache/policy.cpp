#include "engine/cache/policy.h"

#include <algorithm>
#include <limits>

namespace tether {

namespace {

// Tuned on seeds 1 to 20 of `npm run bench:cache`.
constexpr double kShortest = 8;
constexpr double kPerUse = 4;
constexpr uint32_t kEnoughBranches = 4;
// A prefix with more uses than that does not stay longer: else the hits of a damaged file would keep it for ever.
constexpr double kMostUses = 1000;
// Above 0, so that of conversations that never go on the oldest is evicted first.
constexpr double kLeast = 0.05;

// A prefix that enough conversations share tells about them; of any other, such as one prompt that was edited, nothing
// is known.
float likely_to_go_on(const Use& shared, float otherwise) {
  if (shared.branches < kEnoughBranches) return otherwise;
  double first = shared.branches / (shared.hits + 1.0);
  return static_cast<float>(std::clamp(1 - first, kLeast, 1.0));
}

}  // namespace

void touch(std::span<Use* const> path, size_t found, uint64_t now) {
  constexpr auto most = std::numeric_limits<uint32_t>::max();
  bool parts = found > 0 && found < path.size() && path[found]->last == 0;
  if (parts && path[found - 1]->branches < most) path[found - 1]->branches++;
  const Use* parent = nullptr;
  float goes_on = 1;
  for (auto* use : path) {
    if (use->last > 0 && use->hits < most) use->hits++;
    use->last = now;
    // A later request made it if it has fewer hits.
    use->turn = parent ? parent->turn + (use->hits == parent->hits ? 0 : 1) : 1;
    use->goes_on = goes_on;
    goes_on = likely_to_go_on(*use, goes_on);
    parent = use;
  }
}

void restore(Use& use, const Use* parent, size_t children) {
  if (parent) use.hits = std::min(use.hits, parent->hits);
  use.turn = parent ? parent->turn + (use.hits == parent->hits ? 0 : 1) : 1;
  use.branches = static_cast<uint32_t>(children > 0 ? children - 1 : 0);
  use.goes_on = parent ? likely_to_go_on(*parent, parent->goes_on) : 1;
}

double keep_value(const Use& use, uint64_t now) {
  // A clock that was set back makes a block new, not old.
  double idle = 1 + (use.last < now ? static_cast<double>(now - use.last) : 0);
  double uses = std::min(kMostUses, static_cast<double>(use.turn) + use.hits);
  double goes_on = use.goes_on;
  double in_use = (kShortest + kPerUse * uses) * goes_on * goes_on * goes_on;
  return idle <= in_use ? 1 + 1 / idle : in_use / idle;
}

std::optional<size_t> victim(std::span<const Use* const> leaves, uint64_t now, const Use* newcomer) {
  std::optional<size_t> least;
  double value = newcomer ? keep_value(*newcomer, now) : std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < leaves.size(); i++) {
    if (leaves[i]->pinned > 0) continue;
    double mine = keep_value(*leaves[i], now);
    // A newcomer may replace what is worth as much.
    if (least ? mine >= value : mine > value) continue;
    least = i;
    value = mine;
  }
  return least;
}

}  // namespace tether
