// Logits to the next token of each sequence of a batch, on the device.
#pragma once

#include <mlx/mlx.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/types.h"
#include "model/device.h"

namespace tether {

namespace mx = mlx::core;

// How one sequence draws. Filters see the probabilities at temperature 1 (as mlx-lm's do); the temperature is applied
// to what they leave. Nothing is evaluated here, so that decoding can run one token ahead. Engine thread only.
class Sampler {
 public:
  // Without a seed it takes one from std::random_device.
  Sampler(const Sampling& sampling, std::span<const int32_t> prompt, const DevicePolicy& device);

  // Whether it only takes the largest logit.
  bool plain() const { return sampling_.temperature <= 0 && !recent_; }

  // logits: (1, vocab) float32. allowed: one bit per token, lowest first, at least vocab of them; empty: all.
  // -> (1) int32. The repetition penalty of later calls counts it.
  mx::array operator()(mx::array logits, std::span<const uint32_t> allowed);

 private:
  mx::array penalized(const mx::array& logits) const;
  mx::array drawn(const mx::array& logits, std::span<const uint32_t> allowed);
  mx::array drawn(const mx::array& logits);
  double chance();

  Sampling sampling_;
  bool own_kernels_;
  // What was drawn last, with own kernels; else MLX's key.
  uint64_t state_ = 0;
  std::optional<mx::array> key_;
  std::optional<mx::array> recent_;  // (n) int32, n <= 64
};

// What is drawn for a sequence whose logits hold a NaN.
constexpr int32_t kNotANumber = -1;

// What one sequence draws with.
struct Draw {
  Sampler* sampler;
  std::vector<uint32_t> allowed;                      // as Sampler takes it
  std::optional<int32_t> discouraged = std::nullopt;  // a token that is less likely to be drawn (LoopGuard::kPenalty)
};

// x: (rows, width) -> (1, width)
mx::array row_of(const mx::array& x, int row);

// logits: (B, vocab) -> (B) int32: the largest of each row, kNotANumber for rows that hold a NaN.
mx::array draw_largest(const mx::array& logits, const DevicePolicy& device);

// logits: (B, vocab), one row per draw -> (B) int32, kNotANumber for rows that hold a NaN.
mx::array draw(const mx::array& logits, std::span<const Draw> draws, const DevicePolicy& device);

// logits: (B, vocab) -> (1): the probability, at temperature 1, of the tokens of a row that are not allowed.
mx::array removed_probability(const mx::array& logits, int row, std::span<const uint32_t> allowed,
                              const DevicePolicy& device);

}  // namespace tether
