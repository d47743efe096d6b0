// Matrices for tests.
#pragma once

#include <mlx/mlx.h>

#include "matrix.h"

namespace tether {

// As MLX quantizes it, affine.
inline Matrix quantized(const mlx::core::array& weight, int group, int bits) {
  auto parts = mlx::core::quantize(weight, group, bits);
  mlx::core::eval(parts);
  return {.numbers = parts[0],
          .scales = parts[1],
          .biases = parts[2],
          .quantization = {.mode = QuantMode::affine, .bits = bits, .group_size = group}};
}

}  // namespace tether
