// How fast the threads of this machine read memory: read_bench BYTES THREADS ROUNDS -> GB/s, the median round.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <span>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace {

using Clock = std::chrono::steady_clock;

// As the engine keeps weights, so that both read through as few pages.
constexpr size_t kPage = size_t{2} << 20U;

// Many sums at a time: one alone would wait for itself.
uint64_t sum_of(std::span<const uint64_t> numbers) {
  constexpr size_t kSums = 32;
  std::array<uint64_t, kSums> sums{};
  for (size_t i = 0; i + kSums <= numbers.size(); i += kSums)
    for (size_t j = 0; j < kSums; j++) sums[j] += numbers[i + j];
  return std::accumulate(sums.begin(), sums.end(), uint64_t{0});
}

double seconds_to_read(std::span<const uint64_t> numbers, size_t threads, std::vector<uint64_t>& sums) {
  auto begin = Clock::now();
  std::vector<std::thread> running;
  size_t each = numbers.size() / threads;
  for (size_t i = 0; i < threads; i++)
    running.emplace_back([&, i] { sums[i] = sum_of(numbers.subspan(i * each, each)); });
  for (auto& thread : running) thread.join();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

int main(int argc, char** argv) {
  std::span<char*> args(argv, static_cast<size_t>(argc));
  if (args.size() != 4) return 2;
  size_t bytes = std::strtoull(args[1], nullptr, 10) / kPage * kPage + kPage;
  size_t threads = std::strtoull(args[2], nullptr, 10);
  size_t rounds = std::strtoull(args[3], nullptr, 10);
  if (threads == 0 || rounds == 0) return 2;
  auto* memory = static_cast<uint64_t*>(std::aligned_alloc(kPage, bytes));
  if (!memory) return 1;
#if defined(__linux__)
  madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  std::span<uint64_t> numbers(memory, bytes / sizeof(uint64_t));
  std::iota(numbers.begin(), numbers.end(), uint64_t{1});
  std::vector<uint64_t> sums(threads);
  std::vector<double> rates;
  uint64_t all = 0;
  for (size_t round = 0; round < rounds; round++) {
    rates.push_back(static_cast<double>(bytes) / seconds_to_read(numbers, threads, sums) / 1e9);
    all += std::accumulate(sums.begin(), sums.end(), uint64_t{0});
  }
  std::ranges::sort(rates);
  // The sum is printed, so that no compiler leaves the reading out.
  std::printf("%.2f %llu\n", rates[rounds / 2], static_cast<unsigned long long>(all));
  std::free(memory);
  return 0;
}
