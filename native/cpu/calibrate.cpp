// Measures how many threads compute fastest on this machine.
#include "cpu/calibrate.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>
#include <vector>

#include "cpu/blas/blas.h"
#include "cpu/pool.h"

namespace tether {
namespace {

// A matrix that is larger than the caches.
constexpr long kRows = 4096;
constexpr long kWidth = 2048;
// Rows of a product of prefill.
constexpr long kMany = 64;
constexpr int kTimes = 3;
// More threads are used only if they take at most this share of the time.
constexpr double kWorthIt = 0.95;

struct Products {
  std::vector<float> matrix = std::vector<float>(kRows * kWidth, 0.01F);
  std::vector<float> x = std::vector<float>(kMany * kWidth, 0.5F);
  std::vector<float> y = std::vector<float>(kMany * kRows);

  void run(long rows) {
    constexpr int kTiles = 64;
    constexpr long kColumns = kRows / kTiles;
    parallel_for(kTiles, [&](int tile) {
      const float* weights = matrix.data() + tile * kColumns * kWidth;
      sgemm_transposed(rows, kColumns, kWidth, 1, x.data(), kWidth, weights, kWidth, 0, y.data() + tile * kColumns,
                       kRows);
    });
  }

  double best_seconds(long rows) {
    double best = std::numeric_limits<double>::infinity();
    for (int time = 0; time < kTimes; time++) {
      auto start = std::chrono::steady_clock::now();
      run(rows);
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
  }
};

int measure() {
  int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  int chosen = cores;
  double one_row = 0;
  double many_rows = 0;
  Products products;
  products.run(1);
  for (int threads = cores; threads >= 1; threads /= 2) {
    set_pool_threads(threads);
    double one = products.best_seconds(1);
    double many = products.best_seconds(kMany);
    // The mean of both ratios, so that decode and prefill count alike.
    if (threads == cores || (one / one_row + many / many_rows) / 2 < 1 / kWorthIt) {
      chosen = threads;
      one_row = threads == cores ? one : std::min(one, one_row);
      many_rows = threads == cores ? many : std::min(many, many_rows);
    }
  }
  return chosen;
}

}  // namespace

int fastest_threads() {
  static const int threads = measure();
  set_pool_threads(threads);
  return threads;
}

}  // namespace tether
