// MLX operations that tether's own kernels compute on a CPU: fused, vectorised, on all threads of the pool. MLX's CPU
// backend computes elementwise functions a number at a time on one thread, and is fast in float32 alone.
#pragma once

#include <mlx/mlx.h>

#include <optional>

#include "cpu/kernels.h"

namespace tether::cpu {

namespace mx = mlx::core;

// Whether these operations are to be used: MLX's default device is a CPU. They take and give float32.
bool in_use();
// From now on this thread, an engine's, builds graphs of MLX's kernels alone, as on a GPU. For tests.
void leave_to_mlx();

// A matrix as a checkpoint has it, packed or not. `form` says how to read it; its pointers are not used.
struct Matrix {
  mx::array weight;  // (rows, ...), or (experts, rows, ...)
  std::optional<mx::array> scales;
  std::optional<mx::array> biases;
  PackedMatrix form;
};

// x: (N, width) -> (N, rows)
mx::array product(const mx::array& x, const Matrix& matrix);

// experts: (...) int32 or uint32; x: (..., 1, width), one row for each of them, or one that is broadcast along the last
// axis of `experts` -> (..., 1, rows)
mx::array expert_product(const mx::array& x, const mx::array& experts, const Matrix& matrix);

// ids: (N) int32 -> (N, width)
mx::array rows_of(const Matrix& matrix, const mx::array& ids);

// Any shape, the same for both -> gate(a) * b
mx::array gated(Gate gate, const mx::array& a, const mx::array& b);

// Along the last axis. weight: (width)
mx::array rms_norm(const mx::array& x, const std::optional<mx::array>& weight, float eps);

// Rows [begin, begin + count) of x: (N, heads * head_dim), turned. angles: (2, count, dims / 2), cosines and sines.
// -> (1, heads, count, head_dim)
mx::array rotate(const mx::array& x, int begin, int count, int heads, const mx::array& angles, bool traditional);

struct AttentionForm {
  float scale;
  int window;     // 0: full attention
  float softcap;  // of the scores; 0: off
};

// Keys or values of S tokens: (1, kv_heads, S, head_dim), or packed, affine: numbers (…, head_dim * bits / 32), scales
// and biases (…, groups). Tokens of a head lie one after another.
struct Cache {
  mx::array numbers;
  std::optional<mx::array> scales = std::nullopt;
  std::optional<mx::array> biases = std::nullopt;
  int bits = 0;  // 0: not packed
};

// q: (1, heads, T, head_dim); the last T slots of keys and values are the queries' own.
// Each query sees itself and what is before it. No score is written to memory that grows with S.
// -> (T, heads * head_dim)
mx::array attend(const mx::array& q, const Cache& keys, const Cache& values, const AttentionForm& form);

}  // namespace tether::cpu
