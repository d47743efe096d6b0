// A pool of threads that computes one piece of work at a time, cut into tiles; each free thread takes the next tile.
#include "cpu/pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace tether {
namespace {

using Clock = std::chrono::steady_clock;

// How long an idle thread polls for work before it sleeps. The products of one token are microseconds apart, and waking
// a sleeping thread takes as long as a product.
constexpr auto kPatience = std::chrono::microseconds(200);

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// The number of the piece of work, how many tiles it has and which tile is next, packed into one word: a thread that
// takes a tile by compare-and-exchange knows that the piece is still running, so it may read the piece's fields.
struct Ticket {
  static constexpr unsigned kBits = 24;
  static constexpr uint64_t kMask = (uint64_t{1} << kBits) - 1;

  static uint64_t make(uint64_t piece, uint64_t tiles) { return piece << (2 * kBits) | tiles << kBits; }
  static uint64_t piece(uint64_t ticket) { return ticket >> (2 * kBits); }
  static uint64_t tiles(uint64_t ticket) { return ticket >> kBits & kMask; }
  static uint64_t next(uint64_t ticket) { return ticket & kMask; }
  static bool open(uint64_t ticket) { return next(ticket) < tiles(ticket); }
};

// When to compute without the other threads. If the system gives their cores to other programs, each piece of work
// waits until a preempted thread runs again. Each time that happens, the pause doubles.
class ContentionBackoff {
 public:
  bool active() const { return Clock::now() < until_; }

  // `wait`: how long the caller waited at the end of a piece. `tile`: how long its own longest tile took.
  void record(Clock::duration wait, Clock::duration tile) {
    if (wait < 2 * tile + kStall) return;
    auto time = Clock::now();
    bool again = time - until_ < 4 * span_;
    span_ = again ? std::min(2 * span_, kLongest) : kShortest;
    until_ = time + span_;
  }

 private:
  static constexpr Clock::duration kStall = std::chrono::microseconds(500);
  static constexpr Clock::duration kShortest = std::chrono::milliseconds(2);
  static constexpr Clock::duration kLongest = std::chrono::milliseconds(40);

  Clock::time_point until_;
  Clock::duration span_ = kShortest;
};

class Pool {
 public:
  void resize(int threads) {
    std::lock_guard caller(caller_);
    if (threads == size_) return;
    stop();
    stopping_ = false;
    for (int i = 1; i < threads; i++) threads_.emplace_back([this] { serve(); });
    size_ = std::max(1, threads);
  }

  int size() const { return size_; }

  void run(int tiles, const std::function<void(int)>& work) {
    std::unique_lock caller(caller_, std::try_to_lock);
    if (tiles <= 1 || !caller || threads_.empty() || backoff_.active()) {
      for (int tile = 0; tile < tiles; tile++) work(tile);
      return;
    }
    work_ = &work;
    auto count = static_cast<uint64_t>(tiles);
    left_.store(count, std::memory_order_relaxed);
    ticket_.store(Ticket::make(Ticket::piece(ticket_.load(std::memory_order_relaxed)) + 1, count));
    if (sleeping_.load() > 0) {
      std::lock_guard lock(sleep_);
      woken_.notify_all();
    }
    auto longest = Clock::duration::zero();
    auto before = Clock::now();
    while (take_one()) {
      auto after = Clock::now();
      longest = std::max(longest, after - before);
      before = after;
    }
    // Other threads may still compute a tile; yielding gives the core to one that is preempted.
    for (int looks = 0; left_.load(std::memory_order_acquire) > 0; looks++) {
      if (looks < kLooks)
        pause();
      else
        std::this_thread::yield();
    }
    backoff_.record(Clock::now() - before, longest);
  }

 private:
  static constexpr int kLooks = 1000;

  bool take_one() {
    auto ticket = ticket_.load();
    while (Ticket::open(ticket)) {
      if (!ticket_.compare_exchange_weak(ticket, ticket + 1)) continue;
      (*work_)(static_cast<int>(Ticket::next(ticket)));
      left_.fetch_sub(1, std::memory_order_release);
      return true;
    }
    return false;
  }

  void serve() {
    while (!stopping_.load(std::memory_order_relaxed)) {
      auto last = Clock::now();
      for (int looks = 1;; looks++) {
        if (take_one()) {
          last = Clock::now();
          looks = 0;
        } else if (looks % 64 == 0 && Clock::now() - last > kPatience) {
          break;
        } else {
          pause();
        }
      }
      std::unique_lock lock(sleep_);
      sleeping_.fetch_add(1);
      woken_.wait(lock, [this] { return stopping_.load() || Ticket::open(ticket_.load()); });
      sleeping_.fetch_sub(1);
    }
  }

  void stop() {
    {
      std::lock_guard lock(sleep_);
      stopping_ = true;
      woken_.notify_all();
    }
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  std::mutex caller_;  // held by the caller that uses the threads
  ContentionBackoff backoff_;
  std::vector<std::thread> threads_;
  std::atomic<int> size_ = 1;
  const std::function<void(int)>* work_ = nullptr;
  std::atomic<uint64_t> ticket_ = 0;
  std::atomic<uint64_t> left_ = 0;  // tiles not done yet
  std::mutex sleep_;
  std::condition_variable woken_;
  std::atomic<int> sleeping_ = 0;
  std::atomic<bool> stopping_ = false;
};

// Never destroyed: its threads still sleep or poll in it at exit.
Pool& pool() {
  static auto* const one = new Pool;
  return *one;
}

}  // namespace

void set_pool_threads(int threads) { pool().resize(threads); }

int pool_threads() { return pool().size(); }

void parallel_for(int tiles, const std::function<void(int)>& work) { pool().run(tiles, work); }

}  // namespace tether
