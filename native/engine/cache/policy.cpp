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

constexpr auto kMost = std::numeric_limits<uint32_t>::max();

// What a block knows from its parent; a later request made it if it has fewer hits.
void follow(Use& use, const Use* parent) {
  use.turn = parent ? parent->turn + (use.hits < parent->hits ? 1 : 0) : 1;
  use.goes_on = parent ? likely_to_go_on(*parent, parent->goes_on) : 1;
}

}  // namespace

void touch(std::span<Use* const> path, uint64_t now) {
  const Use* parent = nullptr;
  for (auto* use : path) {
    if (use->hits < kMost) use->hits++;
    use->last = now;
    follow(*use, parent);
    parent = use;
  }
}

void make(Use& use, Use* parent, uint64_t now) {
  bool is_new = use.last == 0;
  use.last = now;
  if (!is_new) return;
  // A parent without hits was made by the same request.
  if (parent && parent->hits > 0 && parent->branches < kMost) parent->branches++;
  follow(use, parent);
}

void restore(Use& use, const Use* parent, size_t children) {
  if (parent) use.hits = std::min(use.hits, parent->hits);
  use.branches = static_cast<uint32_t>(children > 0 ? children - 1 : 0);
  follow(use, parent);
}

double keep_value(const Use& use, uint64_t now) {
  // A clock that was set back makes a block new, not old.
  double idle = 1 + (use.last < now ? static_cast<double>(now - use.last) : 0);
  double uses = std::min(kMostUses, static_cast<double>(use.turn) + use.hits);
  double goes_on = use.goes_on;
  double in_use = (kShortest + kPerUse * uses) * goes_on * goes_on * goes_on;
  return idle <= in_use ? 1 + 1 / idle : in_use / idle;
}

bool gives_way(const Use& leaf, const Use& newcomer, uint64_t now) {
  return leaf.pinned == 0 && keep_value(leaf, now) <= keep_value(newcomer, now);
}

}  // namespace tether
