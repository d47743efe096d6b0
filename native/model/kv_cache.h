// The KV cache of one layer of one sequence, oldest token first; sliding layers keep their window.
#pragma once

#include <mlx/mlx.h>

#include <algorithm>
#include <vector>

#include "cpu/ops/attention.h"
#include "model/slots.h"

namespace tether {

namespace mx = mlx::core;

// Keys and values as attention reads them: the last S slots of a cache, the last T of which belong to T queries. They
// are transformed if is_transformed() says so of their quantization.
struct KVView {
  Matrix keys;    // (1, kv_heads, S, head_dim)
  Matrix values;  // (1, kv_heads, S, head_dim)
  int offset;     // position of the first query

  int slots() const { return keys.rows(); }
};

// Holds the slots [first, offset) of a sequence, oldest first. A full-attention layer keeps all of them; a sliding
// layer keeps at least the window - 1 slots that the next token sees. Copying is cheap (arrays are shared handles) and
// the copies are independent: MLX copies a buffer before writing if another handle holds it. Not thread-safe: engine
// thread only.
class KVCache {
 public:
  // window 0: full attention.
  explicit KVCache(int window = 0, Quantization quantization = {})
      : window_(window), quantization_(quantization), keys_(quantization), values_(quantization) {}

  // k, v: (1, kv_heads, T, head_dim), transformed if is_transformed(quantization()). Adds T slots; the view holds every
  // slot that any of the T queries sees (for a sliding layer at most window - 1 + T: a mask narrows it per query). All
  // slots of the view are as they are stored, the new ones too.
  KVView append(const mx::array& k, const mx::array& v);

  // The same for an operation that writes `count` slots itself, where there is no quantization: it is given room(), and
  // its buffers go to fill().
  cpu::SlotRoom room(int count) const;
  void fill(const cpu::SlotRoom& room, int count, const mx::array& keys, const mx::array& values);
  // Every slot that any of the last `count` tokens sees.
  KVView newest(int count) const;

  // The last slots, at most `most`, and all for 0. The view's query is the last token that it holds.
  KVView last(int most) const;

  // As they are kept: for keys one array, or quantized numbers, scales and biases; then the same for values. Each is
  // (1, kv_heads, T, …).
  using Stored = std::vector<mx::array>;
  // The slots of the positions [begin, end), which the cache holds.
  Stored stored(int begin, int end) const;
  // Adds slots at the end, as if append() had computed them.
  void append_stored(const Stored& slots);
  // Replaces everything by slots of which the first is at position `first`.
  void restore(int first, const Stored& slots);

  // Sizes the next buffers for at least `tokens` tokens, and for at most `most` (0: not known). Allocates nothing.
  void reserve(int tokens, int most) {
    reserved_ = tokens;
    most_ = most;
  }

  // Tokens seen so far: the position of the next one.
  int offset() const { return first_ + length_; }
  int window() const { return window_; }
  const Quantization& quantization() const { return quantization_; }
  // The position of the oldest slot that it holds.
  int first() const { return first_; }
  // The most slots that a buffer of a sliding layer has, if at most `chunk` tokens are appended at a time.
  static int most_slots(int window, int chunk);

  // Whether the state after `length` tokens can be restored exactly. Always true for full attention.
  bool can_trim(int length) const;
  // Drops all but the first `length` tokens. can_trim(length) must hold.
  void trim(int length);
  // For a copy whose buffers another one keeps: the next append makes new ones for its own length, in place of a copy
  // of all their capacity.
  void detach() { capacity_ = length_; }
  // Drops everything, buffers and reservations too.
  void clear() { *this = KVCache(window_, quantization_); }

  // Bytes of the buffers.
  size_t bytes() const;
  // The buffers, to be evaluated; empty before the first append.
  std::vector<mx::array> arrays() const;

 private:
  // The capacity of new buffers that take `count` more slots after `kept` of the old ones.
  int new_capacity(int kept, int count) const;
  int kept_by_growing() const { return window_ ? std::min(length_, window_ - 1) : length_; }
  void grown(int kept, int count, int capacity);

  int window_;
  Quantization quantization_;
  int first_ = 0;   // position of slot 0
  int length_ = 0;  // slots in use
  int capacity_ = 0;
  int reserved_ = 0;
  int most_ = 0;
  Slots keys_;  // `capacity` of them
  Slots values_;
};

// Computes what forward passes have appended. by_layer: one layer after another, so that MLX allocates nothing for the
// layers after the one that it computes; else all at once.
void evaluate(const std::vector<KVCache>& caches, bool by_layer);

}  // namespace tether
