// One budget of memory for all engines of a process: what each may take follows from what all of them have.
#include "engine/memory_budget.h"

#include <algorithm>
#include <utility>

#include "mlx/memory.h"

namespace tether {
namespace {

uint64_t minus(uint64_t a, uint64_t b) { return a - std::min(a, b); }

}  // namespace

MemoryBudget& process_budget() {
  // Never destroyed: an engine's thread may outlive what the process destroys at its exit.
  static auto* budget = new MemoryBudget;  // NOLINT
  return *budget;
}

MemoryBudget::Sums MemoryBudget::others(const MemoryShare& share) const {
  Sums sums;
  for (const auto* one : shares_) {
    if (one == &share) continue;
    sums.firm += one->firm_;
    sums.kept += one->kept_;
    sums.runs = sums.runs || one->firm_ > one->idle_;
  }
  return sums;
}

// MLX has one cache of freed buffers.
uint64_t MemoryBudget::freed() const {
  uint64_t least = UINT64_MAX;
  for (const auto* one : shares_)
    if (one->cap_) least = std::min(least, one->freed_);
  return least == UINT64_MAX ? 0 : least;
}

// Tells others to give up prefixes, idle engines first, each down to `untouched`. -> bytes that were asked for
uint64_t MemoryBudget::shed(const MemoryShare& asker, uint64_t bytes, uint64_t untouched) {
  uint64_t asked = 0;
  for (bool idle : {true, false}) {
    for (auto* one : shares_) {
      if (one == &asker || (one->firm_ <= one->idle_) != idle || asked >= bytes) continue;
      uint64_t part = std::min(bytes - asked, minus(one->kept_, untouched));
      asked += part;
      if (part <= one->to_give_up_) continue;
      one->to_give_up_ = part;
      one->wake_();
    }
  }
  return asked;
}

// A share has become smaller.
void MemoryBudget::changed(const MemoryShare& share) {
  for (auto* one : shares_)
    if (one != &share && std::exchange(one->waits_, false)) one->wake_();
}

void MemoryBudget::set_mlx_limits() {
  uint64_t cap = 0;
  for (const auto* one : shares_) cap = std::max(cap, one->cap_);
  if (!cap) return;
  // MLX does not enforce these on every device. What requests reserve before they start enforces the cap.
  mlx::core::set_memory_limit(cap);
  mlx::core::set_cache_limit(freed());
}

MemoryShare::MemoryShare(MemoryBudget& budget, std::function<void()> wake) : budget_(budget), wake_(std::move(wake)) {
  std::lock_guard lock(budget_.mutex_);
  budget_.shares_.push_back(this);
}

MemoryShare::~MemoryShare() {
  leave();
  std::lock_guard lock(budget_.mutex_);
  std::erase(budget_.shares_, this);
}

void MemoryShare::leave() {
  std::lock_guard lock(budget_.mutex_);
  cap_ = freed_ = firm_ = idle_ = kept_ = counted_ = to_give_up_ = lacking_ = 0;
  waits_ = false;
  budget_.set_mlx_limits();
  budget_.changed(*this);
}

void MemoryShare::set_limits(uint64_t cap, uint64_t freed) {
  std::lock_guard lock(budget_.mutex_);
  cap_ = cap;
  freed_ = freed;
  budget_.set_mlx_limits();
}

MemoryShare::Answer MemoryShare::claim(uint64_t firm, uint64_t idle) {
  std::lock_guard lock(budget_.mutex_);
  auto others = budget_.others(*this);
  uint64_t least = firm + others.firm + budget_.freed();
  uint64_t over = minus(least + others.kept, cap_);
  if (!cap_ || over == 0) {
    bool smaller = firm < firm_;
    firm_ = firm;
    idle_ = idle;
    lacking_ = 0;
    waits_ = false;
    if (smaller) budget_.changed(*this);
    return Answer::granted;
  }
  waits_ = true;
  lacking_ = 0;
  if (least <= cap_) {
    budget_.shed(*this, over, 0);
    return Answer::soon;
  }
  lacking_ = over;
  return others.runs ? Answer::busy : Answer::never;
}

void MemoryShare::settle(uint64_t firm, uint64_t idle) {
  std::lock_guard lock(budget_.mutex_);
  bool smaller = firm < firm_;
  kept_ += minus(firm_, firm);
  firm_ = firm;
  idle_ = idle;
  if (smaller) budget_.changed(*this);
}

uint64_t MemoryShare::keep(uint64_t bytes) {
  std::lock_guard lock(budget_.mutex_);
  auto others = budget_.others(*this);
  uint64_t fixed = firm_ + others.firm + budget_.freed();
  uint64_t room = cap_ ? minus(cap_, fixed + others.kept) : UINT64_MAX;
  if (bytes > room) {
    // Who keeps less than an equal part gets room from those who keep more.
    uint64_t equal = minus(cap_, fixed) / budget_.shares_.size();
    if (room < equal) budget_.shed(*this, std::min(bytes, equal) - room, equal);
    return room;
  }
  bool smaller = bytes < kept_;
  to_give_up_ = std::min(minus(to_give_up_, minus(kept_, bytes)), bytes);
  kept_ = bytes;
  if (smaller) budget_.changed(*this);
  return bytes;
}

void MemoryShare::kept(uint64_t bytes) {
  std::lock_guard lock(budget_.mutex_);
  bool smaller = bytes < kept_;
  kept_ = bytes;
  to_give_up_ = std::min(to_give_up_, bytes);
  if (smaller) budget_.changed(*this);
}

uint64_t MemoryShare::to_give_up() const {
  std::lock_guard lock(budget_.mutex_);
  return to_give_up_;
}

void MemoryShare::count(uint64_t bytes) {
  std::lock_guard lock(budget_.mutex_);
  counted_ = bytes;
}

uint64_t MemoryShare::counted_by_others() const {
  std::lock_guard lock(budget_.mutex_);
  uint64_t sum = 0;
  for (const auto* one : budget_.shares_)
    if (one != this) sum += one->counted_;
  return sum;
}

uint64_t MemoryShare::held_by_others() const {
  std::lock_guard lock(budget_.mutex_);
  auto others = budget_.others(*this);
  return others.firm + others.kept;
}

uint64_t MemoryShare::lacking() const {
  std::lock_guard lock(budget_.mutex_);
  return lacking_;
}

}  // namespace tether
