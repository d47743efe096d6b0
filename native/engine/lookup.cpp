// What a sequence is likely to say next, since it has said it before: drafts that one pass can verify.
#include "engine/lookup.h"

#include <algorithm>
#include <bit>

namespace tether {
namespace {

// Earlier places with the same hash that are looked at, and tokens that are compared at each.
constexpr int kCandidates = 8;
constexpr int kCompared = 32;
// From these lengths in common on, a place is held to be of another kind.
constexpr int kLong = 6;  // below Lookup::kGram: one that was taken up again
constexpr int kVeryLong = 16;
// How far behind a place that did not hold it is taken up again.
constexpr int kPutIn = 32;
// The least hash table.
constexpr size_t kLeastSlots = 256;

}  // namespace

Lookup::Lookup(std::span<const int32_t> prompt, size_t expected) {
  expected = std::max(expected, prompt.size());
  last_.assign(std::bit_floor(std::max(kLeastSlots, expected)), -1);
  tokens_.reserve(expected);
  previous_.reserve(expected);
  for (int32_t token : prompt) append(token);
  find();
}

size_t Lookup::kind(int common) {
  if (common < kGram) return 0;
  if (common < kLong) return 1;
  return common < kVeryLong ? 2 : 3;
}

void Lookup::accept(int32_t token) {
  if (next_ >= 0) {
    bool holds = tokens_[static_cast<size_t>(next_)] == token;
    odds_[kind(common_)].note(holds);
    if (!holds) {
      left_ = next_;
      since_left_ = -1;
    }
    next_ = holds ? next_ + 1 : -1;
    common_ = holds ? common_ + 1 : 0;
  }
  append(token);
  since_left_++;
  // A place with little in common may be the wrong one of several.
  if (common_ < kLong) find();
  if (next_ < 0 && left_ >= 0 && since_left_ <= kPutIn) take_up_again();
}

// Something was put in, and now the token comes that was expected; or it was replaced, and the one behind it comes.
void Lookup::take_up_again() {
  for (int64_t place : {left_, left_ + 1}) {
    if (place + 1 >= static_cast<int64_t>(tokens_.size()) || tokens_[static_cast<size_t>(place)] != tokens_.back())
      continue;
    next_ = place + 1;
    common_ = 1;
    return;
  }
}

void Lookup::append(int32_t token) {
  tokens_.push_back(token);
  previous_.push_back(-1);
  if (tokens_.size() < kGram) return;
  auto& last = last_[slot(tokens_.size())];
  previous_.back() = last;
  last = static_cast<int32_t>(tokens_.size() - 1);
}

// Of the kGram tokens before `end`.
size_t Lookup::slot(size_t end) const {
  uint32_t hash = 0;
  for (size_t i = end - kGram; i < end; i++) hash = (hash ^ static_cast<uint32_t>(tokens_[i])) * 0x9e3779b1U;
  return (hash ^ (hash >> 15U)) & (last_.size() - 1);
}

// Tokens before `a`, and it too, that are the same as those before `b`.
int Lookup::common(size_t a, size_t b) const {
  int count = 0;
  while (count < kCompared && tokens_[a] == tokens_[b]) {
    count++;
    if (a-- == 0 || b-- == 0) break;
  }
  return count;
}

// Looks for the longest recent occurrence of the end; of several that are as long, the last one.
void Lookup::find() {
  if (tokens_.size() < kGram) return;
  size_t end = tokens_.size() - 1;
  int32_t place = previous_[end];
  for (int i = 0; i < kCandidates && place >= 0; i++, place = previous_[static_cast<size_t>(place)]) {
    int found = common(static_cast<size_t>(place), end);
    if (found < kGram || found <= common_) continue;
    common_ = found;
    next_ = place + 1;
  }
}

std::vector<int32_t> Lookup::draft(int count) const {
  std::vector<int32_t> draft;
  if (next_ < 0) return draft;
  auto begin = static_cast<size_t>(next_);
  size_t known = tokens_.size() - begin;
  for (size_t i = 0; i < static_cast<size_t>(std::max(0, count)); i++)
    draft.push_back(i < known ? tokens_[begin + i] : draft[i - known]);
  return draft;
}

double Lookup::odds(int ahead) const { return odds_[kind(common_ + ahead)](); }

size_t Lookup::bytes() const {
  return (tokens_.capacity() + previous_.capacity() + last_.capacity()) * sizeof(int32_t);
}

}  // namespace tether
