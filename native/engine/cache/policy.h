// What the prefix cache evicts: pure policy over numbers, for every tier. No arrays, no threads.
//
//  1. Eviction is by bytes, and only leaves are evicted: suffix before prefix.
//  2. The leaf with the least keep_value() goes first; pinned blocks (of live requests) never.
//  3. Time is a clock of requests: it counts them, so a wall clock that jumps changes nothing.
//  4. A block is worth the more, the more often and the more recently requests had it on their path.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace tether {

// How one block was used. Index thread only.
struct Use {
  uint64_t last = 0;    // clock of the last request that had the block on its path
  uint32_t hits = 0;    // requests that found the block; 0 when it is made
  uint32_t pinned = 0;  // live requests that stand on the block
};

// A request with that path, root first, came at `now`: its first `found` blocks were there, the others are made.
void touch(std::span<Use* const> path, size_t found, uint64_t now);

// How much a leaf is worth keeping at `now`.
double keep_value(const Use& use, uint64_t now);

// Index of the leaf to evict next; nothing if all are pinned.
std::optional<size_t> victim(std::span<const Use* const> leaves, uint64_t now);

}  // namespace tether
