// Products of few rows with their norms, gates and sums, as one MLX operation: each costs some microseconds beside its
// work.
#pragma once

#include <mlx/mlx.h>

#include <optional>
#include <vector>

#include "cpu/kernels.h"
#include "cpu/ops/elementwise.h"
#include "matrix.h"

// As in products.h, but matrices and weights of norms are evaluated. Every number is what the operations one by one
// would give.
namespace tether::cpu {

// after(gate(before(x) times each of the matrices)).
struct Stage {
  std::optional<Norm> before = std::nullopt;
  std::vector<const Matrix*> matrices;      // of one width and one format; their products lie side by side
  std::optional<Gate> gate = std::nullopt;  // of two matrices with as many rows: gate(first product) * second
  std::optional<Norm> after = std::nullopt;
};

// x: (N, width) with at most kFewRows rows. Each stage is given what the one before it returns.
// -> what the last one returns, plus `residual` if there is one
mx::array in_stages(const mx::array& x, const std::vector<Stage>& stages, const std::optional<mx::array>& residual,
                    Activations activations);

}  // namespace tether::cpu
