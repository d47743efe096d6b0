// Which earlier work a prompt can start from. Keyed by tokens alone, so that any client that shares a prefix shares it.
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

// What they share, but for the prompt's last token, which is always computed.
int shared(const Sequence& sequence, std::span<const int32_t> prompt) {
  return std::min(common_prefix(sequence.tokens(), prompt), static_cast<int>(prompt.size()) - 1);
}

}  // namespace

PrefixCache::Found PrefixCache::take(std::span<const int32_t> prompt, Sequence fresh,
                                     std::span<const Sequence* const> live) {
  auto best = entries_.end();
  int best_length = 0;
  int branch = 0;
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    int common = shared(*it, prompt);
    int usable = it->rewindable(common);
    branch = std::max(branch, common);
    if (usable > best_length) {
      best = it;
      best_length = usable;
    }
  }
  const Sequence* busy = nullptr;
  for (const auto* other : live) {
    int common = shared(*other, prompt);
    int usable = other->rewindable(common);
    branch = std::max(branch, common);
    if (usable > best_length) {
      busy = other;
      best_length = usable;
    }
  }
  if (busy) {
    auto copy = *busy;
    copy.rewind(best_length);
    return {std::move(copy), branch};
  }
  if (best == entries_.end()) return {std::move(fresh), branch};
  bool keep = best->length() - best_length > kSameConversation;
  auto sequence = keep ? *best : std::move(*best);
  if (keep)
    entries_.splice(entries_.begin(), entries_, best);
  else
    entries_.erase(best);
  sequence.rewind(best_length);
  return {std::move(sequence), branch};
}

int PrefixCache::longest(std::span<const int32_t> prompt) const {
  int most = 0;
  for (const auto& entry : entries_) most = std::max(most, entry.rewindable(shared(entry, prompt)));
  return most;
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
