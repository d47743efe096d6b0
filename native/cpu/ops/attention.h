// Attention as an MLX operation that tether's own kernels compute on the CPU.
#pragma once

#include <mlx/mlx.h>

#include "matrix.h"

// As in elementwise.h: lazy, float32, on all threads of the pool, called on the engine thread.
namespace tether::cpu {

struct AttentionForm {
  float scale;
  int window;     // 0: full attention
  float softcap;  // cap of the scores; 0: off
};

// q: (1, heads, T, head_dim). keys, values: (1, kv_heads, S, head_dim), float32 or affine with the tokens of a head one
// after another; their last T tokens are those of the queries. Each query sees itself and the tokens before it. No
// scores are written to memory that grows with S.
// -> (T, heads * head_dim)
mx::array attend(const mx::array& q, const Matrix& keys, const Matrix& values, const AttentionForm& form);

}  // namespace tether::cpu
