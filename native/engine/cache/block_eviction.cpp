// What the block store gives up for want of memory or of room on the disk, and in which order.
#include <algorithm>
#include <functional>
#include <limits>
#include <queue>
#include <utility>

#include "engine/cache/block_store.h"

namespace tether {
namespace {

// Bytes for blocks without records, which are remembered to say later why a prompt was not found.
constexpr size_t kGhostBytes = size_t{4} << 20U;

bool has_child(const Block& block, const std::function<bool(const Block&)>& that) {
  return std::ranges::any_of(block.children, [&](const auto& child) { return that(*child); });
}

bool on_disk(const Block& block) { return block.records[0].on_disk || block.records[1].on_disk; }

// Whether something after a block needs it on the disk: what lies there, is on its way there, or is in use.
bool needs_disk(const Block& block) {
  return has_child(block, [](const Block& child) {
    return on_disk(child) || child.records[0].busy() || child.records[1].busy() || child.use.pinned > 0 ||
           needs_disk(child);
  });
}

}  // namespace

// Blocks that may go, those worth least first.
std::vector<Block*> BlockStore::cheapest_first(const std::function<bool(const Block&)>& may_go) {
  std::vector<std::pair<double, Block*>> valued;
  tree_.each([&](Block& block) {
    if (block.use.pinned == 0 && may_go(block)) valued.emplace_back(keep_value(block.use, clock_), &block);
  });
  // Of blocks of one request, the last goes first.
  std::ranges::stable_sort(valued, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second->begin > b.second->begin;
  });
  std::vector<Block*> blocks;
  for (const auto& [value, block] : valued) blocks.push_back(block);
  return blocks;
}

// Takes blocks that may go, those worth least first, until `take` says that it is enough; then those that they
// continued. may_go: among others, whether nothing needs the block that comes after it.
void BlockStore::evict_leaves(const std::function<bool(const Block&)>& may_go,
                              const std::function<bool(Block&)>& take) {
  auto may_go_now = [&](const Block& block) { return block.use.pinned == 0 && may_go(block); };
  using Valued = std::pair<double, Block*>;
  auto later = [](const Valued& a, const Valued& b) { return a.first > b.first; };
  std::priority_queue<Valued, std::vector<Valued>, decltype(later)> leaves(later);
  tree_.each([&](Block& block) {
    if (may_go_now(block)) leaves.emplace(keep_value(block.use, clock_), &block);
  });
  while (!leaves.empty()) {
    auto* leaf = leaves.top().second;
    leaves.pop();
    if (newcomer_ && !gives_way(leaf->use, *newcomer_, clock_)) return;
    if (take(*leaf)) return;
    auto* parent = leaf->parent;
    if (parent->parent && may_go_now(*parent)) leaves.emplace(keep_value(parent->use, clock_), parent);
  }
}

uint64_t BlockStore::evict(uint64_t bytes, Evict what) {
  uint64_t freed = 0;
  auto copy = [](const Record& record) { return record.bytes && record.on_disk && !record.moving; };
  for (auto* block : cheapest_first([&](const Block& block) { return std::ranges::any_of(block.records, copy); })) {
    if (freed >= bytes) return freed;
    for (auto kind : kKinds)
      if (copy(block->record(kind))) freed += free_memory(*block, kind);
  }
  if (what == Evict::copies || freed >= bytes) return freed;
  evict_leaves(
      [](const Block& block) {
        return (block.records[0].bytes || block.records[1].bytes) && !block.records[0].moving &&
               !block.records[1].moving && !has_child(block, [](const Block& child) { return child.has_records(); });
      },
      [&](Block& block) {
        for (auto kind : kKinds) {
          if (!block.record(kind).bytes) continue;
          freed += free_memory(block, kind);
          counts_.evicted_memory++;
        }
        return freed >= bytes;
      });
  if (what == Evict::all && freed < bytes) freed += evict_in_use(bytes - freed);
  return freed;
}

// Frees what live requests have read or kept: they compute it again, or had it kept for others only.
uint64_t BlockStore::evict_in_use(uint64_t bytes) {
  std::vector<Block*> blocks;
  tree_.each([&](Block& block) { blocks.push_back(&block); });
  std::ranges::sort(blocks, std::greater{}, [](const Block* block) { return block->begin; });
  uint64_t freed = 0;
  for (auto* block : blocks) {
    for (auto kind : kKinds) {
      if (freed >= bytes) return freed;
      if (!block->record(kind).bytes || block->record(kind).moving) continue;
      freed += free_memory(*block, kind);
      counts_.evicted_memory++;
    }
  }
  return freed;
}

uint64_t BlockStore::free_memory(Block& block, Kind kind) {
  auto& record = block.record(kind);
  if (!record.bytes) return 0;
  record.bytes.reset();
  memory_bytes_ -= record.size;
  if (record.queued) {
    record.queued = false;
    std::erase_if(to_write_, [&](const ToWrite& entry) { return entry.block == &block && entry.kind == kind; });
  }
  return record.size;
}

// Gives up a record wherever it is.
void BlockStore::forget(Block& block, Kind kind) {
  free_memory(block, kind);
  if (block.record(kind).on_disk) remove_from_disk(block, kind);
}

void BlockStore::remove_from_disk(Block& block, Kind kind) {
  auto& record = block.record(kind);
  record.on_disk = false;
  on_disk_bytes(-1, block, kind);
  disk_->remove({disk_->folder() / record_name(block.key, kind)});
}

// Deletes what other models have not used for longer than this one its cheapest block, then that.
void BlockStore::make_room_on_disk(uint64_t bytes) {
  auto enough = [&] { return folder_.bytes + bytes <= disk_cap(); };
  if (enough()) return;
  evict_leaves(
      [](const Block& block) {
        return on_disk(block) && !block.records[0].busy() && !block.records[1].busy() && !needs_disk(block);
      },
      [&](Block& block) {
        remove_others(block.used_at, bytes);
        if (enough()) return true;
        // The record without which the other is of no use goes last.
        for (auto kind : {Kind::sliding, Kind::full}) {
          if (!block.record(kind).on_disk) continue;
          remove_from_disk(block, kind);
          counts_.evicted_disk++;
        }
        if (!block.has_records()) drop_after(block);
        return enough();
      });
  remove_others(std::numeric_limits<int64_t>::max(), bytes);
}

// Frees what in memory continues a block that is gone: it is of no use any more.
void BlockStore::drop_after(const Block& block) {
  for (const auto& child : block.children) {
    for (auto kind : kKinds) free_memory(*child, kind);
    drop_after(*child);
  }
}

// Deletes records of other models that were used before `time`, the oldest first, until `bytes` fit.
void BlockStore::remove_others(int64_t time, uint64_t bytes) {
  auto& others = folder_.others;
  while (folder_.bytes + bytes > disk_cap()) {
    auto oldest = std::ranges::min_element(others, {}, &FolderState::Other::used_at);
    if (oldest == others.end() || oldest->used_at >= time) return;
    folder_.bytes -= std::min(folder_.bytes, oldest->bytes);
    disk_->remove({oldest->file});
    others.erase(oldest);
    counts_.evicted_disk++;
  }
}

// Removes blocks that have no records, the oldest of those that nothing continues first, where they take too much.
void BlockStore::forget_ghosts() {
  auto is_ghost = [](const Block& block) {
    return !block.has_records() && !block.records[0].busy() && !block.records[1].busy() && block.use.pinned == 0;
  };
  auto size = [](const Block& block) { return sizeof(Block) + block.tokens.capacity() * sizeof(int32_t); };
  auto later = [](const Block* a, const Block* b) { return a->use.last > b->use.last; };
  std::priority_queue<Block*, std::vector<Block*>, decltype(later)> leaves(later);
  size_t bytes = 0;
  tree_.each([&](Block& block) {
    if (!is_ghost(block)) return;
    bytes += size(block);
    if (block.children.empty()) leaves.push(&block);
  });
  if (bytes <= kGhostBytes) return;
  // To the half, so that this is not done for every request.
  while (bytes > kGhostBytes / 2 && !leaves.empty()) {
    auto* ghost = leaves.top();
    leaves.pop();
    auto* parent = ghost->parent;
    bytes -= size(*ghost);
    tree_.remove(*ghost);
    if (parent->parent && parent->children.empty() && is_ghost(*parent)) leaves.push(parent);
  }
}

}  // namespace tether
