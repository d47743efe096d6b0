// A growing buffer with a slot a token, of keys or of values: as they are computed, or quantized along head_dim.
#pragma once

#include <mlx/mlx.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace tether {

namespace mx = mlx::core;

// Some slots of a buffer as they are stored.
struct StoredSlots {
  mx::array numbers;  // (1, kv_heads, count, head_dim), or packed: (…, head_dim * bits / 32)
  std::optional<mx::array> scales = std::nullopt;  // (1, kv_heads, count, groups), if packed
  std::optional<mx::array> biases = std::nullopt;
  int bits = 0;  // 0: not packed

  int count() const { return numbers.shape(2); }
  // -> (1, kv_heads, count, head_dim)
  mx::array unpacked() const;
};

// How keys and values are kept.
struct KVFormat {
  int bits = 0;        // 8 or 4; 0: as they are computed
  int group_size = 0;  // numbers of a head_dim that share a scale and a bias

  // Bytes that `elements` numbers take where one is computed in `element` bytes.
  uint64_t bytes(uint64_t elements, uint64_t element) const {
    if (!bits) return elements * element;
    return elements * static_cast<uint64_t>(bits) / 8 + elements / static_cast<uint64_t>(group_size) * 2 * element;
  }

  // Groups of 64, or of 32 where head_dim is no multiple of 64. Throws Error("bad_config") for other bits than 0, 4 and
  // 8 and for a head_dim that groups do not fit into.
  static KVFormat of(int bits, int head_dim);
};

// Each token is quantized by itself, and what is read is always what was stored: how tokens are put together into
// writes does not matter. Copies share their arrays until one of them is written to. Engine thread only.
class Slots {
 public:
  explicit Slots(KVFormat format) : format_(format) {}

  bool empty() const { return arrays_.empty(); }

  // x: (1, kv_heads, T, head_dim) to the slots [at, at + T), which exist.
  void write(const mx::array& x, int at);
  // A new buffer of `capacity` slots: the `kept` slots before `end`, then x, then room.
  void rebuild(const mx::array& x, int kept, int end, int capacity);
  StoredSlots read(int begin, int end) const;

  size_t bytes() const;
  // The buffers, (1, kv_heads, capacity, …): one, or packed numbers, scales and biases.
  const std::vector<mx::array>& arrays() const { return arrays_; }

 private:
  std::vector<mx::array> stored(const mx::array& x) const;

  KVFormat format_;
  std::vector<mx::array> arrays_;
};

}  // namespace tether
