// The prefix cache: sequences of earlier requests, keyed by their tokens alone, so that all clients share them.
#include "engine/prefix_cache.h"

#include <algorithm>
#include <utility>

namespace tether {
namespace {

// An entry that would lose more than this is another conversation, not an earlier state of this one.
constexpr int kSameConversation = 64;

int common_prefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  auto end = std::min(a.size(), b.size());
  size_t i = 0;
  while (i < end && a[i] == b[i]) i++;
  return static_cast<int>(i);
}

// Tokens that they share. The prompt's last one does not count: it is always computed.
int shared(const Sequence& sequence, std::span<const int32_t> prompt) {
  return std::min(common_prefix(sequence.tokens(), prompt), static_cast<int>(prompt.size()) - 1);
}

}  // namespace

PrefixCache::Match PrefixCache::match(std::span<const int32_t> prompt, std::span<const Sequence* const> live) const {
  Match best;
  auto consider = [&](const Sequence& sequence) {
    int common = shared(sequence, prompt);
    int usable = sequence.rewindable(common);
    best.fork = std::max(best.fork, common);
    if (usable <= best.length) return;
    best.from = &sequence;
    best.length = usable;
  };
  for (const auto& entry : entries_) consider(entry);
  for (const auto* other : live) consider(*other);
  if (best.from) best.snapshots = best.from->snapshots(best.length);
  return best;
}

Sequence PrefixCache::take(const Match& match, Sequence fresh) {
  if (!match.from) return fresh;
  auto sequence = *match.from;  // its arrays are shared handles
  sequence.rewind(match.length);
  auto entry = std::ranges::find(entries_, match.from, [](const Sequence& other) { return &other; });
  if (entry == entries_.end()) return sequence;
  if (entry->length() - match.length > kSameConversation)
    entries_.splice(entries_.begin(), entries_, entry);
  else
    entries_.erase(entry);
  return sequence;
}

void PrefixCache::put(Sequence sequence) {
  if (sequence.length() == 0) return;
  entries_.push_front(std::move(sequence));
  while (entries_.size() > max_entries_ || bytes() > max_bytes_) entries_.pop_back();
}

bool PrefixCache::evict_one() {
  if (entries_.empty()) return false;
  entries_.pop_back();
  return true;
}

size_t PrefixCache::bytes() const {
  size_t sum = 0;
  for (const auto& entry : entries_) sum += entry.bytes();
  return sum;
}

}  // namespace tether
