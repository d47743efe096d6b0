// Logits to the next token, on the device.
#pragma once

#include <mlx/mlx.h>

#include <optional>
#include <span>

#include "engine/types.h"

namespace tether {

namespace mx = mlx::core;

// Filters see the probabilities at temperature 1 (as mlx-lm's do), then the temperature is applied and one is drawn.
// Nothing is evaluated here, so that decoding can run one token ahead. Engine thread only.
class Sampler {
 public:
  Sampler(const Sampling& sampling, std::span<const int32_t> prompt);

  // logits: (1, vocab) -> (1) int32. The result counts as said for the repetition penalty.
  mx::array operator()(const mx::array& logits);

 private:
  mx::array penalized(const mx::array& logits) const;

  Sampling sampling_;
  std::optional<mx::array> key_;
  std::optional<mx::array> recent_;  // (n) int32, n <= 64
};

}  // namespace tether
