// Tests the thread pool: each tile is computed once, for every caller and after every change of the number of threads.
#include "cpu/pool.h"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "test/check.h"

using namespace tether;

namespace {

void each_tile_once(int tiles) {
  std::vector<std::atomic<int>> done(static_cast<size_t>(tiles));
  parallel_for(tiles, [&](int tile) { done[static_cast<size_t>(tile)]++; });
  for (const auto& times : done) check(times == 1, "a tile of " + std::to_string(tiles) + " is computed once");
}

void many_pieces() {
  for (int threads : {1, 2, 5, 3}) {
    set_pool_threads(threads);
    check(pool_threads() == threads, "the pool has as many threads as were set");
    for (int tiles : {0, 1, 2, 3, 7, 64, 1000})
      for (int times = 0; times < 50; times++) each_tile_once(tiles);
    // Long enough for idle threads to fall asleep.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    each_tile_once(20);
  }
}

// Two engines in one process.
void two_callers() {
  set_pool_threads(3);
  std::vector<std::thread> callers;
  for (int i = 0; i < 2; i++)
    callers.emplace_back([] {
      for (int times = 0; times < 2000; times++) each_tile_once(9);
    });
  for (auto& caller : callers) caller.join();
}

// The threads see what the caller wrote before, and the caller sees what they wrote.
void writes_are_visible() {
  set_pool_threads(4);
  std::vector<int> numbers(256);
  for (int round = 0; round < 500; round++) {
    for (int& number : numbers) number = round;
    parallel_for(64, [&](int tile) {
      for (size_t i = 0; i < 4; i++) numbers[static_cast<size_t>(tile) * 4 + i]++;
    });
    for (int number : numbers)
      check(number == round + 1, "writes of the caller and of the threads are visible to each other");
  }
}

}  // namespace

int main() {
  many_pieces();
  two_callers();
  writes_are_visible();
  return result();
}
