// Notices an answer that repeats itself without end.
#include "engine/loop_guard.h"

#include <algorithm>

namespace tether {
namespace {

// Periods that a loop has at least.
constexpr int kPeriods = 4;
// Tokens that are made less likely before the answer is ended: a period, but at least so many.
constexpr int kLeastWarning = 64;
// After a first loop the next one is noticed after this part of its limit.
constexpr int kSooner = 4;

}  // namespace

void LoopGuard::accept(int32_t token, bool in_call) {
  tokens_.push_back(token);
  auto count = static_cast<int>(tokens_.size());
  bool goes_on = period_ > 0 && tokens_[static_cast<size_t>(count - 1 - period_)] == token;
  int before = find_and_note();
  if (goes_on) {
    run_++;
  } else {
    warned_ = warned_ || state_ == State::discouraged;
    state_ = State::free;
    period_ = before < 0 ? 0 : count - 1 - before;
    run_ = before < 0 ? 0 : static_cast<int>(kGram);
  }
  if (state_ == State::free && period_ > 0 && run_ >= limit(in_call)) {
    state_ = State::discouraged;
    since_ = run_;
  } else if (state_ == State::discouraged && run_ - since_ >= std::max(period_, kLeastWarning)) {
    state_ = State::endless;
  }
}

std::optional<int32_t> LoopGuard::discouraged(int ahead) const {
  if (state_ != State::discouraged || ahead > period_) return std::nullopt;
  return tokens_[tokens_.size() - static_cast<size_t>(period_ - ahead + 1)];
}

int LoopGuard::limit(bool in_call) const {
  int part = warned_ ? kSooner : 1;
  int least = std::max({kPeriods * period_, (in_call ? kInCall : kWords) / part, asked_for()});
  if (in_call || run_ < least) return least;
  return std::max(least, limit_of_period() / part);
}

int LoopGuard::asked_for() const {
  int64_t tokens = std::max(static_cast<int64_t>(asked_.times) * period_, static_cast<int64_t>(asked_.tokens));
  // Nobody counts exactly, models least of all.
  return static_cast<int>(std::min(tokens + tokens / 4, static_cast<int64_t>(kMostAsked)));
}

int LoopGuard::limit_of_period() const {
  std::vector<int32_t> seen;
  for (auto at = tokens_.size() - static_cast<size_t>(period_); at < tokens_.size(); at++) {
    if (std::ranges::find(seen, tokens_[at]) != seen.end()) continue;
    if (seen.size() == kFewOfRow) return kWords;
    seen.push_back(tokens_[at]);
  }
  auto different = static_cast<int>(seen.size());
  if (kCells * different <= period_) return kRows;
  return different <= kFew ? kFewTokens : kWords;
}

int LoopGuard::find_and_note() {
  if (tokens_.size() < kGram) return -1;
  auto end = static_cast<int>(tokens_.size()) - 1;
  auto gram = [this](int last) { return tokens_.begin() + last - static_cast<std::ptrdiff_t>(kGram) + 1; };
  uint32_t hash = 0;
  for (auto at = gram(end); at != tokens_.end(); at++) hash = (hash ^ static_cast<uint32_t>(*at)) * 0x9e3779b1U;
  auto& noted = last_.at(hash >> 20U);
  int before = noted;
  noted = end;
  bool same = before >= 0 && end - before <= kLongestPeriod && std::equal(gram(end), tokens_.end(), gram(before));
  return same ? before : -1;
}

}  // namespace tether
