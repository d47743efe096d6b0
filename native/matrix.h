// A matrix as it is stored, plain or quantized: weights of layers, embeddings, and keys and values of a cache.
#pragma once

#include <mlx/mlx.h>

#include <optional>

#include "quantization.h"

namespace tether {

namespace mx = mlx::core;

// Rows along the last axis. Leading axes, if any: experts, or the heads of a cache.
struct Matrix {
  mx::array numbers;  // (..., rows, width) floats, or quantized: (..., rows, width * bits / 32) uint32
  std::optional<mx::array> scales = std::nullopt;  // (..., rows, width / group_size), if quantized
  std::optional<mx::array> biases = std::nullopt;  // the same, if the quantization is affine
  Quantization quantization = {};
  bool interleaved = false;  // in the order of cpu/ops/interleave.h, of the same shapes

  bool quantized() const { return quantization.mode != QuantMode::none; }
  int rows() const { return numbers.shape(-2); }
  int width() const { return quantized() ? numbers.shape(-1) * 32 / quantization.bits : numbers.shape(-1); }

  // -> (..., rows, width) floats: quantized numbers in `dtype`, or in MLX's default for the format; plain ones as they
  // are.
  mx::array dequantized(std::optional<mx::Dtype> dtype = std::nullopt) const {
    if (!quantized()) return numbers;
    return mx::dequantize(numbers, *scales, biases, quantization.group_size, quantization.bits,
                          mode_name(quantization.mode), std::nullopt, dtype);
  }
};

}  // namespace tether
