// What the prefix cache evicts, by bytes and never by count: pure policy over numbers, for every tier.
//
//  1. Only leaves are evicted, suffix before prefix, and never a block of a live request.
//  2. Time counts requests: a wall clock that jumps changes nothing.
//  3. A path is in use for 8 + 4 * uses requests after the last one; uses are the requests that made or read it. So a
//     main session outlasts the subagents that it waits for, and a shared system prompt all its conversations.
//  4. A prefix that five or more conversations share tells how likely one of them goes on: the share of its requests
//     that were no conversation's first. Its third power shortens the time of rule 3: titles are out of use at once.
//  5. What is out of use goes first, by how far beyond its time it is; then the least recently used.
//  6. A new block that is out of use is not kept where a block that is worth more would have to go.
//  7. Reads of evicted blocks count while they are remembered: else none could prove that it was evicted too early.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tether {

// How one block was used, wherever its bytes are. Only the index's thread reads and changes it.
struct Use {
  uint64_t last = 0;      // clock of the last request that had it on its path; 0: none yet
  uint32_t hits = 0;      // requests after the one that made it
  uint32_t turn = 0;      // requests that made the path up to here
  uint32_t branches = 0;  // blocks that later requests made behind it: conversations, but for the first
  float goes_on = 1;      // how likely its conversation goes on, as rule 4 says
  uint32_t pinned = 0;    // live requests that need it
};

// A request at `now` (at least 1, and more than at the last call) has these blocks on its path, root first: those that
// it found, and those that were evicted and are remembered. Called once a request, before it makes blocks.
void touch(std::span<Use* const> path, uint64_t now);

// The request at `now` makes this block behind `parent` (nullptr: none). A block that is remembered keeps its past.
void make(Use& use, Use* parent, uint64_t now);

// For a block read from disk whose `hits` and `last` (at least 1) are known, after its parent (nullptr: none): the rest
// follows from the tree. `hits` of a damaged file are cut to what is possible.
void restore(Use& use, const Use* parent, size_t children);

// How much a leaf is worth keeping at `now`: more than 1 if it is in use. The leaf with the least value is evicted;
// then its parent may be a leaf.
double keep_value(const Use& use, uint64_t now);

// Whether a leaf may be evicted to keep a block that was just made.
bool gives_way(const Use& leaf, const Use& newcomer, uint64_t now);

}  // namespace tether
