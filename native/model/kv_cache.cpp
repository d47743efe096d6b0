// Keys and values of one layer for one sequence, in temporal order; sliding layers keep their window.
#include "model/kv_cache.h"

#include <algorithm>
#include <vector>

namespace tether {
namespace {

// Spare slots, so that a decode step writes in place and buffers move only now and then.
constexpr int kSpare = 256;

}  // namespace

KVCache::View KVCache::append(const mx::array& k, const mx::array& v) {
  int count = k.shape(2);
  if (length_ + count > capacity_) {
    make_room(k, v);
  } else {
    keys_.write(k, length_);
    values_.write(v, length_);
    length_ += count;
  }
  int visible = window_ ? std::min(length_, window_ - 1 + count) : length_;
  return {keys_.read(length_ - visible, length_), values_.read(length_ - visible, length_)};
}

void KVCache::make_room(const mx::array& k, const mx::array& v) {
  int count = k.shape(2);
  int kept = window_ ? std::min(length_, window_ - 1) : length_;
  int needed = kept + count;
  // A long append of a sliding layer will be cut again by the next one: no spare room then.
  int capacity = needed + kSpare;
  if (window_ && count >= kSpare) capacity = needed;
  if (!window_) {
    capacity = std::max({capacity, std::min(capacity_ + capacity_ / 4, capacity_ + 16 * kSpare), expected_ + kSpare});
    if (most_) capacity = std::max(needed, std::min(capacity, most_));
  }
  keys_.rebuild(k, kept, length_, capacity);
  values_.rebuild(v, kept, length_, capacity);
  first_ += length_ - kept;
  length_ = needed;
  capacity_ = capacity;
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

}  // namespace tether
