// One budget of memory for all engines of a process: what each may take follows from what all of them have.
//
// Each engine has a share, of two parts. `firm`: weights, scratch, and what live requests have reserved; it is granted
// or refused. `kept`: prefixes, which others may ask to give up.
//
// Invariants:
//  - what is granted keeps the sum of all shares within the cap of the engine that asks, or what is over is the asking
//    engine's own prefixes, which it drops before it allocates anything;
//  - MLX's limits, which are the process's: the largest cap, and the fewest freed buffers.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace tether {

class MemoryShare;

// Thread-safe, with its shares. Bytes.
class MemoryBudget {
 private:
  friend class MemoryShare;

  // All with the mutex held.
  struct Sums {
    uint64_t firm = 0;
    uint64_t kept = 0;
    bool runs = false;  // whether a request runs on one of them
  };
  Sums others(const MemoryShare& share) const;
  uint64_t freed() const;
  uint64_t shed(const MemoryShare& asker, uint64_t bytes, uint64_t untouched);
  void changed(const MemoryShare& share);
  void set_mlx_limits();

  std::mutex mutex_;
  std::vector<MemoryShare*> shares_;  // in order of age
};

// The one of this process.
MemoryBudget& process_budget();

// What one engine has of a budget. It must not be called with a lock held that `wake` takes.
class MemoryShare {
 public:
  // wake: called on any thread, with the budget locked, when a claim may succeed that had to wait, or when prefixes are
  // to be given up.
  explicit MemoryShare(MemoryBudget& budget, std::function<void()> wake = [] {});
  ~MemoryShare();
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

  // cap: what all shares together may be when this one asks; 0: no bound. freed: the buffers that MLX may keep for it.
  void set_limits(uint64_t cap, uint64_t freed);

  enum class Answer {
    granted,
    soon,  // others were told to give up prefixes; wake() is called
    busy,  // requests of others have to end first; wake() is called
    never  // while the others have their weights. wake() is called when one is closed
  };
  // Asks to have so much, without kept prefixes. idle: of it, what the engine has without requests.
  Answer claim(uint64_t firm, uint64_t idle);
  // Has less from now on: the difference counts as kept, until keep() says how much of it is.
  void settle(uint64_t firm, uint64_t idle);

  // Asks to keep so many bytes in all. -> how many it may; if these are fewer, what it keeps is as before.
  uint64_t keep(uint64_t bytes);
  // It keeps so many, and cannot go below.
  void kept(uint64_t bytes);
  // Bytes of prefixes that others need, until they are given up.
  uint64_t to_give_up() const;

  // Has nothing from now on.
  void leave();

  // What is really in use of this share, by its own count, for counted_by_others() of the others.
  void count(uint64_t bytes);
  uint64_t counted_by_others() const;
  // What the others have, at most.
  uint64_t held_by_others() const;
  // What was missing when a claim was last refused; 0 once one is granted, or where others only give up prefixes.
  uint64_t lacking() const;

 private:
  friend class MemoryBudget;

  // All guarded by the budget's mutex.
  MemoryBudget& budget_;
  std::function<void()> wake_;
  uint64_t cap_ = 0;
  uint64_t freed_ = 0;
  uint64_t firm_ = 0;
  uint64_t idle_ = 0;
  uint64_t kept_ = 0;
  uint64_t counted_ = 0;
  uint64_t to_give_up_ = 0;
  uint64_t lacking_ = 0;
  bool waits_ = false;
};

}  // namespace tether
