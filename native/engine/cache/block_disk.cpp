// The block store's files: what is written, what is found again, and how much of the disk they may take.
#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <ranges>
#include <set>
#include <utility>

#include "engine/cache/block_store.h"

namespace tether {
namespace {

// Bytes of records that may wait in memory for being written one after another.
constexpr uint64_t kMostWriting = uint64_t{256} << 20U;
// Seconds after which a block whose beginning is gone is taken for what a deletion left.
constexpr int64_t kOrphanAge = 60;
// How long the first requests wait for the folder to be read.
constexpr double kScanSeconds = 5;
// What is left free on a disk: one part in so many.
constexpr uint64_t kFreeShare = 10;

int64_t seconds_now() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

}  // namespace

void BlockStore::open_disk(DiskOptions options) {
  if (!block_ || (options.cap && *options.cap == 0)) return;
  options_ = std::move(options);
  disk_ = std::make_unique<DiskThread>(options_.root, to_hex(tree_.root().key), options_.wake);
  scanned_ = false;
  opened_at_ = seconds_now();
  patience_ = kScanSeconds;
  disk_->scan([this](FolderState state) { scanned(std::move(state)); });
}

uint64_t BlockStore::disk_cap() const {
  if (options_.cap) return *options_.cap;
  if (folder_.disk_bytes == 0) return kMostDisk;
  uint64_t share = folder_.disk_bytes / kFreeShare;
  uint64_t usable = folder_.bytes + folder_.disk_free;
  return std::min({kMostDisk, share, usable > share ? usable - share : 0});
}

// What the file of a block names as its parent: none for the first of a prompt, and of an adapter's prompt its root.
Key BlockStore::parent_key(const Block& block) const { return block.parent == roots_[0] ? Key{} : block.parent->key; }

RecordHeader BlockStore::header_of(const Block& block, Kind kind) const {
  const auto& record = block.record(kind);
  return {.kind = kind,
          .key = block.key,
          .parent = parent_key(block),
          .begin = block.begin,
          .stored_begin = record.begin,
          .hits = block.use.hits,
          .tokens = block.tokens,
          .bytes = record.size};
}

// Counts a record's file in (1) or out (-1).
void BlockStore::on_disk_bytes(int sign, const Block& block, Kind kind) {
  auto size = record_file_bytes(block.tokens.size(), block.record(kind).size);
  if (sign > 0)
    folder_.bytes += size;
  else
    folder_.bytes -= std::min(folder_.bytes, size);
}

void BlockStore::queue_write(Block& block, Kind kind) {
  if (!disk_) return;
  if (cannot_write_ && std::chrono::steady_clock::now() - *cannot_write_ < options_.retry) return;
  cannot_write_.reset();
  block.record(kind).queued = true;
  to_write_.push_back({&block, kind});
  write_next();
}

// What was not written when it was new, for a fault or for want of room, may be written now. tip: the end of a path.
void BlockStore::queue_path(Block& tip) {
  std::vector<Block*> path;
  for (auto* block = &tip; block->parent; block = block->parent) path.push_back(block);
  for (auto* block : std::views::reverse(path)) {
    for (auto kind : kKinds) {
      const auto& record = block->record(kind);
      if (record.bytes && !record.on_disk && !record.busy()) queue_write(*block, kind);
    }
  }
}

// A block is written after the one that it continues, or not at all.
void BlockStore::write_next() {
  while (!to_write_.empty() && writing_bytes_ < kMostWriting && scanned_) {
    auto [block, kind] = to_write_.front();
    to_write_.pop_front();
    auto& record = block->record(kind);
    record.queued = false;
    const auto* parent = block->parent;
    bool reachable = !parent->parent || !layout_.has(Kind::full) || parent->record(Kind::full).on_disk ||
                     parent->record(Kind::full).moving;
    const auto& full = block->record(Kind::full);
    if (kind == Kind::sliding && layout_.has(Kind::full) && !full.on_disk && !full.moving) reachable = false;
    if (!record.bytes || !reachable || cannot_write_) continue;
    auto size = record_file_bytes(block->tokens.size(), record.size);
    {
      // Its other record, which lies there already, does not make room for it.
      Pin pin(block);
      newcomer_ = &block->use;
      make_room_on_disk(size);
      newcomer_ = nullptr;
    }
    if (folder_.bytes + size > disk_cap()) {
      // What is being written now may go when it is: then this one is tried again.
      if (writing_bytes_ == 0) continue;
      record.queued = true;
      to_write_.push_front({block, kind});
      return;
    }
    forget_other(disk_->folder() / record_name(block->key, kind));
    record.moving = true;
    writing_bytes_ += size;
    on_disk_bytes(1, *block, kind);
    disk_->write(header_of(*block, kind), *record.bytes,
                 [this, block, kind](const DiskThread::Written& result) { written(*block, kind, result); });
  }
}

void BlockStore::written(Block& block, Kind kind, const DiskThread::Written& result) {
  auto& record = block.record(kind);
  record.moving = false;
  writing_bytes_ -= record_file_bytes(block.tokens.size(), record.size);
  if (result.disk_free) folder_.disk_free = *result.disk_free;
  if (result.made_folder) folder_is_gone();
  if (result.kept) {
    record.on_disk = true;
    counts_.written++;
    // The sequence itself is in memory, and the system keeps files that were just written there too.
    free_memory(block, kind);
  } else if (result.error.empty()) {
    on_disk_bytes(-1, block, kind);
  } else {
    on_disk_bytes(-1, block, kind);
    cannot_write_ = std::chrono::steady_clock::now();
    for (const auto& entry : to_write_) entry.block->record(entry.kind).queued = false;
    to_write_.clear();
    notice("the prefix cache cannot be written to " + disk_->folder().string() + ": " + result.error +
           (result.full ? ". Free some room on that disk; until then it is kept in memory alone."
                        : ". It is kept in memory alone."));
  }
  if (result.all) looked_again(*result.all);
  write_next();
}

// Other processes may have written and deleted meanwhile: what this one does not know may be deleted for want of room.
void BlockStore::looked_again(const std::vector<FolderState::Other>& all) {
  std::set<std::filesystem::path> there;
  for (const auto& file : all) there.insert(file.file);
  std::set<std::filesystem::path> known;
  tree_.each([&](Block& block) {
    for (auto kind : kKinds) {
      auto& record = block.record(kind);
      if (!record.on_disk && !record.moving) continue;
      auto file = disk_->folder() / record_name(block.key, kind);
      // Else it would be counted out once more, also by a read that does not find it.
      if (!there.contains(file)) record.on_disk = false;
      known.insert(std::move(file));
    }
  });
  folder_.others.clear();
  folder_.bytes = writing_bytes_;
  for (const auto& file : all) {
    folder_.bytes += file.bytes;
    if (!known.contains(file.file)) folder_.others.push_back(file);
  }
  forget_future_times();
  make_room_on_disk(0);
}

// A record of which only the file was known is written anew. It is counted again, and is deleted by its block alone.
void BlockStore::forget_other(const std::filesystem::path& file) {
  auto other = std::ranges::find(folder_.others, file, &FolderState::Other::file);
  if (other == folder_.others.end()) return;
  folder_.bytes -= std::min(folder_.bytes, other->bytes);
  folder_.others.erase(other);
}

// A time of the future says nothing: such a file counts as used when this process began.
void BlockStore::forget_future_times() {
  for (auto& other : folder_.others)
    if (other.used_at > seconds_now()) other.used_at = opened_at_;
}

// Somebody removed it: what was there is kept again as soon as it is computed or found in a sequence.
void BlockStore::folder_is_gone() {
  tree_.each([&](Block& block) {
    for (auto kind : kKinds) {
      auto& record = block.record(kind);
      if (!record.on_disk || record.moving) continue;
      record.on_disk = false;
      on_disk_bytes(-1, block, kind);
    }
  });
}

// Puts what lies in the folder into the tree.
void BlockStore::scanned(FolderState state) {
  scanned_ = true;
  auto records = std::move(state.records);
  state.records.clear();
  folder_ = std::move(state);
  forget_future_times();
  counts_.damaged += static_cast<uint64_t>(folder_.damaged);
  if (folder_.damaged)
    notice(std::to_string(folder_.damaged) + " records of the prefix cache were damaged, and were deleted");
  std::ranges::sort(records, [](const FoundRecord& a, const FoundRecord& b) {
    return std::pair(a.header.begin, a.header.kind) < std::pair(b.header.begin, b.header.kind);
  });
  std::map<Key, Block*> blocks{{Key{}, &tree_.root()}};
  for (auto* root : roots_)
    if (root != roots_[0]) blocks[root->key] = root;
  std::set<Key> foreign;  // of adapters that are not loaded, and what continues them
  std::vector<std::filesystem::path> orphans;
  for (const auto& found : records) {
    const auto& header = found.header;
    auto parent = blocks.find(header.parent);
    bool whole = parent != blocks.end() && header.begin == parent->second->end() &&
                 header.key == chained(parent->second->key, std::span(header.tokens)) &&
                 header.bytes == layout_.bytes(header.kind, header.begin + static_cast<int>(header.tokens.size()) -
                                                                header.stored_begin);
    // The record of the full layers is written before the other, and deleted after it.
    bool alone = header.kind == Kind::sliding && layout_.has(Kind::full) && !blocks.contains(header.key);
    bool is_foreign = parent == blocks.end() && (header.begin == 0 || foreign.contains(header.parent));
    if (is_foreign) foreign.insert(header.key);
    // Another process may be about to write the block before it; only the cap lets it go earlier.
    bool is_new = seconds_now() - found.used_at < kOrphanAge && seconds_now() >= found.used_at;
    if (is_foreign || (!whole && !alone && is_new)) {
      folder_.others.push_back({.file = disk_->folder() / record_name(header.key, header.kind),
                                .bytes = found.file_bytes,
                                .used_at = found.used_at});
      continue;
    }
    if (!whole || alone) {
      orphans.push_back(disk_->folder() / record_name(header.key, header.kind));
      folder_.bytes -= std::min(folder_.bytes, found.file_bytes);
      continue;
    }
    auto& block = tree_.add(*parent->second, header.tokens);
    attach(block, found);
    blocks[block.key] = &block;
  }
  order_by_use();
  if (!orphans.empty())
    notice(std::to_string(orphans.size()) +
           " records of the prefix cache were deleted: what they continue is gone, so nothing can reach them");
  disk_->remove(std::move(orphans));
  make_room_on_disk(0);
  write_next();
}

// Gives blocks that were found on disk their place in the order of requests.
void BlockStore::order_by_use() {
  std::vector<int64_t> times;
  tree_.each([&](Block& block) { times.push_back(block.used_at); });
  std::ranges::sort(times);
  auto repeated = std::ranges::unique(times);
  times.erase(repeated.begin(), repeated.end());
  clock_ += times.size();
  tree_.each([&](Block& block) {
    if (block.use.last > 0) return;
    auto place = std::ranges::lower_bound(times, block.used_at);
    block.use.last = static_cast<uint64_t>(place - times.begin()) + 1;
    tether::restore(block.use, block.parent->parent ? &block.parent->use : nullptr, block.children.size());
  });
}

// The record of a block, if another process has written it or replaced it by a longer one.
std::optional<FoundRecord> BlockStore::look_for(const Key& key, Kind kind, int begin,
                                                std::span<const int32_t> tokens) const {
  FoundRecord found;
  const auto& header = found.header;
  if (find_record(disk_->folder() / record_name(key, kind), found) != ReadResult::whole || header.key != key ||
      header.begin != begin || !std::ranges::equal(header.tokens, tokens) ||
      header.bytes != layout_.bytes(kind, begin + static_cast<int>(tokens.size()) - header.stored_begin))
    return std::nullopt;
  return found;
}

void BlockStore::attach(Block& block, const FoundRecord& found) {
  auto& record = block.record(found.header.kind);
  if (record.exists() || record.busy()) return;
  record.on_disk = true;
  record.begin = found.header.stored_begin;
  record.size = found.header.bytes;
  block.use.hits = std::max(block.use.hits, found.header.hits);
  block.used_at = std::max(block.used_at, std::min(found.used_at, seconds_now()));
}

// Lengthens the path by blocks that another process has written since.
void BlockStore::adopt(BlockTree::Path& path, Block& root, std::span<const int32_t> prompt) {
  if (!disk_) return;
  constexpr double kStep = 0.01;
  for (; !scanned_ && patience_ > 0; patience_ -= kStep) {
    disk_->wait(kStep);
    disk_->drain();
    if (scanned_) path = tree_.find(root, prompt);
  }
  while (true) {
    auto* tip = path.blocks.empty() ? &root : path.blocks.back();
    auto begin = static_cast<size_t>(tip->end());
    if (tip->end() != path.length || tip->end() % block_ != 0 || begin + static_cast<size_t>(block_) > prompt.size())
      return;
    auto tokens = prompt.subspan(begin, static_cast<size_t>(block_));
    if (tree_.child(*tip, tokens)) return;
    auto key = chained(tip->key, tokens);
    Block* adopted = nullptr;
    for (auto kind : kKinds) {
      auto found = look_for(key, kind, tip->end(), tokens);
      if (!found) continue;
      if (!adopted) adopted = &tree_.add(*tip, tokens);
      forget_other(disk_->folder() / record_name(key, kind));
      attach(*adopted, *found);
      folder_.bytes += found->file_bytes;
    }
    if (!adopted) return;
    path.blocks.push_back(adopted);
    path.length += block_;
  }
}

// Notes the use in the files of a path, the last block first: what a prompt begins with is then the newest, and goes
// last. Files that were just written have it already.
void BlockStore::touch_files(const Start& start) {
  if (!disk_) return;
  std::vector<std::pair<std::filesystem::path, uint32_t>> files;
  for (const auto* block : std::views::reverse(start.blocks))
    for (auto kind : kKinds)
      if (block->record(kind).on_disk)
        files.emplace_back(disk_->folder() / record_name(block->key, kind), block->use.hits);
  if (!files.empty()) disk_->touch(std::move(files));
}

void BlockStore::notice(const std::string& text) {
  constexpr size_t kMostNotices = 32;
  auto& notices = counts_.notices;
  if (notices.size() < kMostNotices && std::ranges::find(notices, text) == notices.end()) notices.push_back(text);
}

}  // namespace tether
