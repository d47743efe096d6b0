// Gates, norms and rotations as MLX operations that tether's own kernels compute on the CPU.
#pragma once

#include <mlx/mlx.h>

#include <optional>
#include <vector>

#include "cpu/kernels.h"

// Operations of cpu/ops/ are lazy, take and return float32, and are computed by all threads of the pool. MLX's CPU
// backend computes elementwise functions one number at a time on one thread. Call them on the engine thread.
namespace tether::cpu {

namespace mx = mlx::core;

// a, b: any shape, the same for both -> gate(a) * b
mx::array gated(Gate gate, const mx::array& a, const mx::array& b);

// x / sqrt(mean(x^2) + eps) * weight along the last axis.
struct Norm {
  std::optional<mx::array> weight;  // (width)
  float eps;
};

// Along the last axis. weight: (width)
mx::array rms_norm(const mx::array& x, const std::optional<mx::array>& weight, float eps);

// Rotates the heads of rows [begin, begin + count) of x: (N, heads * head_dim). angles: (2, count, dims / 2), cosines
// and sines. -> (1, heads, count, head_dim)
mx::array rotate(const mx::array& x, int begin, int count, int heads, const mx::array& angles, bool traditional);

// Multiplies each run of `block` numbers along the last axis by scale times the Hadamard matrix of that size. block: a
// power of two, at least 32.
mx::array hadamard(const mx::array& x, int block, float scale);

// x: (1, heads, T, head_dim), a multiple of 32 -> numbers, scales and biases in 4 bits, affine in groups of 32.
std::vector<mx::array> packed(const mx::array& x);

// x: (1, heads, T, head_dim) -> the same in float16, the nearest ones. Finite numbers stay finite.
mx::array halves(const mx::array& x);

// y: (N, width), sum: (M, width) -> y, to whose rows [begin, begin + M) `sum` is added
mx::array add_rows(const mx::array& y, const mx::array& sum, int begin);

}  // namespace tether::cpu
