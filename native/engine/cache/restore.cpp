// A prompt whose beginning is being restored: its blocks are read and appended to a sequence, a few at a time.
#include "engine/cache/restore.h"

#include <algorithm>
#include <utility>

namespace tether {
namespace {

// Blocks that are appended between two passes over the other requests.
constexpr size_t kAtATime = 8;
// Blocks that the disk reads ahead.
constexpr size_t kAhead = 8;

}  // namespace

Restore::Restore(BlockStore& store, std::span<const int32_t> prompt, BlockStore::Start start, bool by_layer,
                 BlockStore::MakeRoom make_room)
    : store_(&store),
      prompt_(prompt.begin(), prompt.end()),
      start_(std::move(start)),
      by_layer_(by_layer),
      make_room_(std::move(make_room)) {
  for (auto* block : start_.blocks) pins_.emplace_back(block);
  was_on_disk_.assign(start_.blocks.size(), false);
}

Restore::State Restore::advance(Sequence& sequence) {
  if (start_.length == 0) return State::done;
  // The few records of sliding layers first: that they are whole decides whether the others are of use.
  bool waits = false;
  if (store_->layout().has(Kind::sliding)) {
    for (auto* block : start_.blocks) {
      if (!needs_sliding(*block) || fetch(*block, Kind::sliding)) continue;
      if (!block->record(Kind::sliding).exists()) return plan_again(sequence);
      waits = true;
    }
  }
  auto state = append_blocks(sequence);
  if (state != State::done) return state;
  return waits ? State::waits : restore_sliding(sequence);
}

bool Restore::needs_sliding(const Block& block) const { return store_->needs_sliding(block, start_.length); }

const mx::array* Restore::fetch(Block& block, Kind kind) {
  const auto* bytes = store_->fetch(block, kind);
  if (!bytes) {
    auto place = std::ranges::find(start_.blocks, &block);
    was_on_disk_[static_cast<size_t>(place - start_.blocks.begin())] = true;
  }
  return bytes;
}

Restore::State Restore::append_blocks(Sequence& sequence) {
  const auto& layout = store_->layout();
  auto tokens = std::span<const int32_t>(prompt_);
  if (!layout.has(Kind::full)) {
    next_ = start_.blocks.size();
    return State::done;
  }
  // The next one is read in any case, others while there is room for them.
  for (size_t ahead = next_; ahead < std::min(next_ + kAhead, start_.blocks.size()); ahead++) {
    const auto& record = start_.blocks[ahead]->record(Kind::full);
    if (ahead > next_ && !record.bytes && !record.moving && !make_room_(record.size)) break;
    fetch(*start_.blocks[ahead], Kind::full);
  }
  auto first = next_;
  auto end_of = [this](const Block& block) { return std::min(block.end(), start_.length); };
  auto state = State::done;
  for (; next_ < start_.blocks.size(); next_++) {
    auto& block = *start_.blocks[next_];
    const auto* bytes = next_ - first < kAtATime ? fetch(block, Kind::full) : nullptr;
    if (!bytes) {
      if (next_ == first && !block.record(Kind::full).exists()) return plan_again(sequence);
      state = next_ == first ? State::waits : State::goes_on;
      break;
    }
    layout.append(sequence.caches(), {.record = *bytes,
                                      .tokens = static_cast<int>(block.tokens.size()),
                                      .begin = 0,
                                      .end = end_of(block) - block.begin});
  }
  if (next_ == first) return state;
  // Together: waiting for each would take longer than copying it.
  evaluate(sequence.caches(), by_layer_);
  for (auto at = first; at < next_; at++) {
    auto& block = *start_.blocks[at];
    auto count = end_of(block) - block.begin;
    sequence.extended_by(tokens.subspan(static_cast<size_t>(block.begin), static_cast<size_t>(count)));
    if (was_on_disk_[at]) from_disk_ += count;
    store_->release(block, Kind::full);
  }
  return state;
}

Restore::State Restore::restore_sliding(Sequence& sequence) {
  const auto& layout = store_->layout();
  if (layout.has(Kind::sliding)) {
    std::vector<Layout::Piece> pieces;
    int first = std::max(0, start_.length - (layout.window() - 1));
    for (auto* block : start_.blocks) {
      if (!needs_sliding(*block)) continue;
      const auto& record = block->record(Kind::sliding);
      const auto* bytes = fetch(*block, Kind::sliding);
      if (!bytes) return record.exists() ? State::waits : plan_again(sequence);
      pieces.push_back({.record = *bytes,
                        .tokens = block->end() - record.begin,
                        .begin = std::max(first, block->begin) - record.begin,
                        .end = std::min(block->end(), start_.length) - record.begin});
    }
    layout.restore_sliding(sequence.caches(), first, pieces);
    evaluate(sequence.caches(), by_layer_);
    for (auto* block : start_.blocks) store_->release(*block, Kind::sliding);
  }
  if (!layout.has(Kind::full))
    sequence.extended_by(std::span<const int32_t>(prompt_).first(static_cast<size_t>(start_.length)));
  pins_.clear();
  return State::done;
}

Restore::State Restore::plan_again(Sequence& sequence) {
  auto start = store_->find(prompt_, sequence.adapter());
  // What is appended stays only if the new plan begins with just that; else this is rare enough to begin anew.
  bool same = next_ > 0 && next_ <= start.blocks.size() &&
              std::equal(start.blocks.begin(), start.blocks.begin() + static_cast<std::ptrdiff_t>(next_),
                         start_.blocks.begin()) &&
              sequence.length() == std::min(start.blocks[next_ - 1]->end(), start.length);
  if (!same && sequence.length() > 0) sequence.rewind(0);
  pins_.clear();
  start_ = std::move(start);
  for (auto* block : start_.blocks) pins_.emplace_back(block);
  was_on_disk_.assign(start_.blocks.size(), false);
  if (!same) {
    next_ = 0;
    from_disk_ = 0;
  }
  return State::goes_on;
}

}  // namespace tether
