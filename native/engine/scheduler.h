// The scheduler: which of the prompts that are being prefilled gets the next chunk, and how long that chunk is.
//
// Pure policy: no arrays, no threads, no clock. The shortest prefill goes first, so that a small request does not wait
// for a big one. A prompt that has been passed over for too long goes before it, so that the big one does not starve.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace tether {

// A prompt that is being prefilled.
struct PendingPrefill {
  int remaining = 0;    // tokens to compute before it is done, or before a request that waits for it can continue
  int passed_over = 0;  // tokens of other prompts that were computed since its own last chunk
};

// The prefill tokens of each other prompt that are computed before a prompt goes first, however long it is. A prompt of
// 2,048 tokens that comes while a long one is prefilled waits for one chunk of it.
constexpr int kPatience = 1536;

// -> the index of the prompt that gets the next chunk; among equals the earliest. nullopt if there is none.
std::optional<size_t> next_prefill(std::span<const PendingPrefill> prefills);

// Where the chunk that begins at `begin` ends: at the next multiple of `chunk`, so that equal prompts are cut alike
// wherever they start; at `end`; or at the first of `fork_points` (ascending) in between, whichever comes first.
int chunk_end(int begin, int end, int chunk, std::span<const int> fork_points);

}  // namespace tether
