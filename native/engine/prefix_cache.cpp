// The prefix cache: what earlier requests computed, keyed by their tokens and adapter alone, so that all clients share
// it.
#include "engine/prefix_cache.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace tether {
namespace {

// An entry that would lose more than this is another conversation, not an earlier state of this one.
constexpr int kSameConversation = 64;

// Whole sequences that are kept beside a store, which has their blocks. All of them are looked at for every prompt.
constexpr size_t kMostSequences = 64;

// Copying a block costs less than a hundredth of computing it; continuing a sequence costs nothing.
constexpr int kWorthRestoring = 64;

int common_prefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  auto end = std::min(a.size(), b.size());
  size_t i = 0;
  while (i < end && a[i] == b[i]) i++;
  return static_cast<int>(i);
}

// Tokens that they share. The prompt's last one does not count: it is always computed.
int shared(const Sequence& sequence, std::span<const int32_t> prompt) {
  return std::min(common_prefix(sequence.tokens(), prompt), static_cast<int>(prompt.size()) - 1);
}

}  // namespace

PrefixCache::PrefixCache(uint64_t max_bytes, std::unique_ptr<BlockStore> store)
    : max_bytes_(max_bytes), store_(std::move(store)) {}

void PrefixCache::begin(const BlockStore::Start& start) {
  if (store_) store_->begin(start);
}

BlockStore::Cursor PrefixCache::cursor_at(const BlockStore::Start& start, int length) const {
  return store_ ? store_->cursor_at(start, length) : BlockStore::Cursor{};
}

// A request does not fail because what it computed cannot be kept.
int PrefixCache::tokens_to_end(const BlockStore::Cursor& cursor, int length) const {
  return store_ ? store_->tokens_to_end(cursor, length) : std::numeric_limits<int>::max();
}

void PrefixCache::keep(BlockStore::Cursor& cursor, Sequence& sequence, std::span<const int> ends) {
  if (cursor.stopped) return;
  try {
    store_->keep(cursor, sequence, ends, [this](uint64_t bytes) { return make_room(bytes); });
  } catch (const std::exception&) {
    cursor.stopped = true;
  }
}

bool PrefixCache::finish(BlockStore::Cursor& cursor, Sequence sequence, std::span<const int> ends) {
  try {
    // Room that was missing while the request ran may be there now that it is over.
    cursor.stopped = store_ == nullptr;
    if (!cursor.stopped) store_->finish(cursor, sequence, ends, [this](uint64_t bytes) { return make_room(bytes); });
  } catch (const std::exception&) {
    cursor.stopped = true;
  }
  bool kept = !cursor.stopped;
  cursor = {};
  return put(std::move(sequence)) || kept;
}

PrefixCache::Match PrefixCache::match(std::span<const int32_t> prompt, std::span<const Sequence* const> live,
                                      int adapter) {
  Match best;
  best.adapter = adapter;
  auto consider = [&](const Sequence& sequence) {
    if (sequence.adapter() != adapter) return;
    int common = shared(sequence, prompt);
    int usable = sequence.rewindable(common);
    if (common > best.fork) {
      best.fork = common;
      best.nearest = &sequence;
    }
    if (usable <= best.length) return;
    best.from = &sequence;
    best.length = usable;
  };
  for (const auto& entry : entries_) consider(entry);
  for (const auto* other : live) consider(*other);
  if (best.from) best.snapshots = best.from->snapshots(best.length);
  if (!store_) return best;
  best.start = store_->find(prompt, adapter);
  int shared = std::min(best.start.shared, static_cast<int>(prompt.size()) - 1);
  if (shared > best.fork) {
    best.fork = shared;
    best.nearest = nullptr;
  }
  if (best.start.length - best.length <= best.start.length / kWorthRestoring) return best;
  best.restores = true;
  best.length = best.start.length;
  best.snapshots = 0;
  best.from = nullptr;
  return best;
}

Sequence PrefixCache::take(const Match& match, Sequence fresh) {
  if (!match.from) return fresh;
  auto sequence = *match.from;  // its arrays are shared handles
  sequence.rewind(match.length);
  auto entry = std::ranges::find(entries_, match.from, [](const Sequence& other) { return &other; });
  if (entry != entries_.end() && entry->length() - match.length <= kSameConversation) {
    entries_.erase(entry);
    return sequence;
  }
  if (entry != entries_.end()) entries_.splice(entries_.begin(), entries_, entry);
  sequence.detach();
  return sequence;
}

bool PrefixCache::put(Sequence sequence) {
  if (sequence.length() == 0) return false;
  entries_.push_front(std::move(sequence));
  while (store_ && entries_.size() > kMostSequences) entries_.pop_back();
  make_room(0);
  return !entries_.empty();
}

int PrefixCache::prefetch(std::span<const int32_t> prompt, int adapter) {
  if (!store_ || prompt.empty()) return 0;
  return store_->prefetch(prompt, room(), adapter);
}

BlockStore::MakeRoom PrefixCache::room() {
  return [this](uint64_t bytes) { return make_room(bytes); };
}

Miss PrefixCache::explain(const Match& match, std::span<const int32_t> prompt) {
  // Tokens that are shown before the place where prompts part, and after it.
  constexpr int kShown = 8;
  // Prompts of all kinds begin with the same few tokens.
  constexpr int kAlike = 16;
  int end = static_cast<int>(prompt.size());
  Miss miss;
  miss.at = match.fork;
  if (match.length >= end - 1) return miss;
  if (match.fork > match.length)
    miss.reason = Miss::Reason::evicted;
  else
    miss.reason = match.fork < kAlike ? Miss::Reason::first : Miss::Reason::diverged;
  int from = std::max(0, match.fork - kShown);
  auto part = [&](std::span<const int32_t> tokens) {
    auto begin = tokens.begin() + from;
    return std::vector<int32_t>(begin, begin + std::min(2 * kShown, static_cast<int>(tokens.size()) - from));
  };
  miss.ours = part(prompt);
  if (match.nearest) {
    miss.theirs = part(match.nearest->tokens());
  } else if (store_) {
    auto theirs = store_->following(prompt.first(static_cast<size_t>(match.fork)), kShown, match.adapter);
    miss.theirs.assign(prompt.begin() + from, prompt.begin() + match.fork);
    miss.theirs.insert(miss.theirs.end(), theirs.begin(), theirs.end());
  }
  return miss;
}

// -> whether `bytes` more fit.
bool PrefixCache::make_room(uint64_t bytes) {
  for (;;) {
    uint64_t wanted = this->bytes() + bytes;
    uint64_t most = std::min(max_bytes_, limit_);
    if (share_ && wanted <= most) most = share_->keep(wanted);
    if (wanted <= most) return true;
    if (evict(wanted - most, false)) continue;
    account();
    return false;
  }
}

void PrefixCache::account() {
  if (share_) share_->kept(bytes());
}

void PrefixCache::give_up() {
  uint64_t wanted = share_ ? share_->to_give_up() : 0;
  if (!wanted) return;
  uint64_t before = bytes();
  uint64_t aim = before - std::min(before, wanted);
  while (bytes() > aim && evict(bytes() - aim, true)) {
  }
  account();
}

// What is stored twice first: records that lie on disk too, then sequences, whose blocks are in the store.
bool PrefixCache::evict(uint64_t bytes, bool from_live) {
  if (store_ && store_->evict(bytes, BlockStore::Evict::copies) > 0) return true;
  if (!entries_.empty()) {
    entries_.pop_back();
    return true;
  }
  return store_ && store_->evict(bytes, from_live ? BlockStore::Evict::all : BlockStore::Evict::unused) > 0;
}

void PrefixCache::drain() {
  // What a start needs next is read in any case; the start may be over when it arrives.
  if (store_ && store_->drain()) make_room(0);
}

void PrefixCache::flush(double seconds) {
  if (!store_) return;
  store_->flush(seconds);
  make_room(0);
}

CacheStats PrefixCache::stats() const {
  auto stats = store_ ? store_->stats() : CacheStats{};
  stats.live_tokens = live_tokens_;
  stats.memory_tokens = memory_tokens_;
  stats.disk_tokens = disk_tokens_;
  return stats;
}

void PrefixCache::count(int live, int memory, int disk) {
  live_tokens_ += static_cast<uint64_t>(live);
  memory_tokens_ += static_cast<uint64_t>(memory);
  disk_tokens_ += static_cast<uint64_t>(disk);
}

uint64_t PrefixCache::bytes() const { return sequence_bytes() + (store_ ? store_->bytes() : 0); }

uint64_t PrefixCache::sequence_bytes() const {
  uint64_t sum = 0;
  for (const auto& entry : entries_) sum += entry.bytes();
  return sum;
}

}  // namespace tether
