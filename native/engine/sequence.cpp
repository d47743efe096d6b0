// One sequence: its tokens, the caches that hold them, and the lengths that it can be rewound to.
#include "engine/sequence.h"

#include <algorithm>
#include <ranges>

namespace tether {
namespace {

bool is_sliding(const KVCache& cache) { return cache.window() != 0; }

}  // namespace

void Sequence::snapshot() {
  if (length() == 0 || std::ranges::none_of(caches_, is_sliding)) return;
  if (!snapshots_.empty() && snapshots_.back().length == length()) return;
  if (snapshots_.size() == kSnapshots) snapshots_.erase(snapshots_.begin());
  Snapshot snapshot{length(), {}};
  std::ranges::copy_if(caches_, std::back_inserter(snapshot.sliding), is_sliding);
  snapshots_.push_back(std::move(snapshot));
}

bool Sequence::can_trim(int length) const {
  return std::ranges::all_of(caches_, [&](const KVCache& cache) { return cache.can_trim(length); });
}

int Sequence::rewindable(int length) const {
  length = std::min(length, this->length());
  if (can_trim(length)) return length;
  for (const auto& snapshot : std::views::reverse(snapshots_))
    if (snapshot.length <= length) return snapshot.length;
  return 0;
}

void Sequence::rewind(int length) {
  if (length == 0) {
    for (auto& cache : caches_) cache.clear();
  } else if (can_trim(length)) {
    for (auto& cache : caches_) cache.trim(length);
  } else {
    auto snapshot = std::ranges::find(snapshots_, length, &Snapshot::length);
    size_t next = 0;
    for (auto& cache : caches_) {
      if (is_sliding(cache))
        cache = snapshot->sliding[next++];
      else
        cache.trim(length);
    }
  }
  tokens_.resize(static_cast<size_t>(length));
  std::erase_if(snapshots_, [&](const Snapshot& snapshot) { return snapshot.length > length; });
}

size_t Sequence::snapshots(int length) const {
  auto kept = std::ranges::count_if(snapshots_, [&](const Snapshot& snapshot) { return snapshot.length <= length; });
  return static_cast<size_t>(kept);
}

size_t Sequence::bytes() const {
  size_t sum = tokens_.size() * sizeof(int32_t);
  for (const auto& cache : caches_) sum += cache.bytes();
  for (const auto& snapshot : snapshots_)
    for (const auto& cache : snapshot.sliding) sum += cache.bytes();
  return sum;
}

}  // namespace tether
