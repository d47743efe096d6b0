// The block store: what earlier requests computed, in blocks, in memory and on disk under one index.
//
// A block is a run of tokens; its records are the keys and values of these tokens. Every sequence that runs leaves its
// blocks here as it grows, so that a later prompt, another session or another process starts from them.
//
// Layers that see everything keep a record for each block. Layers that slide keep records only where a prompt is likely
// to start again, since a start needs the last window alone: at steps that make these records cost about as much as the
// others, where prompts have parted, at the end of a prompt, and at the end of what was generated.
//
// Invariants:
//  - what is restored is exactly what was computed: a record that is not whole is a miss;
//  - a block is not lost before the blocks after it;
//  - on disk, a block is written after and deleted before the block that it continues.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/cache/block_tree.h"
#include "engine/cache/disk_thread.h"
#include "engine/cache/record.h"
#include "engine/sequence.h"
#include "engine/types.h"

namespace tether {

// Sizes in bytes.
struct DiskOptions {
  std::filesystem::path root;
  std::optional<uint64_t> cap = std::nullopt;  // none: kMostDisk, or a tenth of the disk if that is less
  std::function<void()> wake = nullptr;        // called on another thread when BlockStore::drain() has something to do
  std::chrono::seconds retry{60};              // after a write failed, how long none is tried
};

// The cap of the files of all models where none was given; a tenth of the disk is left free in any case.
constexpr uint64_t kMostDisk = uint64_t{64} << 30U;

// Engine thread only.
class BlockStore {
 public:
  // block: tokens of a block. fingerprint: what makes keys and values of equal tokens equal.
  BlockStore(Layout layout, const Key& fingerprint, int block);

  // What an adapter computes is kept apart from what the model and others compute. key: of what the adapter changes.
  // Adapters are numbered from 1 on, as they come; 0 is none. Before open_disk().
  void add_adapter(const Key& key);

  // Begins to use a folder; what lies there is found soon after.
  void open_disk(DiskOptions options);

  // Where a prompt can start. `length` is what can be restored, `shared` what the store has seen of the prompt.
  struct Start {
    std::vector<Block*> blocks;
    int length = 0;
    int shared = 0;
  };
  Start find(std::span<const int32_t> prompt, int adapter = 0);
  // Up to `count` tokens that came after these in an earlier prompt.
  std::vector<int32_t> following(std::span<const int32_t> tokens, int count, int adapter = 0);
  // Begins to read what the store has of a prompt from disk into memory, while there is room. -> tokens found
  int prefetch(std::span<const int32_t> prompt, const std::function<bool(uint64_t)>& make_room, int adapter = 0);

  // Keeps a block, and with it all before it, while it lives; their records too, unless memory runs out.
  class Pin {
   public:
    Pin() = default;
    explicit Pin(Block* block) : block_(block) {
      if (block_) block_->use.pinned++;
    }
    ~Pin() { reset(); }
    Pin(Pin&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    Pin& operator=(Pin&& other) noexcept {
      if (this == &other) return *this;
      reset();
      block_ = std::exchange(other.block_, nullptr);
      return *this;
    }
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;

    Block* get() const { return block_; }

   private:
    void reset() {
      if (block_) block_->use.pinned--;
      block_ = nullptr;
    }
    Block* block_ = nullptr;
  };

  // A request that reads a prompt, and the deepest block of its sequence that is stored.
  struct Cursor {
    Pin tip;
    bool stopped = true;  // no block is kept: there is no store, or one could not be kept, so none after it is
  };
  // Notes that a request uses these blocks.
  void begin(const Start& start);
  // For its sequence, once that has `length` tokens of the start, which may turn out to be fewer than planned.
  Cursor cursor_at(const Start& start, int length) const;
  // Keeps the whole blocks that the sequence has beyond the cursor. `ends`: lengths at which other prompts are likely
  // to start from this one, ascending. make_room: frees memory; false if it cannot.
  using MakeRoom = std::function<bool(uint64_t)>;
  void keep(Cursor& cursor, Sequence& sequence, std::span<const int> ends, const MakeRoom& make_room);
  // How many tokens the sequence of a cursor may get until a block ends whose sliding layers have to be kept there.
  int tokens_to_end(const Cursor& cursor, int length) const;
  // The sequence is over: keeps the rest too, and forgets what only earlier turns needed.
  void finish(Cursor& cursor, Sequence& sequence, std::span<const int> ends, const MakeRoom& make_room);

  // Whether a start at `length` needs the block's record of the sliding layers.
  bool needs_sliding(const Block& block, int length) const;
  // A record in memory: nullptr while the disk reads it, or if it is gone (then `exists()` is false).
  const mx::array* fetch(Block& block, Kind kind);
  // Gives back the memory of a record that lies on disk too.
  void release(Block& block, Kind kind);

  // Frees at least `bytes` of memory if it can, what is worth least first. -> bytes freed
  enum class Evict {
    copies,  // what is on disk too, so that nothing is lost
    unused,  // all but what is before a block that a Pin keeps
    all      // all but what is being written or read; pinned blocks stay, but not their records
  };
  uint64_t evict(uint64_t bytes, Evict what);
  // Bytes of the records in memory, and of those that are being read.
  uint64_t bytes() const { return memory_bytes_ + reading_bytes_; }

  // Handles what the disk has done since. Cheap if there is nothing. -> whether there was something
  bool drain();
  // Waits until there is something to drain, for at most so long.
  void wait(double seconds);
  // Writes what is not written yet, for at most so long.
  void flush(double seconds);

  CacheStats stats() const;
  const Layout& layout() const { return layout_; }
  // Whether a prompt can only start where records of a window were kept.
  bool needs_ends() const { return block_ && layout_.has(Kind::sliding); }

 private:
  struct ToWrite {
    Block* block;
    Kind kind;
  };

  // block_store.cpp
  Block& root_of(int adapter) const { return *roots_[static_cast<size_t>(adapter)]; }
  Block& tip_of(const Cursor& cursor, const Sequence& sequence) const;
  int restorable(const BlockTree::Path& path, int length) const;
  std::optional<int> wanted_from(int begin, int end, std::span<const int> ends) const;
  struct Keeping {
    Sequence* sequence;
    std::span<const int> ends;
    const MakeRoom* make_room;
  };
  Block* keep_block(Block& parent, int end, const Keeping& keeping);
  void keep_sliding(Block& block, const Keeping& keeping);
  bool keep_record(Block& block, Kind kind, int begin, const Keeping& keeping);
  void keep_whole(Cursor& cursor, const Keeping& keeping);
  void keep_tail(Cursor& cursor, const Keeping& keeping);
  void thin(Block& tip, std::span<const int> ends);

  // block_eviction.cpp
  std::vector<Block*> cheapest_first(const std::function<bool(const Block&)>& may_go);
  void evict_leaves(const std::function<bool(const Block&)>& may_go, const std::function<bool(Block&)>& take);
  uint64_t free_memory(Block& block, Kind kind);
  void forget(Block& block, Kind kind);
  uint64_t evict_in_use(uint64_t bytes);
  void drop_after(const Block& block);
  void remove_from_disk(Block& block, Kind kind);
  void make_room_on_disk(uint64_t bytes);
  void remove_others(int64_t time, uint64_t bytes);
  void forget_ghosts();

  // block_disk.cpp
  Key parent_key(const Block& block) const;
  RecordHeader header_of(const Block& block, Kind kind) const;
  void on_disk_bytes(int sign, const Block& block, Kind kind);
  void queue_write(Block& block, Kind kind);
  void queue_path(Block& tip);
  void write_next();
  void written(Block& block, Kind kind, const DiskThread::Written& result);
  void folder_is_gone();
  void scanned(FolderState state);
  void forget_other(const std::filesystem::path& file);
  void forget_future_times();
  void looked_again(const std::vector<FolderState::Other>& all);
  void adopt(BlockTree::Path& path, Block& root, std::span<const int32_t> prompt);
  std::optional<FoundRecord> look_for(const Key& key, Kind kind, int begin, std::span<const int32_t> tokens) const;
  void attach(Block& block, const FoundRecord& found);
  void touch_files(const Start& start);
  void order_by_use();
  uint64_t disk_cap() const;
  void notice(const std::string& text);

  Layout layout_;
  int block_ = 0;  // 0: keeps nothing
  int step_ = 0;   // tokens between the records of sliding layers
  BlockTree tree_;
  std::vector<Block*> roots_;      // by adapter
  uint64_t clock_ = 0;             // requests so far
  const Use* newcomer_ = nullptr;  // the block that is being kept, which may not push out what is worth more
  uint64_t memory_bytes_ = 0;
  uint64_t reading_bytes_ = 0;

  DiskOptions options_;
  std::deque<ToWrite> to_write_;
  uint64_t writing_bytes_ = 0;
  FolderState folder_;
  bool scanned_ = true;
  int64_t opened_at_ = 0;  // seconds since 1970
  double patience_ = 0;    // seconds for which requests may still wait for the folder to be read
  std::optional<std::chrono::steady_clock::time_point> cannot_write_;  // since when
  CacheStats counts_;
  // Last: its thread ends before what its jobs refer to.
  std::unique_ptr<DiskThread> disk_;
};

}  // namespace tether
