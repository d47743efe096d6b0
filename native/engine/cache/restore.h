// A prompt whose beginning is being restored: its blocks are read and appended to a sequence, a few at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/cache/block_store.h"

namespace tether {

// Engine thread only. Keeps the blocks that it still needs.
class Restore {
 public:
  enum class State { waits, goes_on, done };

  // The sequence that it is given holds nothing yet. by_layer: as for evaluate(). make_room: for what is read ahead.
  Restore(BlockStore& store, std::span<const int32_t> prompt, BlockStore::Start start, bool by_layer,
          BlockStore::MakeRoom make_room);

  // waits: nothing could be done, since the disk is still reading. done: the sequence has start().length tokens, which
  // is less than was planned if a record turned out to be missing or damaged.
  State advance(Sequence& sequence);

  const BlockStore::Start& start() const { return start_; }
  // Tokens that were read from the disk; the others were in memory.
  int from_disk() const { return from_disk_; }

 private:
  State append_blocks(Sequence& sequence);
  State restore_sliding(Sequence& sequence);
  // Plans again, with what is there now.
  State plan_again(Sequence& sequence);
  bool needs_sliding(const Block& block) const;
  const mx::array* fetch(Block& block, Kind kind);

  BlockStore* store_;
  std::vector<int32_t> prompt_;
  BlockStore::Start start_;
  bool by_layer_;
  BlockStore::MakeRoom make_room_;
  std::vector<BlockStore::Pin> pins_;  // of start_.blocks
  size_t next_ = 0;                    // the first block that is not appended yet
  std::vector<bool> was_on_disk_;      // of start_.blocks: whether they had to be read
  int from_disk_ = 0;
};

}  // namespace tether
