// What requests take of the memory cap, foreseen before they start. Plain arithmetic; sizes in bytes.
#pragma once

#include <cstdint>

namespace tether {

// One budget for everything: weights, the keys and values of live requests, the prefix cache, what a forward pass needs
// beside them, and the freed buffers that MLX keeps.
struct MemoryModel {
  uint64_t cap = 0;                // 0: none
  uint64_t weights = 0;            // as read
  uint64_t per_token = 0;          // keys and values of one token in the layers that keep every token
  uint64_t sliding = 0;            // keys and values of one sequence in the sliding layers, at their largest
  uint64_t scratch = 0;            // of a pass over a chunk, whatever is before it
  uint64_t scratch_per_token = 0;  // of a pass, for each token before it: quantized keys and values, unpacked
  uint64_t freed = 0;              // MLX's cache of freed buffers

  // What one sequence of `tokens` tokens holds that keeps `checkpoints` earlier states of its sliding layers.
  uint64_t sequence(uint64_t tokens, uint64_t checkpoints) const {
    return tokens * per_token + sliding * (1 + checkpoints);
  }

  // What is in use whatever runs, while sequences of at most `tokens` tokens are live.
  uint64_t fixed(uint64_t tokens) const { return weights + scratch + tokens * scratch_per_token + freed; }

  // The longest sequence that fits when nothing else is live.
  uint64_t longest(uint64_t checkpoints) const {
    uint64_t used = fixed(0) + sequence(0, checkpoints);
    uint64_t each = per_token + scratch_per_token;
    if (cap == 0 || each == 0) return UINT64_MAX;
    return cap > used ? (cap - used) / each : 0;
  }
};

}  // namespace tether
