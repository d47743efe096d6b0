// Keys and values of one layer for one sequence, in temporal order; sliding layers keep their window.
#pragma once

#include <mlx/mlx.h>

#include <vector>

#include "model/slots.h"

namespace tether {

namespace mx = mlx::core;

// Holds the slots [first, offset) of a sequence, oldest first. A full-attention layer keeps all of them; a sliding
// layer keeps at least the window - 1 that the next token may look at. Copying is cheap (arrays are shared handles)
// and the copies are independent: MLX copies a buffer before writing when another handle still holds it.
// Not thread-safe: engine thread only.
class KVCache {
 public:
  // window 0: full attention.
  explicit KVCache(int window = 0, KVFormat format = {})
      : window_(window), format_(format), keys_(format), values_(format) {}

  // What attention sees after an append: the last slots.
  struct View {
    StoredSlots keys;
    StoredSlots values;
  };

  // k, v: (1, kv_heads, T, head_dim). Adds T slots; the view holds every slot that any of the T queries may look at
  // (for a sliding layer at most window - 1 + T: a mask narrows it per query). Quantized slots are seen as they are
  // kept, the new ones too.
  View append(const mx::array& k, const mx::array& v);

  // A hint: at least `tokens` are coming, and never more than `most` in all (0: not known). Buffers are then made large
  // enough at once, and never larger than needed.
  void expect(int tokens, int most) {
    expected_ = tokens;
    most_ = most;
  }

  // Tokens seen so far: the position of the next one.
  int offset() const { return first_ + length_; }
  int window() const { return window_; }

  // Whether the state after `length` tokens can be had again exactly. Always true for full attention.
  bool can_trim(int length) const;
  // Forgets all but the first `length` tokens. can_trim(length) must hold.
  void trim(int length);
  // Forgets everything, buffers and expectations too.
  void clear() { *this = KVCache(window_, format_); }

  // Bytes of the buffers.
  size_t bytes() const;
  // The buffers, to be evaluated; empty before the first append.
  std::vector<mx::array> arrays() const;

 private:
  void make_room(const mx::array& k, const mx::array& v);

  int window_;
  KVFormat format_;
  int first_ = 0;   // position of slot 0
  int length_ = 0;  // slots in use
  int capacity_ = 0;
  int expected_ = 0;
  int most_ = 0;
  Slots keys_;  // `capacity` of them
  Slots values_;
};

}  // namespace tether
