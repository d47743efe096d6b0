// One sequence's state: the tokens that its caches hold, and the points it can be taken back to.
#include "engine/sequence.h"

#include <algorithm>
#include <ranges>

namespace tether {
namespace {

bool is_sliding(const KVCache& cache) { return cache.window() != 0; }

}  // namespace

void Sequence::checkpoint() {
  if (length() == 0 || std::ranges::none_of(caches_, is_sliding)) return;
  if (!checkpoints_.empty() && checkpoints_.back().length == length()) return;
  if (checkpoints_.size() == kCheckpoints) checkpoints_.erase(checkpoints_.begin());
  Checkpoint point{length(), {}};
  std::ranges::copy_if(caches_, std::back_inserter(point.sliding), is_sliding);
  checkpoints_.push_back(std::move(point));
}

bool Sequence::can_trim(int length) const {
  return std::ranges::all_of(caches_, [&](const KVCache& cache) { return cache.can_trim(length); });
}

int Sequence::rewindable(int length) const {
  length = std::min(length, this->length());
  if (can_trim(length)) return length;
  for (const auto& point : std::views::reverse(checkpoints_))
    if (point.length <= length) return point.length;
  return 0;
}

void Sequence::rewind(int length) {
  if (length == 0) {
    for (auto& cache : caches_) cache.clear();
  } else if (can_trim(length)) {
    for (auto& cache : caches_) cache.trim(length);
  } else {
    auto point = std::ranges::find(checkpoints_, length, &Checkpoint::length);
    size_t next = 0;
    for (auto& cache : caches_) {
      if (is_sliding(cache))
        cache = point->sliding[next++];
      else
        cache.trim(length);
    }
  }
  tokens_.resize(static_cast<size_t>(length));
  std::erase_if(checkpoints_, [&](const Checkpoint& point) { return point.length > length; });
}

size_t Sequence::checkpoints(int length) const {
  auto kept = std::ranges::count_if(checkpoints_, [&](const Checkpoint& point) { return point.length <= length; });
  return static_cast<size_t>(kept);
}

size_t Sequence::bytes() const {
  size_t sum = tokens_.size() * sizeof(int32_t);
  for (const auto& cache : caches_) sum += cache.bytes();
  for (const auto& point : checkpoints_)
    for (const auto& cache : point.sliding) sum += cache.bytes();
  return sum;
}

}  // namespace tether
