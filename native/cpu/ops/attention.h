// Attention as an MLX operation that tether's own kernels compute on the CPU.
#pragma once

#include <mlx/mlx.h>

#include <optional>

#include "cpu/ops/elementwise.h"
#include "matrix.h"

// As in elementwise.h: lazy, float32, on all threads of the pool, called on the engine thread.
namespace tether::cpu {

struct AttentionForm {
  float scale;
  int window;     // 0: full attention
  float softcap;  // cap of the scores; 0: off
};

// q: (1, heads, T, head_dim). keys, values: (1, kv_heads, S, head_dim), float32, or halves or affine with the tokens of
// a head one after another; their last T tokens are those of the queries. Each query sees itself and the tokens before
// it. No scores are written to memory that grows with S.
// -> (T, heads * head_dim)
mx::array attend(const mx::array& q, const Matrix& keys, const Matrix& values, const AttentionForm& form);

// How the queries, keys and values of a token lie side by side, and what happens to each head.
struct HeadsForm {
  int queries;
  int keys;  // as many as heads of values
  int dim;
  bool values_are_keys;  // there are no values beside the keys
  bool traditional;      // as Rotation has it
};

struct HeadNorms {
  std::optional<Norm> queries = std::nullopt;
  std::optional<Norm> keys = std::nullopt;
  std::optional<Norm> values = std::nullopt;
};

// Where the slots of new tokens go: behind `kept` slots of a buffer, from the slot `from` on, which come first.
struct SlotRoom {
  const mx::array* keys;  // null: there is no buffer yet
  const mx::array* values;
  int from;
  int kept;
  int capacity;  // slots of the buffers that are made; they take the memory of the old ones if they can
  mx::Dtype dtype = mx::float32;  // of the buffers: this or float16
};

struct Appended {
  mx::array mixed;  // (count, queries * dim)
  mx::array keys;   // (1, keys, capacity, dim)
  mx::array values;
};

// For rows [begin, begin + count) of the projections, of one sequence: norms and rotates heads, writes keys and values
// and attends, as one operation. angles: as rotate() has them; these and the weights of norms are evaluated.
Appended append_and_attend(const mx::array& projections, int begin, int count, const mx::array& angles,
                           const HeadsForm& heads, const HeadNorms& norms, const SlotRoom& room,
                           const AttentionForm& form);

}  // namespace tether::cpu
