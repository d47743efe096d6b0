// The index of the prefix cache: a tree of blocks, each of which holds some tokens after those of its parent.
#pragma once

#include <mlx/mlx.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/cache/key.h"
#include "engine/cache/policy.h"
#include "engine/cache/record.h"

namespace tether {

// Where a block's record of one kind is: in memory, on disk, both or nowhere.
struct Record {
  std::optional<mx::array> bytes;  // in memory
  bool on_disk = false;
  bool queued = false;  // to be written
  bool moving = false;  // being written or read
  int begin = 0;        // position of the first slot that it holds
  uint64_t size = 0;    // bytes, wherever it is

  bool exists() const { return bytes || on_disk; }
  bool busy() const { return queued || moving; }
};

struct Block {
  Key key;
  Block* parent = nullptr;
  int begin = 0;  // position of its first token
  std::vector<int32_t> tokens;
  std::vector<std::unique_ptr<Block>> children;
  std::array<Record, 2> records;  // by Kind
  Use use;
  int64_t used_at = 0;  // seconds since 1970, for the times of files

  int end() const { return begin + static_cast<int>(tokens.size()); }
  bool has_records() const { return records[0].exists() || records[1].exists(); }
  Record& record(Kind kind) { return records.at(static_cast<size_t>(kind)); }
  const Record& record(Kind kind) const { return records.at(static_cast<size_t>(kind)); }
};

// Under the same tokens each adapter computes other keys and values, so each has a root of its own.
//
// Invariants:
//  - a block's tokens are not empty, and begin where its parent's end;
//  - no two children of a block hold the same tokens.
// A block without records is a ghost: it only remembers what was there. Not thread-safe.
class BlockTree {
 public:
  BlockTree() { roots_.push_back(std::make_unique<Block>()); }
  BlockTree(const BlockTree&) = delete;
  BlockTree& operator=(const BlockTree&) = delete;

  // Above all blocks of the model without an adapter; holds no tokens.
  Block& root() { return *roots_[0]; }
  // The root that has this key; made if there is none.
  Block& root(const Key& key);

  // The way down that shares most tokens with a prompt: whole blocks, of which the last may be shared in part.
  struct Path {
    std::vector<Block*> blocks;
    int length = 0;  // tokens shared
  };
  Path find(Block& root, std::span<const int32_t> tokens);

  // The child that holds exactly these tokens; nullptr if there is none.
  Block* child(Block& parent, std::span<const int32_t> tokens);
  // Finds or makes it.
  Block& add(Block& parent, std::span<const int32_t> tokens);
  // `block` has no children.
  void remove(Block& block);

  size_t size() const { return size_; }
  // Every block, parents before children.
  void each(const std::function<void(Block&)>& visit);

 private:
  std::vector<std::unique_ptr<Block>> roots_;
  size_t size_ = 0;
};

}  // namespace tether
