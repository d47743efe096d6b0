// How a token is drawn from logits on a CPU, in one or two passes over them. MLX's own operations take one number at a
// time.
#pragma once

#include <mlx/mlx.h>

#include <cstdint>
#include <span>

// As in elementwise.h: lazy, on all threads of the pool, called on the engine thread. allowed: one bit a token, lowest
// first, at least vocab of them.
namespace tether::cpu {

namespace mx = mlx::core;

// Filters see the probabilities at temperature 1; the temperature is applied to what they leave.
struct Drawing {
  float temperature = 0;  // 0: the largest, the first of equals
  float top_p = 1;        // a token is left if those before it have less than this together
  int top_k = 0;          // 0: all
  float min_p = 0;        // of the likeliest token's probability
  double chance = 0;      // in [0, 1): what is drawn of the tokens that are left
};

// logits: (n, vocab) -> (n) int32: the largest of each row, -1 for rows that hold a NaN.
mx::array largest_tokens(const mx::array& logits);

// logits: (1, vocab) -> (1) int32: a token that is allowed, -1 if the row holds a NaN. allowed empty: all are.
mx::array drawn_token(const mx::array& logits, const Drawing& how, std::span<const uint32_t> allowed);

// logits: (1, vocab) -> (1): the probability of the tokens that are not allowed.
mx::array forbidden_share(const mx::array& logits, std::span<const uint32_t> allowed);

}  // namespace tether::cpu
