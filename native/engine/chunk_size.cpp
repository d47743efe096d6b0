// How many tokens of a prompt go through the model at a time.
#include "engine/chunk_size.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "engine/rate.h"

namespace tether {
namespace {

// Seconds for a chunk, and for measuring how many tokens that is.
constexpr double kChunkSeconds = 0.5;
constexpr double kMeasureSeconds = 0.3;
// Layers that are measured. The fastest counts: the first ones of a process load code, and others may be disturbed.
constexpr size_t kLayers = 4;

using Clock = std::chrono::steady_clock;

// Seconds that a layer takes for the least chunk.
double layer_seconds(Model& model, const DevicePolicy& device, std::vector<KVCache>& caches) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < device.least_chunk; i++) tokens.push_back(i % model.vocab_size());
  Segment segment{&caches, device.least_chunk};
  model.forward(mx::array(tokens.data(), {device.least_chunk}, mx::int32), {&segment, 1});
  // Between the keys and values of two layers lies the work of exactly one layer.
  mx::eval(caches[0].arrays());
  auto start = Clock::now();
  double best = kChunkSeconds;
  for (size_t layer = 1; layer < std::min(caches.size(), 1 + kLayers); layer++) {
    auto before = Clock::now();
    mx::eval(caches[layer].arrays());
    best = std::min(best, seconds_since(before));
    if (seconds_since(start) > kMeasureSeconds) break;
  }
  return best;
}

}  // namespace

int chunk_size(Model& model, const DevicePolicy& device, int kv_bits) {
  auto caches = model.new_caches(kv_bits);
  if (caches.size() < 2) return device.most_chunk;
  double seconds = layer_seconds(model, device, caches) * static_cast<double>(caches.size());
  int size = device.least_chunk;
  while (size < device.most_chunk && 2 * seconds <= kChunkSeconds) {
    size *= 2;
    seconds *= 2;
  }
  caches.clear();
  mx::clear_cache();
  return size;
}

}  // namespace tether
