// Whose turn it is: which of the prompts that are being read gets the next chunk, and how long that chunk is.
//
// Pure policy: no arrays, no threads, no clock. The shortest remaining prompt goes first, so that a small request does
// not wait for a big one; a prompt that has been passed over too often goes before it, so that the big one keeps
// moving.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace tether {

// A prompt that is being read.
struct PendingPrefill {
  int remaining = 0;    // tokens still to be computed before it is done, or before somebody who waits for it can go on
  int passed_over = 0;  // tokens of others' prompts that were read since its own last chunk
};

// Tokens of others' prompts that are read before a prompt has its turn however long it is, for each of the others: one
// of 2,048 that comes later is held up by one chunk.
constexpr int kPatience = 1536;

// -> the index of the prompt that gets the next chunk; among equals the earliest. nullopt if there is none.
std::optional<size_t> next_prefill(std::span<const PendingPrefill> prefills);

// Where the chunk that begins at `begin` ends: after `chunk` tokens, at `end`, or at the first of `stops` (ascending)
// that lies in between.
int chunk_end(int begin, int end, int chunk, std::span<const int> stops);

}  // namespace tether
