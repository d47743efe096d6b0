// Tests KVCache against a plain vector of slots: random appends and trims, full and sliding, as computed and quantized.
#include "model/kv_cache.h"

#include <mlx/mlx.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "cpu/ops/elementwise.h"
#include "error.h"
#include "test/check.h"

namespace mx = mlx::core;
using tether::kv_quantization;
using tether::KVCache;
using tether::KVView;
using tether::Quantization;
using tether::QuantMode;

namespace {

constexpr int kHeads = 2;

void expect(bool holds, const std::string& what) { tether::check(holds, what); }

// The content of a slot: a number per token, head and dimension.
float slot_value(int id, int head, int d) { return static_cast<float>(id * 16 + head * 8 + d % 8); }

// (1, kHeads, ids, dim); values are negative, so that a mix-up with keys is detected.
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

// How a cache stores keys and values, and the widths used for them in this test.
struct Kind {
  std::string name;
  Quantization format;
  int key_dim;
  int value_dim;
  bool by_attention = false;  // few tokens are written by the operation that attends to them
};

Kind plain() { return {.name = "as computed", .format = {}, .key_dim = 4, .value_dim = 3}; }

Kind attended(int bits = 0) {
  return {.name = "written by attention in " + std::to_string(bits) + " bits",
          .format = kv_quantization(bits, 4),
          .key_dim = 4,
          .value_dim = 4,
          .by_attention = true};
}

Kind in_16_bits() { return {.name = "16 bits", .format = kv_quantization(16, 5), .key_dim = 5, .value_dim = 3}; }

std::vector<Kind> quantized() {
  return {{.name = "8 bits, heads of 64 and 128", .format = kv_quantization(8, 64), .key_dim = 64, .value_dim = 128},
          {.name = "4 bits, heads of 128 and 64", .format = kv_quantization(4, 128), .key_dim = 128, .value_dim = 64},
          {.name = "8 bits, heads of 96 and 32", .format = kv_quantization(8, 96), .key_dim = 96, .value_dim = 32},
          {.name = "4 bits, heads of 32", .format = kv_quantization(4, 32), .key_dim = 32, .value_dim = 32}};
}

// Each row by itself: 8 bits as MLX quantizes it, 4 bits as our own kernel does.
mx::array kept(const mx::array& x, const Quantization& format) {
  if (format.mode == QuantMode::none) return format.bits == 16 ? tether::in_float16(x) : x;
  auto parts = format.bits == 4 ? tether::cpu::packed(x) : mx::quantize(x, format.group_size, format.bits);
  return mx::dequantize(parts[0], parts[1], parts[2], format.group_size, format.bits);
}

// Equal, except for the rounding of one product and one sum.
bool close(const mx::array& got, const mx::array& want) {
  return got.shape() == want.shape() && got.dtype() == want.dtype() && mx::allclose(got, want, 1e-6, 0).item<bool>();
}

// As append() for keys and values of one width, by an operation that rotates by no angle.
KVView append_and_attend(KVCache& cache, const mx::array& keys, const mx::array& values) {
  int count = keys.shape(2);
  int dim = keys.shape(3);
  auto rows = [&](const mx::array& x) { return mx::reshape(mx::transpose(x, {0, 2, 1, 3}), {count, kHeads * dim}); };
  auto projections = mx::concatenate({rows(keys), rows(keys), rows(values)}, 1);
  auto angles = mx::concatenate({mx::ones({1, count, dim / 2}), mx::zeros({1, count, dim / 2})}, 0);
  mx::eval(projections, angles);
  auto room = cache.room(count);
  auto made = tether::cpu::append_and_attend(
      projections, 0, count, angles,
      {.queries = kHeads, .keys = kHeads, .dim = dim, .values_are_keys = false, .traditional = false}, {}, room,
      {.scale = 1, .window = cache.window(), .softcap = 0});
  cache.fill(room, count, made.keys, made.values);
  return cache.newest(count);
}

// A cache and its expected content: one id per token of the sequence.
class Pair {
 public:
  Pair(std::string name, int window, Kind kind = plain())
      : name_(std::move(name)), kind_(std::move(kind)), cache_(window, kind_.format) {}

  void append(int count) {
    auto had = static_cast<int>(ids_.size());
    std::vector<int> added;
    for (int i = 0; i < count; i++) added.push_back(next_id_++);
    auto keys = slots_of(added, kind_.key_dim, 1);
    auto values = slots_of(added, kind_.value_dim, -1);
    bool few = kind_.by_attention && count <= 40;
    auto view = few ? append_and_attend(cache_, keys, values) : cache_.append(keys, values);
    ids_.insert(ids_.end(), added.begin(), added.end());
    expect(cache_.offset() == static_cast<int>(ids_.size()), at("offset"));

    // The view must have all slots that a query sees; in a full layer all slots.
    int shown = view.slots();
    int window = cache_.window();
    int needed = window ? std::min(had, window - 1) + count : had + count;
    expect(shown == needed, at("the view has " + std::to_string(shown) + " slots, not " + std::to_string(needed)));
    std::vector<int> last(ids_.end() - shown, ids_.end());
    auto matches = kind_.format.mode == QuantMode::none ? same : close;
    expect(matches(view.keys.dequantized(), kept(slots_of(last, kind_.key_dim, 1), kind_.format)), at("keys"));
    expect(matches(view.values.dequantized(), kept(slots_of(last, kind_.value_dim, -1), kind_.format)), at("values"));
  }

  // -> whether the cache can be trimmed to that length
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
  Kind kind_;
  KVCache cache_;
  std::vector<int> ids_;
  int next_id_ = 0;
};

void test_random(int window, unsigned seed, const Kind& kind) {
  std::mt19937 random(seed);
  auto below = [&](int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random); };
  Pair pair(kind.name + ", window " + std::to_string(window) + " seed " + std::to_string(seed), window, kind);
  int trims = 0;
  for (int step = 0; step < 60; step++) {
    // Mostly single tokens, as in decode, and between them chunks of fewer and more tokens than the spare slots.
    int choice = below(8);
    pair.append(choice == 0 ? 200 + below(200) : choice < 3 ? 1 + below(40) : 1);
    if (below(4) > 0) continue;
    int length = std::max(0, pair.length() - below(below(2) ? 12 : 300));
    bool can = pair.trim(length);
    if (window == 0) expect(can, "a full cache can be trimmed to " + std::to_string(length));
    trims += can ? 1 : 0;
  }
  expect(trims > 0, "window " + std::to_string(window) + ": nothing could be trimmed");
}

// If can_trim(length) is true, the whole window before `length` is there; tests every length.
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

  Pair sliding("dropped", 8);
  sliding.append(1000);
  sliding.append(1000);
  expect(!sliding.cache().can_trim(500), "a sliding cache cannot be trimmed to a length whose window it has dropped");
  expect(sliding.cache().can_trim(2000), "a cache can be trimmed to its own length");
  expect(sliding.cache().arrays().size() == 2, "a cache has keys and values");
}

// The prefix cache keeps a copy while the sequence continues: neither may see the other's tokens.
void test_copies_are_independent(const Kind& kind) {
  for (int window : {0, 8}) {
    Pair first(kind.name + ", copy, window " + std::to_string(window), window, kind);
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

// A token is written where the buffer has room for it, unless somebody else holds the buffer.
void test_attention_writes_in_place() {
  KVCache cache;
  auto one = [](float number) { return mx::full({1, kHeads, 1, 4}, number, mx::float32); };
  auto buffers = [&] {
    mx::eval(cache.arrays());
    return std::pair(cache.arrays()[0].data<float>(), cache.arrays()[1].data<float>());
  };
  cache.append(one(1), one(2));
  auto before = buffers();
  for (int i = 0; i < 3; i++) {
    append_and_attend(cache, one(3), one(4));
    expect(buffers() == before, "attention writes to the buffers that are there");
  }
  KVCache kept = cache;
  append_and_attend(cache, one(5), one(6));
  auto [keys, values] = buffers();
  expect(keys != before.first && values != before.second, "attention leaves buffers alone that another cache has");
}

// (1, kHeads, count, dim) of noise
mx::array noise(int count, int dim, uint64_t seed) {
  return mx::random::normal({1, kHeads, count, dim}, mx::float32, mx::random::key(seed));
}

// The same numbers are stored however tokens are grouped into appends and however many spare slots there are.
void test_pieces_are_equal(const Kind& kind) {
  for (int window : {0, 40}) {
    auto keys = noise(700, kind.key_dim, 1);
    auto values = noise(700, kind.value_dim, 2);
    auto part = [](const mx::array& x, int begin, int end) {
      return mx::slice(x, {0, 0, begin, 0}, {1, kHeads, end, x.shape(3)});
    };
    KVCache whole(window, kind.format);
    auto all = whole.append(keys, values);
    for (int piece : {1, 7, 256, 699}) {
      KVCache cache(window, kind.format);
      for (int begin = 0; begin < 700; begin += piece) {
        int end = std::min(begin + piece, 700);
        auto view = cache.append(part(keys, begin, end), part(values, begin, end));
        int shown = view.slots();
        auto name = kind.name + " in pieces of " + std::to_string(piece) + " at " + std::to_string(end);
        expect(same(view.keys.dequantized(), part(all.keys.dequantized(), end - shown, end)), name + ": keys");
        expect(same(view.values.dequantized(), part(all.values.dequantized(), end - shown, end)), name + ": values");
      }
    }
  }
}

// The error is at most a step of the grid over a group's range.
void test_quantized_error(const Kind& kind) {
  auto keys = noise(50, kind.key_dim, 3);
  auto view = KVCache(0, kind.format).append(keys, noise(50, kind.value_dim, 4));
  auto grouped = mx::reshape(keys, {-1, kind.format.group_size});
  auto range = mx::subtract(mx::max(grouped, 1, true), mx::min(grouped, 1, true));
  // MLX shifts the grid so that it has zero, which may cost one step of the range; in 4 bits the ends lie a bit beside
  // the steps.
  auto step = mx::divide(range, mx::array(kind.format.bits == 8 ? 254.0F : 14.0F));
  auto error = mx::abs(mx::subtract(mx::reshape(view.keys.dequantized(), grouped.shape()), grouped));
  expect(mx::all(mx::less_equal(error, step)).item<bool>(), kind.name + ": the error is larger than a step");
  expect(mx::max(error).item<float>() > 0, kind.name + ": not quantized");
}

void test_bytes(const Kind& kind) {
  KVCache cache(0, kind.format);
  cache.reserve(0, 1000);
  for (int count : {300, 1, 300}) cache.append(noise(count, kind.key_dim, 5), noise(count, kind.value_dim, 6));
  cache.reserve(1000, 1000);
  cache.append(noise(399, kind.key_dim, 7), noise(399, kind.value_dim, 8));
  uint64_t elements = uint64_t{1000} * kHeads * static_cast<uint64_t>(kind.key_dim + kind.value_dim);
  expect(cache.bytes() == tether::stored_bytes(kind.format, elements, 4),
         kind.name + ": bytes() is the size of 1000 tokens");
  expect(cache.arrays().size() == (kind.format.mode == QuantMode::none ? 2 : 6),
         kind.name + ": arrays() has all buffers");
  size_t sum = 0;
  for (const auto& array : cache.arrays()) sum += array.nbytes();
  expect(cache.bytes() == sum, kind.name + ": bytes() is the size of the buffers");
  cache.clear();
  expect(cache.bytes() == 0 && cache.offset() == 0, kind.name + ": clear() drops everything");
  Pair pair(kind.name + ", cleared", 0, kind);
  pair.append(5);
  pair.trim(0);
  pair.append(5);
}

// Other dtypes than float32 are dequantized by MLX in that dtype.
void test_half_precision(const Kind& kind) {
  auto keys = mx::astype(noise(20, kind.key_dim, 9), mx::bfloat16);
  KVCache cache(0, kind.format);
  auto view = cache.append(keys, mx::astype(noise(20, kind.value_dim, 10), mx::bfloat16));
  expect(view.keys.dequantized().dtype() == mx::bfloat16 && view.values.dequantized().dtype() == mx::bfloat16,
         kind.name + ": dtype");
  if (kind.format.bits == 8)
    return expect(same(view.keys.dequantized(), kept(keys, kind.format)), kind.name + ": keys in bfloat16");
  // Half a step, and what bfloat16 rounds.
  auto groups = mx::reshape(mx::astype(keys, mx::float32), {-1, kind.format.group_size});
  auto most = mx::multiply(mx::subtract(mx::max(groups, -1, true), mx::min(groups, -1, true)), mx::array(0.6F / 15));
  auto got = mx::reshape(mx::astype(view.keys.dequantized(), mx::float32), groups.shape());
  expect(mx::all(mx::less(mx::abs(mx::subtract(got, groups)), most)).item<bool>(), kind.name + ": keys in bfloat16");
}

// What float16 cannot hold becomes its largest number; what is no number stays so. MLX's operations and ours agree.
void test_large_numbers() {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> numbers{1e-9F, 65503, 65504, 65519, 65520, 7e4F, 3e38F, -7e4F, -3e38F, kInfinity, -kInfinity};
  auto x = mx::array(numbers.begin(), {1, 1, 1, static_cast<int>(numbers.size())}, mx::float32);
  auto view = KVCache(0, kv_quantization(16, 64)).append(x, mx::full({1, 1, 1, 4}, std::nanf("")));
  const auto& got = view.keys.numbers;
  expect(same(got, tether::in_float16(x)), "large numbers in 16 bits, as by MLX's operations");
  expect(mx::array_equal(mx::isinf(got), mx::isinf(x)).item<bool>(), "finite numbers stay finite in 16 bits");
  expect(mx::max(mx::abs(mx::where(mx::isinf(got), mx::array(0.0F), got))).item<float>() == 65504,
         "the largest number of 16 bits");
  expect(mx::all(mx::isnan(view.values.numbers)).item<bool>(), "NaN stays NaN in 16 bits");
  auto noisy = mx::multiply(noise(500, 64, 11), mx::array(300.0F));
  expect(same(KVCache(0, kv_quantization(16, 64)).append(noisy, noisy).keys.numbers, tether::in_float16(noisy)),
         "both round alike");
}

std::string rejection(int bits, int head_dim) {
  try {
    kv_quantization(bits, head_dim);
  } catch (const tether::Error& error) {
    return error.code() + " " + error.what();
  }
  return "";
}

void test_formats() {
  expect(kv_quantization(0, 7).mode == QuantMode::none, "without a quantization any head_dim is accepted");
  expect(kv_quantization(16, 7).bits == 16, "so it is for 16 bits");
  expect(kv_quantization(8, 256).group_size == 64 && kv_quantization(4, 96).group_size == 32,
         "group sizes divide head_dim");
  expect(rejection(8, 80).find("head_dim") != std::string::npos && rejection(8, 80).starts_with("bad_config"),
         "a head_dim that no group size divides is rejected by name");
  expect(rejection(5, 64).find("5 bits") != std::string::npos, "other bits are rejected by name");
}

}  // namespace

int main() {
  mx::set_default_device(mx::Device::cpu);
  for (int window : {0, 1, 2, 8, 64, 512}) {
    for (unsigned seed : {1U, 2U, 3U, 4U}) test_random(window, seed, plain());
    for (unsigned seed : {1U, 2U, 3U}) test_random(window, seed, attended());
    for (unsigned seed : {4U, 5U}) test_random(window, seed, attended(16));
    test_random(window, 5, in_16_bits());
    for (const auto& kind : quantized()) test_random(window, 5, kind);
  }
  test_sliding_trim_keeps_the_window();
  test_limits();
  for (const auto& kind : {plain(), in_16_bits()}) {
    test_copies_are_independent(kind);
    test_bytes(kind);
  }
  for (int bits : {0, 16}) test_copies_are_independent(attended(bits));
  test_attention_writes_in_place();
  test_pieces_are_equal(in_16_bits());
  test_large_numbers();
  for (const auto& kind : quantized()) {
    test_copies_are_independent(kind);
    test_pieces_are_equal(kind);
    test_quantized_error(kind);
    test_bytes(kind);
    test_half_precision(kind);
  }
  test_formats();
  return tether::result();
}
