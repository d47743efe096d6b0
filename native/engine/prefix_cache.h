// Which earlier work a prompt can start from. Keyed by tokens alone, so that any client that shares a prefix shares it.
//
// Invariants:
//  - a sequence that is given out holds a true prefix of the prompt, computed exactly as it would be from nothing;
//  - at least one token of the prompt is left to compute, since its logits are wanted;
//  - the sum of the bytes stays under the limit, least recently used out first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <span>

#include "engine/sequence.h"

namespace tether {

// Keeps the state of the last few requests whole. Engine thread only.
class PrefixCache {
 public:
  PrefixCache(size_t max_entries, size_t max_bytes) : max_entries_(max_entries), max_bytes_(max_bytes) {}

  // Where a prompt would start.
  struct Match {
    int length = 0;  // tokens of the prompt that need not be computed
    // Where the prompt parts from the most similar sequence. Beyond `length`: other prompts are likely to part there
    // too, so a checkpoint there pays.
    int branch = 0;
    size_t checkpoints = 0;          // that the sequence will have
    const Sequence* from = nullptr;  // an entry or one of `live`; nullptr: nothing fits
  };

  // The best start for this prompt; changes nothing. `live`: sequences that requests are working on, of which a copy
  // may be the best start. A match holds until an entry or a live sequence changes.
  Match match(std::span<const int32_t> prompt, std::span<const Sequence* const> live = {}) const;
  // The sequence of a match, rewound to its length; `fresh` if nothing fits. An entry that the prompt continues, or
  // from which it takes back a few tokens, is moved out; one that goes on differently stays, and a copy is given.
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
