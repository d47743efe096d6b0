// A growing buffer of keys or of values, one slot per token: as computed, in float16, or quantized along head_dim.
#pragma once

#include <mlx/mlx.h>

#include <cstdint>
#include <vector>

#include "matrix.h"

namespace tether {

namespace mx = mlx::core;

// How keys and values are stored: as they are computed for 0 bits, in float16 for 16, affine for 8 and 4. In groups of
// 32: of 64 for 8 bits if head_dim is a multiple. Throws Error("bad_config") for other bits and for a head_dim that
// groups do not divide.
Quantization kv_quantization(int bits, int head_dim);

// Whether heads are transformed (hadamard.h) before they are stored so: in 4 bits outliers would cost the other numbers
// of their group too much.
constexpr bool is_transformed(const Quantization& quantization) { return quantization.bits == 4; }

// Bytes that `elements` numbers take if a computed one has `element` bytes. As kv_quantization() returns it.
uint64_t stored_bytes(const Quantization& quantization, uint64_t elements, uint64_t element);

// In float16, the nearest numbers, of two as near the even one; finite ones stay finite. By MLX's operations, for
// devices without own kernels.
mx::array in_float16(const mx::array& x);

// Each token is rounded or quantized by itself, and reads return exactly what was stored, so it does not matter how
// tokens are grouped into writes. Copies share their arrays until one of them is written to. Engine thread only.
class Slots {
 public:
  explicit Slots(Quantization quantization) : quantization_(quantization) {}

  bool empty() const { return arrays_.empty(); }

  // x: (1, kv_heads, T, head_dim). Overwrites the slots [at, at + T), which exist.
  void write(const mx::array& x, int at);
  // Makes a new buffer of `capacity` slots: the `kept` slots before `end`, then x, then spare ones.
  void rebuild(const mx::array& x, int kept, int end, int capacity);
  // Takes a buffer that an operation has written, of slots as they are computed.
  void replace(const mx::array& buffer) { arrays_ = {buffer}; }
  // As write() and rebuild(), for slots as stored() gives them.
  void write_stored(const std::vector<mx::array>& slots, int at);
  void rebuild_stored(const std::vector<mx::array>& slots, int kept, int end, int capacity);
  // -> (1, kv_heads, end - begin, head_dim), as stored
  Matrix read(int begin, int end) const;
  // The slots [begin, end) of each buffer.
  std::vector<mx::array> stored(int begin, int end) const;

  size_t bytes() const;
  // The buffers, (1, kv_heads, capacity, …): one, or quantized numbers, scales and biases.
  const std::vector<mx::array>& arrays() const { return arrays_; }

 private:
  std::vector<mx::array> as_stored(const mx::array& x) const;

  Quantization quantization_;
  std::vector<mx::array> arrays_;
};

}  // namespace tether
