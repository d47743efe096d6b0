// Turns what checkpoints hold into float32 on a CPU, on all of its cores: MLX does it on one, a number at a time.
#pragma once

#include <mlx/mlx.h>

#include <optional>

#include "model/config.h"

namespace tether {

namespace mx = mlx::core;

// x: evaluated, row by row, in any floating-point dtype. Evaluates; engine thread only.
mx::array to_float32(const mx::array& x);

// packed: (..., width * bits / 32) uint32; scales and biases: (..., width / group), float32 or, for the floating-point
// formats, bytes. All evaluated, row by row. -> (..., width). Evaluates; engine thread only.
mx::array dequantize_to_float32(const mx::array& packed, const mx::array& scales,
                                const std::optional<mx::array>& biases, const Quantization& quantization);

}  // namespace tether
