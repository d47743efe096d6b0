// The block store: what earlier requests computed, in blocks, in memory and on disk under one index.
#include "engine/cache/block_store.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <utility>

namespace tether {
namespace {

// Records of sliding layers cost at most this many times what the records of the others do.
constexpr uint64_t kSlidingShare = 2;

int64_t seconds_now() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

// Tokens between two windows that are kept, in whole blocks.
int step_of(const Layout& layout, int block) {
  auto full = layout.bytes(Kind::full, 1);
  auto sliding = layout.bytes(Kind::sliding, 1);
  auto window = static_cast<uint64_t>(layout.window());
  uint64_t step = full ? window * sliding / (kSlidingShare * full) : window;
  auto blocks = std::max<uint64_t>(1, step / static_cast<uint64_t>(block));
  return static_cast<int>(std::min<uint64_t>(blocks, 64)) * block;
}

bool is_prefix(std::span<const int32_t> beginning, std::span<const int32_t> whole) {
  return beginning.size() <= whole.size() && std::ranges::equal(beginning, whole.first(beginning.size()));
}

}  // namespace

BlockStore::BlockStore(Layout layout, const Key& fingerprint, int block)
    : layout_(std::move(layout)), block_(block), step_(step_of(layout_, block)) {
  tree_.root().key = fingerprint;
  roots_.push_back(&tree_.root());
}

// Two adapters that are the same share what they compute.
void BlockStore::add_adapter(const Key& key) {
  std::array<uint64_t, 2> own{key.high, key.low};
  roots_.push_back(&tree_.root(chained(tree_.root().key, std::span<const uint64_t>(own))));
}

BlockStore::Start BlockStore::find(std::span<const int32_t> prompt, int adapter) {
  auto path = tree_.find(root_of(adapter), prompt);
  adopt(path, root_of(adapter), prompt);
  Start start;
  start.shared = path.length;
  start.length = restorable(path, std::min(path.length, static_cast<int>(prompt.size()) - 1));
  for (auto* block : path.blocks)
    if (block->begin < start.length) start.blocks.push_back(block);
  return start;
}

std::vector<int32_t> BlockStore::following(std::span<const int32_t> tokens, int count, int adapter) {
  auto path = tree_.find(root_of(adapter), tokens);
  std::vector<int32_t> after;
  const auto* last = path.blocks.empty() ? &root_of(adapter) : path.blocks.back();
  if (last->end() > path.length) {
    auto from = last->tokens.begin() + (path.length - last->begin);
    after.assign(from, last->tokens.end());
  } else if (!last->children.empty()) {
    after = (*std::ranges::max_element(last->children, {}, [](const auto& child) { return child->use.last; }))->tokens;
  }
  after.resize(std::min(after.size(), static_cast<size_t>(count)));
  return after;
}

int BlockStore::prefetch(std::span<const int32_t> prompt, const std::function<bool(uint64_t)>& make_room, int adapter) {
  auto start = find(prompt, adapter);
  for (auto* block : start.blocks) {
    for (auto kind : kKinds) {
      const auto& record = block->record(kind);
      if (!record.exists() || record.bytes || (kind == Kind::sliding && !needs_sliding(*block, start.length))) continue;
      if (!make_room(record.size)) return start.length;
      fetch(*block, kind);
    }
  }
  return start.length;
}

// The longest beginning of `length` tokens of which every layer has what it needs.
int BlockStore::restorable(const BlockTree::Path& path, int length) const {
  if (layout_.has(Kind::full)) {
    auto gap =
        std::ranges::find_if(path.blocks, [](const Block* block) { return !block->record(Kind::full).exists(); });
    if (gap != path.blocks.end()) length = std::min(length, (*gap)->begin);
  }
  if (!layout_.has(Kind::sliding)) return length;
  int best = 0;
  // The slots [begin, …) that the records of neighbouring blocks hold without a gap.
  std::optional<int> begin;
  for (const auto* block : path.blocks) {
    if (block->begin >= length) break;
    const auto& record = block->record(Kind::sliding);
    if (!record.exists()) {
      begin.reset();
      continue;
    }
    if (!begin || record.begin != block->begin) begin = record.begin;
    int end = std::min(block->end(), length);
    if (*begin <= std::max(0, end - (layout_.window() - 1))) best = end;
  }
  return best;
}

void BlockStore::begin(const Start& start) {
  std::vector<Use*> path;
  for (auto* block : start.blocks) {
    path.push_back(&block->use);
    block->used_at = seconds_now();
  }
  tether::touch(path, ++clock_);
  touch_files(start);
}

BlockStore::Cursor BlockStore::cursor_at(const Start& start, int length) const {
  Block* tip = nullptr;
  for (auto* block : start.blocks)
    if (block->end() <= std::min(start.length, length) && block->end() % block_ == 0) tip = block;
  return {.tip = Pin(tip), .stopped = false};
}

bool BlockStore::needs_sliding(const Block& block, int length) const {
  return block.begin < length && block.end() > length - (layout_.window() - 1);
}

// The first of the sliding layers' slots [begin, end) that belongs to the window before a step or before one of `ends`.
std::optional<int> BlockStore::wanted_from(int begin, int end, std::span<const int> ends) const {
  int before = layout_.window() - 1;
  int from = (begin / step_ + 1) * step_ - before;
  for (int at : ends)
    if (begin < at) from = std::min(from, at - before);
  return from < end ? std::optional(std::max(begin, from)) : std::nullopt;
}

// The block after which the next one of a sequence is kept.
Block& BlockStore::tip_of(const Cursor& cursor, const Sequence& sequence) const {
  return cursor.tip.get() ? *cursor.tip.get() : root_of(sequence.adapter());
}

void BlockStore::keep(Cursor& cursor, Sequence& sequence, std::span<const int> ends, const MakeRoom& make_room) {
  Keeping keeping{.sequence = &sequence, .ends = ends, .make_room = &make_room};
  keep_whole(cursor, keeping);
  // Sliding layers will not have these slots any more when the block is whole.
  if (layout_.has(Kind::sliding) && std::ranges::find(ends, sequence.length()) != ends.end())
    keep_tail(cursor, keeping);
}

void BlockStore::keep_whole(Cursor& cursor, const Keeping& keeping) {
  // Memory that others needed may have cost the last ones.
  while (layout_.has(Kind::full) && cursor.tip.get() && !cursor.tip.get()->record(Kind::full).exists()) {
    auto* parent = cursor.tip.get()->parent;
    cursor.tip = Pin(parent->parent ? parent : nullptr);
  }
  while (!cursor.stopped) {
    auto& tip = tip_of(cursor, *keeping.sequence);
    if (keeping.sequence->length() < tip.end() + block_) return;
    auto* block = keep_block(tip, tip.end() + block_, keeping);
    if (block)
      cursor.tip = Pin(block);
    else
      cursor.stopped = true;
  }
}

int BlockStore::tokens_to_end(const Cursor& cursor, int length) const {
  if (cursor.stopped || !layout_.has(Kind::sliding)) return std::numeric_limits<int>::max();
  int begin = cursor.tip.get() ? cursor.tip.get()->end() : 0;
  return std::max(0, begin + block_ - length);
}

// Keeps what the sequence has beyond its last whole block.
void BlockStore::keep_tail(Cursor& cursor, const Keeping& keeping) {
  auto& tip = tip_of(cursor, *keeping.sequence);
  const auto& tokens = keeping.sequence->tokens();
  int length = keeping.sequence->length();
  if (cursor.stopped || length <= tip.end()) return;
  auto tail = std::span(tokens).subspan(static_cast<size_t>(tip.end()));
  // Full layers can start anywhere within a block.
  bool there = !layout_.has(Kind::sliding) && std::ranges::any_of(tip.children, [&](const auto& child) {
    return child->record(Kind::full).exists() && is_prefix(tail, child->tokens);
  });
  if (!there) keep_block(tip, length, keeping);
}

// -> nullptr if there is no room for it.
Block* BlockStore::keep_block(Block& parent, int end, const Keeping& keeping) {
  auto begin = static_cast<size_t>(parent.end());
  auto tokens = std::span(keeping.sequence->tokens()).subspan(begin, static_cast<size_t>(end) - begin);
  auto& block = tree_.add(parent, tokens);
  Pin pin(&block);
  block.used_at = seconds_now();
  if (block.use.last == 0 || !block.has_records()) make(block.use, parent.parent ? &parent.use : nullptr, clock_);
  newcomer_ = &block.use;
  bool kept = !layout_.has(Kind::full) || block.record(Kind::full).exists() ||
              keep_record(block, Kind::full, block.begin, keeping);
  if (kept) keep_sliding(block, keeping);
  newcomer_ = nullptr;
  return kept ? &block : nullptr;
}

// Keeps what a start at a step or at an end needs of this block, in place of a record that begins too late for it.
void BlockStore::keep_sliding(Block& block, const Keeping& keeping) {
  if (!layout_.has(Kind::sliding)) return;
  auto wanted = wanted_from(block.begin, block.end(), keeping.ends);
  if (!wanted) return;
  int begin = std::max(*wanted, layout_.sliding_first(keeping.sequence->caches()));
  const auto& record = block.record(Kind::sliding);
  if (begin >= block.end() || record.busy() || (record.exists() && record.begin <= begin)) return;
  keep_record(block, Kind::sliding, begin, keeping);
}

// The slots [begin, block.end()). -> whether there was room for them
bool BlockStore::keep_record(Block& block, Kind kind, int begin, const Keeping& keeping) {
  auto size = layout_.bytes(kind, block.end() - begin);
  if (size > static_cast<uint64_t>(std::numeric_limits<int>::max()) || !(*keeping.make_room)(size)) return false;
  auto& record = block.record(kind);
  auto bytes = layout_.pack(keeping.sequence->caches(), kind, begin, block.end());
  forget(block, kind);
  record.bytes = std::move(bytes);
  record.begin = begin;
  record.size = size;
  memory_bytes_ += size;
  queue_write(block, kind);
  return true;
}

void BlockStore::finish(Cursor& cursor, Sequence& sequence, std::span<const int> ends, const MakeRoom& make_room) {
  if (cursor.stopped || sequence.length() == 0) return;
  std::vector<int> all(ends.begin(), ends.end());
  all.push_back(sequence.length());
  Keeping keeping{.sequence = &sequence, .ends = all, .make_room = &make_room};
  keep_whole(cursor, keeping);
  keep_tail(cursor, keeping);
  auto path = tree_.find(root_of(sequence.adapter()), sequence.tokens());
  if (path.blocks.empty()) return;
  // Where the sequence ends was not known when its last blocks were kept.
  for (auto* block : path.blocks)
    if (block->end() <= sequence.length()) keep_sliding(*block, keeping);
  thin(*path.blocks.back(), all);
  if (disk_) queue_path(*path.blocks.back());
  forget_ghosts();
}

// Forgets, on the way up from a sequence's end, what earlier turns of the same conversation ended with.
void BlockStore::thin(Block& tip, std::span<const int> ends) {
  int before = layout_.window() - 1;
  int parted = std::numeric_limits<int>::max();  // where prompts part further on, the first place
  for (auto* block = &tip; block->parent; block = block->parent) {
    bool wanted = block->end() > parted - before || wanted_from(block->begin, block->end(), ends);
    if (!wanted && block->use.pinned == 0 && !block->record(Kind::sliding).busy()) forget(*block, Kind::sliding);
    auto& siblings = block->parent->children;
    // Tails that this block has grown beyond.
    std::vector<Block*> tails;
    size_t alive = 0;
    for (const auto& sibling : siblings) {
      alive += sibling->has_records() ? 1 : 0;
      bool is_tail = sibling.get() != block && sibling->children.empty() && is_prefix(sibling->tokens, block->tokens);
      if (!is_tail || sibling->use.pinned > 0 || std::ranges::find(ends, sibling->end()) != ends.end()) continue;
      auto sharing =
          std::ranges::count_if(siblings, [&](const auto& other) { return is_prefix(sibling->tokens, other->tokens); });
      if (sharing <= 2) tails.push_back(sibling.get());
    }
    for (auto* tail : tails) {
      if (std::ranges::any_of(kKinds, [&](Kind kind) { return tail->record(kind).busy(); })) continue;
      for (auto kind : kKinds) forget(*tail, kind);
      tree_.remove(*tail);
      alive--;
    }
    // Prompts part here.
    if (alive > 1) parted = std::min(parted, block->begin);
  }
}

const mx::array* BlockStore::fetch(Block& block, Kind kind) {
  auto& record = block.record(kind);
  if (record.bytes) return &*record.bytes;
  if (!record.on_disk || record.moving || !disk_) return nullptr;
  record.moving = true;
  reading_bytes_ += record.size;
  disk_->read(header_of(block, kind), [this, &block, kind](ReadResult result, std::optional<mx::array> bytes) {
    auto& read = block.record(kind);
    read.moving = false;
    reading_bytes_ -= read.size;
    if (result == ReadResult::whole) {
      read.bytes = std::move(bytes);
      memory_bytes_ += read.size;
      counts_.read++;
      return;
    }
    // Another look at the folder may have said so already.
    if (read.on_disk) on_disk_bytes(-1, block, kind);
    read.on_disk = false;
    if (result == ReadResult::missing) {
      auto found = look_for(block.key, kind, block.begin, block.tokens);
      if (!found || found->header.stored_begin == read.begin) return;
      attach(block, *found);
      on_disk_bytes(1, block, kind);
      return;
    }
    counts_.damaged++;
    notice("a record of the prefix cache was damaged, and was deleted: " + record_name(block.key, kind));
  });
  return nullptr;
}

void BlockStore::release(Block& block, Kind kind) {
  if (block.record(kind).on_disk) free_memory(block, kind);
}

bool BlockStore::drain() { return disk_ && disk_->drain(); }

void BlockStore::wait(double seconds) {
  if (disk_) disk_->wait(seconds);
}

void BlockStore::flush(double seconds) {
  if (!disk_) return;
  auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  do {
    disk_->flush(seconds);
  } while (!to_write_.empty() && !cannot_write_ && std::chrono::steady_clock::now() < until);
}

CacheStats BlockStore::stats() const {
  auto stats = counts_;
  stats.blocks = tree_.size();
  stats.memory_bytes = memory_bytes_;
  stats.disk_bytes = disk_ ? folder_.bytes : 0;
  stats.disk_cap = disk_ ? disk_cap() : 0;
  return stats;
}

}  // namespace tether
