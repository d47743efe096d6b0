// Keys and values of one layer for one sequence, in temporal order; sliding layers keep their window.
#include "model/kv_cache.h"

#include <algorithm>
#include <vector>

namespace tether {
namespace {

// Spare slots, so that a decode step writes in place and buffers move only now and then.
constexpr int kSpare = 256;

mx::array slots(const mx::array& buffer, int begin, int end) {
  return mx::slice(buffer, {0, 0, begin, 0}, {buffer.shape(0), buffer.shape(1), end, buffer.shape(3)});
}

// `kept` old slots ending at `end`, then the new ones, then room: (1, heads, capacity, dim)
mx::array rebuild(const std::optional<mx::array>& old, int kept, int end, const mx::array& add, int capacity) {
  std::vector<mx::array> parts;
  if (kept > 0) parts.push_back(slots(*old, end - kept, end));
  parts.push_back(add);
  int room = capacity - kept - add.shape(2);
  // A view of one zero: as an array of its own it would be made for all layers before the first of them is needed.
  if (room > 0)
    parts.push_back(mx::broadcast_to(mx::array(0, add.dtype()), {add.shape(0), add.shape(1), room, add.shape(3)}));
  return parts.size() == 1 ? parts[0] : mx::concatenate(parts, 2);
}

}  // namespace

KVCache::View KVCache::append(const mx::array& k, const mx::array& v) {
  int count = k.shape(2);
  if (length_ + count > capacity_) {
    make_room(k, v);
  } else {
    mx::Shape start{0, 0, length_, 0};
    mx::Shape stop{k.shape(0), k.shape(1), length_ + count, k.shape(3)};
    keys_ = mx::slice_update(*keys_, k, start, stop);
    stop[3] = v.shape(3);
    values_ = mx::slice_update(*values_, v, start, stop);
    length_ += count;
  }
  int visible = window_ ? std::min(length_, window_ - 1 + count) : length_;
  return {slots(*keys_, length_ - visible, length_), slots(*values_, length_ - visible, length_)};
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
  keys_ = rebuild(keys_, kept, length_, k, capacity);
  values_ = rebuild(values_, kept, length_, v, capacity);
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

size_t KVCache::bytes() const { return keys_ ? keys_->nbytes() + values_->nbytes() : 0; }

std::vector<mx::array> KVCache::arrays() const {
  if (!keys_) return {};
  return {*keys_, *values_};
}

}  // namespace tether
