// The KV cache of one layer of one sequence, oldest token first; sliding layers keep their window.
#include "model/kv_cache.h"

#include <algorithm>
#include <vector>

namespace tether {
namespace {

// Spare slots, so that most decode steps write in place.
constexpr int kSpare = 256;

}  // namespace

KVView KVCache::append(const mx::array& k, const mx::array& v) {
  int count = k.shape(2);
  int before = offset();
  if (length_ + count > capacity_) {
    grow(k, v);
  } else {
    keys_.write(k, length_);
    values_.write(v, length_);
    length_ += count;
  }
  int visible = window_ ? std::min(length_, window_ - 1 + count) : length_;
  return {.keys = keys_.read(length_ - visible, length_),
          .values = values_.read(length_ - visible, length_),
          .offset = before};
}

void KVCache::grow(const mx::array& k, const mx::array& v) {
  int count = k.shape(2);
  int kept = window_ ? std::min(length_, window_ - 1) : length_;
  int needed = kept + count;
  // The next append to a sliding layer trims a long one again: no spare slots then.
  int capacity = needed + kSpare;
  if (window_ && count >= kSpare) capacity = needed;
  if (!window_) {
    capacity = std::max({capacity, std::min(capacity_ + capacity_ / 4, capacity_ + 16 * kSpare), reserved_ + kSpare});
    if (most_) capacity = std::max(needed, std::min(capacity, most_));
  }
  keys_.rebuild(k, kept, length_, capacity);
  values_.rebuild(v, kept, length_, capacity);
  first_ += length_ - kept;
  length_ = needed;
  capacity_ = capacity;
}

int KVCache::most_slots(int window, int chunk) {
  return window - 1 + std::max(chunk, std::min(chunk, kSpare - 1) + kSpare);
}

bool KVCache::can_trim(int length) const {
  if (length > offset()) return false;
  if (!window_) return true;
  return first_ <= std::max(0, length - (window_ - 1));
}

void KVCache::trim(int length) { length_ = length - first_; }

size_t KVCache::bytes() const { return keys_.bytes() + values_.bytes(); }

std::vector<mx::array> KVCache::arrays() const {
  auto all = keys_.arrays();
  all.insert(all.end(), values_.arrays().begin(), values_.arrays().end());
  return all;
}

void evaluate(const std::vector<KVCache>& caches, bool by_layer) {
  std::vector<mx::array> written;
  for (const auto& cache : caches) {
    auto arrays = cache.arrays();
    if (by_layer)
      mx::eval(std::move(arrays));
    else
      written.insert(written.end(), arrays.begin(), arrays.end());
  }
  if (!written.empty()) mx::eval(std::move(written));
}

}  // namespace tether
