// Replays traces over a cache of blocks with a cap: how many blocks of the prompts it has when they are asked for.
#pragma once

#include <cstddef>

#include "trace.h"

namespace tether::bench {

enum class Evict {
  policy,  // what the prefix cache does: native/engine/cache/policy.h
  lru,     // the least recently used leaf
  belady,  // the block that is used again last, or never: nothing evicts better
};

// -> blocks found, of all blocks of all prompts. `cap` in blocks.
size_t hits(const Trace& trace, Evict evict, size_t cap);

// The least cap that finds all that was there once: the most blocks at any time that are used again.
size_t needed_blocks(const Trace& trace);

}  // namespace tether::bench
