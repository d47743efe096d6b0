// The CPU's threads, for one piece of work at a time: cut into tiles that whoever is free takes.
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

// How long a thread without work looks for more before it sleeps. Between the products of one token it is some
// microseconds, and to wake a sleeping thread takes as long as a product.
constexpr auto kPatience = std::chrono::microseconds(200);

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Which piece of work it is, how many tiles it has and which of them is the next, in one word: who takes a tile by
// comparing and exchanging knows that the piece is still running and that its fields may be read.
struct Ticket {
  static constexpr unsigned kBits = 24;
  static constexpr uint64_t kMask = (uint64_t{1} << kBits) - 1;

  static uint64_t make(uint64_t piece, uint64_t tiles) { return piece << (2 * kBits) | tiles << kBits; }
  static uint64_t piece(uint64_t ticket) { return ticket >> (2 * kBits); }
  static uint64_t tiles(uint64_t ticket) { return ticket >> kBits & kMask; }
  static uint64_t next(uint64_t ticket) { return ticket & kMask; }
  static bool open(uint64_t ticket) { return next(ticket) < tiles(ticket); }
};

// When to do without the others: where the system gives their cores to other programs, each piece would wait until one
// of them runs again. Each time that happens they are left out for twice as long as the last time.
class Alone {
 public:
  bool now() const { return Clock::now() < until_; }

  // How long the caller had to wait at the end of a piece, and how long its longest tile took.
  void waited(Clock::duration wait, Clock::duration tile) {
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
    std::lock_guard turn(turn_);
    if (threads == size_) return;
    stop();
    stopping_ = false;
    for (int i = 1; i < threads; i++) threads_.emplace_back([this] { serve(); });
    size_ = std::max(1, threads);
  }

  int size() const { return size_; }

  void run(int tiles, const std::function<void(int)>& work) {
    std::unique_lock turn(turn_, std::try_to_lock);
    if (tiles <= 1 || !turn || threads_.empty() || alone_.now()) {
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
    // Others may be in the middle of a tile; where one of them is not running, this gives it the core.
    for (int looks = 0; left_.load(std::memory_order_acquire) > 0; looks++) {
      if (looks < kLooks)
        pause();
      else
        std::this_thread::yield();
    }
    alone_.waited(Clock::now() - before, longest);
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

  std::mutex turn_;  // held by who has work done
  Alone alone_;
  std::vector<std::thread> threads_;
  std::atomic<int> size_ = 1;
  const std::function<void(int)>* work_ = nullptr;
  std::atomic<uint64_t> ticket_ = 0;
  std::atomic<uint64_t> left_ = 0;  // tiles that are not done
  std::mutex sleep_;
  std::condition_variable woken_;
  std::atomic<int> sleeping_ = 0;
  std::atomic<bool> stopping_ = false;
};

// Never destroyed: at exit its threads sleep or look for work, and need it for that.
Pool& pool() {
  static auto* const one = new Pool;
  return *one;
}

}  // namespace

void set_pool_threads(int threads) { pool().resize(threads); }

int pool_threads() { return pool().size(); }

void in_tiles(int tiles, const std::function<void(int)>& work) { pool().run(tiles, work); }

}  // namespace tether
