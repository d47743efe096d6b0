// Products with stored matrices as MLX operations that tether's own kernels compute on the CPU.
#pragma once

#include <mlx/mlx.h>

#include "cpu/kernels.h"
#include "matrix.h"

// As in elementwise.h: lazy, float32, on all threads of the pool, called on the engine thread. A matrix is read in
// whatever format it is stored in; its scales and biases are float32 if it is affine. `activations`: how x is rounded
// where it has at most kFewRows rows and the matrix is affine in 4 or 8 bits.
namespace tether::cpu {

// x: (N, width), matrix: (rows, width) -> (N, rows)
mx::array product(const mx::array& x, const Matrix& matrix, Activations activations);

// experts: (...) int32 or uint32; matrix: (experts, rows, width); x: (..., 1, width), one row for each of `experts`, or
// one that is broadcast along the last axis of `experts` -> (..., 1, rows)
mx::array expert_product(const mx::array& x, const mx::array& experts, const Matrix& matrix, Activations activations);

// ids: (N) int32, matrix: (rows, width) -> (N, width)
mx::array rows_of(const Matrix& matrix, const mx::array& ids);

}  // namespace tether::cpu
