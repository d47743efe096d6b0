// What a mask over the vocabulary does to logits, in one pass over them.
#pragma once

#include <mlx/mlx.h>

#include <cstdint>
#include <span>

// As in elementwise.h: lazy, float32, on all threads of the pool, called on the engine thread. allowed: one bit a
// token, lowest first, at least vocab of them.
namespace tether::cpu {

namespace mx = mlx::core;

// logits: (1, vocab) -> (1, vocab): minus infinity where a token is not allowed.
mx::array masked(const mx::array& logits, std::span<const uint32_t> allowed);

// logits: (1, vocab) -> (1): the probability of the tokens that are not allowed.
mx::array forbidden_share(const mx::array& logits, std::span<const uint32_t> allowed);

}  // namespace tether::cpu
