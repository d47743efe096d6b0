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
  if (length_ + count > capacity_) {
    int kept = kept_by_growing();
    int capacity = new_capacity(kept, count);
    keys_.rebuild(k, kept, length_, capacity);
    values_.rebuild(v, kept, length_, capacity);
    grown(kept, count, capacity);
  } else {
    keys_.write(k, length_);
    values_.write(v, length_);
    length_ += count;
  }
  return newest(count);
}

cpu::SlotRoom KVCache::room(int count) const {
  const auto* keys = keys_.empty() ? nullptr : keys_.arrays().data();
  auto dtype = quantization_.bits == 16 ? mx::float16 : mx::float32;
  const auto* values = values_.empty() ? nullptr : values_.arrays().data();
  if (length_ + count <= capacity_)
    return {.keys = keys, .values = values, .from = 0, .kept = length_, .capacity = capacity_, .dtype = dtype};
  int kept = kept_by_growing();
  int capacity = new_capacity(kept, count);
  return {.keys = keys, .values = values, .from = length_ - kept, .kept = kept, .capacity = capacity, .dtype = dtype};
}

void KVCache::fill(const cpu::SlotRoom& room, int count, const mx::array& keys, const mx::array& values) {
  keys_.replace(keys);
  values_.replace(values);
  grown(room.kept, count, room.capacity);
}

KVView KVCache::newest(int count) const {
  int visible = window_ ? std::min(length_, window_ - 1 + count) : length_;
  return {.keys = keys_.read(length_ - visible, length_),
          .values = values_.read(length_ - visible, length_),
          .offset = offset() - count};
}

KVView KVCache::last(int most) const {
  int begin = most ? std::max(0, length_ - most) : 0;
  return {.keys = keys_.read(begin, length_), .values = values_.read(begin, length_), .offset = offset() - 1};
}

int KVCache::new_capacity(int kept, int count) const {
  int needed = kept + count;
  // The next append to a sliding layer trims a long one again: no spare slots then.
  int capacity = needed + kSpare;
  if (window_ && count >= kSpare) capacity = needed;
  if (window_) return capacity;
  capacity = std::max({capacity, std::min(capacity_ + capacity_ / 4, capacity_ + 16 * kSpare), reserved_ + kSpare});
  return most_ ? std::max(needed, std::min(capacity, most_)) : capacity;
}

void KVCache::grown(int kept, int count, int capacity) {
  first_ += length_ - kept;
  length_ = kept + count;
  capacity_ = capacity;
}

KVCache::Stored KVCache::stored(int begin, int end) const {
  auto slots = keys_.stored(begin - first_, end - first_);
  auto values = values_.stored(begin - first_, end - first_);
  slots.insert(slots.end(), values.begin(), values.end());
  return slots;
}

void KVCache::append_stored(const Stored& slots) {
  auto half = slots.begin() + static_cast<std::ptrdiff_t>(slots.size() / 2);
  Stored keys(slots.begin(), half);
  Stored values(half, slots.end());
  int count = keys[0].shape(2);
  if (length_ + count > capacity_) {
    int kept = kept_by_growing();
    // Always with spare slots: a buffer without any would be `slots` itself, and keep alive what that is a part of.
    int capacity = std::max(new_capacity(kept, count), kept + count + 1);
    keys_.rebuild_stored(keys, kept, length_, capacity);
    values_.rebuild_stored(values, kept, length_, capacity);
    return grown(kept, count, capacity);
  }
  keys_.write_stored(keys, length_);
  values_.write_stored(values, length_);
  length_ += count;
}

void KVCache::restore(int first, const Stored& slots) {
  int reserved = reserved_;
  int most = most_;
  clear();
  reserve(reserved, most);
  first_ = first;
  append_stored(slots);
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
