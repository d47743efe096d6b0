// How the numbers of a matrix are quantized: one description for checkpoints, layers, caches and kernels.
#pragma once

namespace tether {

// The formats that MLX has. Affine: a scale and a bias for each group. The others: floating-point numbers with a scale.
enum class QuantMode { none, affine, mxfp4, mxfp8, nvfp4 };

// Groups lie along the last axis.
struct Quantization {
  QuantMode mode = QuantMode::none;
  int bits = 0;        // bits of a number; with mode none 16: kept in float16, 0: as computed
  int group_size = 0;  // numbers that share a scale; 0 with mode none

  bool operator==(const Quantization&) const = default;
};

// As MLX and config.json spell it.
constexpr const char* mode_name(QuantMode mode) {
  switch (mode) {
    case QuantMode::none:
      return "none";
    case QuantMode::affine:
      return "affine";
    case QuantMode::mxfp4:
      return "mxfp4";
    case QuantMode::mxfp8:
      return "mxfp8";
    case QuantMode::nvfp4:
      return "nvfp4";
  }
  return "";
}

}  // namespace tether
