// The prefix cache: sequences of earlier requests, keyed by their tokens alone, so that all clients share them.
//
// Invariants:
//  - a sequence that is given out holds a true prefix of the prompt, computed exactly as it would be from nothing;
//  - at least one token of the prompt is left to compute, since its logits are needed;
//  - the sum of the bytes stays under the limit: the least recently used entry is dropped first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <span>

#include "engine/sequence.h"

namespace tether {

// Keeps the whole sequences of the last few requests. Engine thread only.
class PrefixCache {
 public:
  PrefixCache(size_t max_entries, size_t max_bytes) : max_entries_(max_entries), max_bytes_(max_bytes) {}

  // Where a prompt would start.
  struct Match {
    int length = 0;  // tokens of the prompt that need not be computed
    // Where the prompt diverges from the most similar sequence. If that is beyond `length`, other prompts are likely to
    // diverge there too, and a snapshot there pays.
    int fork = 0;
    size_t snapshots = 0;            // snapshots that the sequence will have
    const Sequence* from = nullptr;  // an entry or one of `live`; nullptr: nothing fits
  };

  // The best start for this prompt, which may be a copy of a sequence in `live`. Changes nothing. A match is valid
  // until an entry or a live sequence changes.
  Match match(std::span<const int32_t> prompt, std::span<const Sequence* const> live = {}) const;
  // The sequence of a match, rewound to its length; `fresh` if nothing fits. An entry that loses only a few tokens by
  // that is moved out; of others, and of live sequences, a copy is returned.
  Sequence take(const Match& match, Sequence fresh);
  void put(Sequence sequence);

  // Drops the least recently used entry; false if there is none.
  bool evict_one();
  size_t bytes() const;

 private:
  size_t max_entries_;
  size_t max_bytes_;
  std::list<Sequence> entries_;  // most recently used first
};

}  // namespace tether
