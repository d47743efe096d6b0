// Quantized rows back to numbers: by MLX on a GPU, by a primitive of our own on a CPU.
#pragma once

#include <mlx/mlx.h>

namespace tether {

namespace mx = mlx::core;

// What mx::quantize made of rows of 8-bit or 4-bit numbers, affine, in groups along the last axis.
struct PackedRows {
  mx::array packed;  // (1, heads, S, dim * bits / 32) uint32
  mx::array scales;  // (1, heads, S, dim / group)
  mx::array biases;  // (1, heads, S, dim / group)
  int bits;          // 8 or 4
};

// -> (1, heads, S, dim) in the dtype of the scales. Lazy. The last axis must be contiguous; the others need not be.
mx::array unpack_rows(const PackedRows& rows);

}  // namespace tether
