// The prefix cache: what earlier requests computed, keyed by their tokens and adapter alone, so that all clients share
// it.
//
// Whole sequences of the last requests, which a prompt that goes on continues in place, and behind them the block
// store, which outlives them.
//
// Invariants:
//  - a sequence that is given out holds a true prefix of the prompt, computed exactly as it would be from nothing;
//  - at least one token of the prompt is left to compute, since its logits are needed;
//  - the sum of the bytes stays under the limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>

#include "engine/cache/block_store.h"
#include "engine/memory_budget.h"
#include "engine/sequence.h"

namespace tether {

// Engine thread only.
class PrefixCache {
 public:
  // store: may be nullptr, then only whole sequences are kept.
  explicit PrefixCache(uint64_t max_bytes, std::unique_ptr<BlockStore> store = nullptr);

  // Where a prompt would start.
  struct Match {
    int adapter = 0;  // of the prompt
    int length = 0;   // tokens of the prompt that need not be computed
    // Where the prompt diverges from the most similar one. If that is beyond `length`, other prompts are likely to
    // diverge there too, and a snapshot there pays.
    int fork = 0;
    size_t snapshots = 0;               // snapshots that the sequence will have
    const Sequence* from = nullptr;     // an entry or one of `live`; nullptr: no sequence fits
    const Sequence* nearest = nullptr;  // the one that shares `fork` tokens, if a sequence shares most
    bool restores = false;              // the blocks of `start` reach further than any sequence
    BlockStore::Start start = {};       // what the block store has of the prompt
  };

  // The best start for this prompt, which may be a copy of a sequence in `live`, with the same adapter. A match is
  // valid until an entry or a live sequence changes.
  Match match(std::span<const int32_t> prompt, std::span<const Sequence* const> live = {}, int adapter = 0);
  // The sequence of a match, rewound to its length; `fresh` if no sequence fits. An entry that loses only a few tokens
  // by that is moved out; of others, and of live sequences, a copy is returned.
  Sequence take(const Match& match, Sequence fresh);

  // Begins to read what the block store has of a prompt into memory. -> tokens found
  int prefetch(std::span<const int32_t> prompt, int adapter = 0);

  // Why the match is not longer. The match must be valid still.
  Miss explain(const Match& match, std::span<const int32_t> prompt);

  // The same four for the blocks of a request that runs. See BlockStore.
  void begin(const BlockStore::Start& start);
  BlockStore::Cursor cursor_at(const BlockStore::Start& start, int length) const;
  void keep(BlockStore::Cursor& cursor, Sequence& sequence, std::span<const int> ends);
  // How many more tokens the sequence may get before a block ends that needs its sliding layers as they are there.
  int tokens_to_end(const BlockStore::Cursor& cursor, int length) const;
  // Keeps the sequence, too. -> whether there was room for it or for its blocks
  bool finish(BlockStore::Cursor& cursor, Sequence sequence, std::span<const int> ends);

  // Frees at least `bytes` if it can. from_live: of what live requests have kept, too. -> whether it freed anything
  bool evict(uint64_t bytes, bool from_live);
  uint64_t bytes() const;

  // Handles what the disk has done; writes what is left, for at most so many seconds.
  void drain();
  void flush(double seconds);

  CacheStats stats() const;
  // Counts where the tokens of a prompt were found.
  void count(int live, int memory, int disk);

  // The most bytes that it may take from now on; the limit given at first holds, too.
  void limit(uint64_t bytes) { limit_ = bytes; }

  // What it keeps counts against this share from now on, which bounds it, too. It must outlive the cache.
  void count_against(MemoryShare& share) { share_ = &share; }
  // Tells the share what is kept, after something was dropped or a sequence has ended.
  void account();
  // Frees what others need, as far as it can.
  void give_up();

  // Makes room for bytes that are about to be read, if it can.
  BlockStore::MakeRoom room();

  // nullptr: none
  BlockStore* store() const { return store_.get(); }

 private:
  bool put(Sequence sequence);
  uint64_t sequence_bytes() const;
  bool make_room(uint64_t bytes);

  MemoryShare* share_ = nullptr;  // nullptr: no engine shares the memory
  uint64_t max_bytes_;
  uint64_t limit_ = UINT64_MAX;
  uint64_t live_tokens_ = 0;
  uint64_t memory_tokens_ = 0;
  uint64_t disk_tokens_ = 0;
  std::list<Sequence> entries_;  // most recently used first
  std::unique_ptr<BlockStore> store_;
};

}  // namespace tether
