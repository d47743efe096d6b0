// How much of the memory cap a request may take, so that it is reserved before the request starts. Sizes in bytes.
#pragma once

#include <cstdint>

namespace tether {

// One budget for weights, the keys and values of live requests, the prefix cache, the scratch of a forward pass, and
// the freed buffers that MLX keeps.
struct MemoryModel {
  uint64_t cap = 0;                // 0: none
  uint64_t weights = 0;            // as read
  uint64_t per_token = 0;          // keys and values of one token in the layers that keep every token
  uint64_t sliding = 0;            // keys and values of one sequence in the sliding layers, at their largest
  uint64_t drafter = 0;            // what a drafter keeps of one sequence
  uint64_t scratch = 0;            // scratch of a pass over a chunk, at any length of the sequence
  uint64_t scratch_per_token = 0;  // of a pass, for each token before the chunk: quantized keys and values, unpacked
  uint64_t freed = 0;              // MLX's cache of freed buffers

  // What one sequence of `tokens` tokens holds that keeps `snapshots` of its sliding layers.
  uint64_t sequence(uint64_t tokens, uint64_t snapshots) const {
    return tokens * per_token + sliding * (1 + snapshots) + drafter;
  }

  // What is in use beside the sequences, while those that are live have at most `tokens` tokens.
  uint64_t fixed(uint64_t tokens) const { return weights + scratch + tokens * scratch_per_token + freed; }

  // The longest sequence that fits when nothing else is live.
  uint64_t longest(uint64_t snapshots) const {
    uint64_t used = fixed(0) + sequence(0, snapshots);
    uint64_t each = per_token + scratch_per_token;
    if (cap == 0 || each == 0) return UINT64_MAX;
    return cap > used ? (cap - used) / each : 0;
  }
};

}  // namespace tether
