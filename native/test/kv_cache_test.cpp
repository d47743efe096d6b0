// Tests KVCache against a plain vector of slots: random appends and trims, full and sliding.
#include "model/kv_cache.h"

#include <mlx/mlx.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace mx = mlx::core;
using tether::KVCache;

namespace {

constexpr int kHeads = 2;
constexpr int kKeyDim = 4;
constexpr int kValueDim = 3;

int failures = 0;

void expect(bool holds, const std::string& what) {
  if (holds) return;
  failures++;
  std::fprintf(stderr, "%s\n", what.c_str());
}

// What a slot holds: a number of its own per token, head and dimension.
float slot_value(int id, int head, int d) { return static_cast<float>(id * 16 + head * 8 + d); }

// (1, kHeads, ids, dim); values are negative, so that swapping them with keys shows.
mx::array slots_of(const std::vector<int>& ids, int dim, float sign) {
  std::vector<float> data;
  for (int head = 0; head < kHeads; head++)
    for (int id : ids)
      for (int d = 0; d < dim; d++) data.push_back(sign * slot_value(id, head, d));
  return mx::array(data.begin(), {1, kHeads, static_cast<int>(ids.size()), dim}, mx::float32);
}

bool same(const mx::array& got, const mx::array& want) {
  return got.shape() == want.shape() && mx::array_equal(got, want).item<bool>();
}

// A cache beside what it should hold: one id per token, since the beginning of the sequence.
class Pair {
 public:
  Pair(std::string name, int window) : name_(std::move(name)), cache_(window) {}

  void append(int count) {
    auto had = static_cast<int>(ids_.size());
    std::vector<int> added;
    for (int i = 0; i < count; i++) added.push_back(next_id_++);
    auto view = cache_.append(slots_of(added, kKeyDim, 1), slots_of(added, kValueDim, -1));
    ids_.insert(ids_.end(), added.begin(), added.end());
    expect(cache_.offset() == static_cast<int>(ids_.size()), at("offset"));

    // All that a query may look at must be there; a full layer shows everything.
    int shown = view.keys.shape(2);
    int window = cache_.window();
    int needed = window ? std::min(had, window - 1) + count : had + count;
    expect(shown == needed, at("the view has " + std::to_string(shown) + " slots, not " + std::to_string(needed)));
    std::vector<int> last(ids_.end() - shown, ids_.end());
    expect(same(view.keys, slots_of(last, kKeyDim, 1)), at("keys"));
    expect(same(view.values, slots_of(last, kValueDim, -1)), at("values"));
  }

  // -> whether the cache could.
  bool trim(int length) {
    if (!cache_.can_trim(length)) return false;
    cache_.trim(length);
    ids_.resize(static_cast<size_t>(length));
    expect(cache_.offset() == length, at("offset after trim"));
    return true;
  }

  int length() const { return static_cast<int>(ids_.size()); }
  KVCache& cache() { return cache_; }

 private:
  std::string at(const std::string& what) const { return name_ + " at " + std::to_string(ids_.size()) + ": " + what; }

  std::string name_;
  KVCache cache_;
  std::vector<int> ids_;
  int next_id_ = 0;
};

void test_random(int window, unsigned seed) {
  std::mt19937 random(seed);
  auto below = [&](int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random); };
  Pair pair("window " + std::to_string(window) + " seed " + std::to_string(seed), window);
  int trims = 0;
  for (int step = 0; step < 60; step++) {
    // Mostly single tokens, as in decoding, with chunks on both sides of the spare room in between.
    int kind = below(8);
    pair.append(kind == 0 ? 200 + below(200) : kind < 3 ? 1 + below(40) : 1);
    if (below(4) > 0) continue;
    int length = std::max(0, pair.length() - below(below(2) ? 12 : 300));
    bool can = pair.trim(length);
    if (window == 0) expect(can, "a full cache can be trimmed to " + std::to_string(length));
    trims += can ? 1 : 0;
  }
  expect(trims > 0, "window " + std::to_string(window) + ": nothing could be trimmed");
}

// Whatever can_trim promises holds the whole window before `length`; trim one by one down to where it says no.
void test_sliding_trim_keeps_the_window() {
  constexpr int kWindow = 8;
  for (int target = 0; target <= 700; target++) {
    Pair pair("trim to " + std::to_string(target), kWindow);
    for (int chunk : {300, 1, 1, 97, 1, 300}) pair.append(chunk);
    if (pair.trim(target)) pair.append(3);
  }
}

void test_limits() {
  KVCache full(0);
  expect(full.offset() == 0 && full.bytes() == 0 && full.arrays().empty(), "a new cache is empty");
  expect(full.can_trim(0), "an empty cache can be trimmed to nothing");
  expect(!full.can_trim(1), "a cache cannot be trimmed to more than it has");

  Pair sliding("forgotten", 8);
  sliding.append(1000);
  sliding.append(1000);
  expect(!sliding.cache().can_trim(500), "a sliding cache cannot go back to what it forgot");
  expect(sliding.cache().can_trim(2000), "a cache can stay as it is");
  expect(sliding.cache().arrays().size() == 2, "a cache has keys and values");
}

// A copy is how a prefix is kept while its first owner goes on: neither may see the other's tokens.
void test_copies_are_independent() {
  for (int window : {0, 8}) {
    Pair first("copy, window " + std::to_string(window), window);
    first.append(20);
    Pair second = first;
    for (int i = 0; i < 5; i++) {
      first.append(1);
      if (i == 2) second.append(2);
    }
    expect(second.trim(20), "a copy can be trimmed on its own");
    second.append(4);
    first.append(4);
  }
}

}  // namespace

int main() {
  mx::set_default_device(mx::Device::cpu);
  for (int window : {0, 1, 2, 8, 64, 512})
    for (unsigned seed : {1U, 2U, 3U, 4U}) test_random(window, seed);
  test_sliding_trim_keeps_the_window();
  test_limits();
  test_copies_are_independent();
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
