// A model whose answers are known, and a batch that runs it.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/batch.h"
#include "engine/draft_model.h"
#include "test/check.h"

namespace tether {

constexpr int kVocab = 97;
constexpr int kWindow = 400;
// Tokens of a block of the block store.
constexpr int kBlock = 16;

// The windows of a model's layers; 0: full attention.
struct Windows {
  Windows(int window) : of_layers{window} {}  // NOLINT(google-explicit-constructor): most models have one layer
  Windows(std::initializer_list<int> windows) : of_layers(windows) {}
  std::vector<int> of_layers;
};

// The hidden state of a token is the sum of all tokens up to it, the next token that sum modulo kVocab. Each layer
// keeps these sums; where two of them differ, or where what a layer can see is not whole, the state is no number of any
// token.
class Sums : public Model {
 public:
  explicit Sums(Windows windows) : windows_(std::move(windows.of_layers)), last_(mx::zeros({1, 1, 1, 1})) {}

  mx::array compute(const mx::array& tokens, std::span<const Segment> segments) override {
    passes++;
    std::vector<mx::array> parts;
    int begin = 0;
    for (const auto& segment : segments) {
      auto own = mx::slice(tokens, {begin}, {begin + segment.length});
      auto keys = mx::reshape(mx::astype(own, mx::float32), {1, 1, segment.length, 1});
      std::optional<mx::array> hidden;
      size_t layer = 0;
      for (auto& cache : *segment.caches) {
        // The cache holds the sums themselves, so that a wrong state gives a wrong answer.
        auto sums = mx::add(mx::cumsum(keys, 2), cache.offset() > 0 ? tail(cache) : last_);
        auto view = cache.append(sums, keys);
        sums = mx::where(whole(view, windows_[layer++], cache.offset(), segment.length), sums, mx::array(0.5F));
        hidden = hidden ? mx::where(mx::equal(*hidden, sums), sums, mx::array(0.5F)) : sums;
      }
      parts.push_back(mx::reshape(*hidden, {segment.length, 1}));
      if (throws) {
        throws = false;
        throw std::runtime_error("the device is out of memory");
      }
      begin += segment.length;
    }
    return parts.size() == 1 ? parts[0] : mx::concatenate(parts, 0);
  }

  mx::array logits(const mx::array& hidden) override {
    auto next = mx::remainder(hidden, mx::array(static_cast<float>(kVocab)));
    auto ids = mx::astype(mx::expand_dims(mx::arange(kVocab), 0), mx::float32);
    auto row = mx::negative(mx::abs(mx::subtract(ids, next)));
    return mx::where(mx::equal(mx::remainder(hidden, mx::array(1.0F)), mx::array(0.0F)), row,
                     mx::array(std::numeric_limits<float>::quiet_NaN()));
  }

  std::vector<CacheShape> cache_shapes() const override {
    if (no_caches) throw std::runtime_error("no memory for caches");
    std::vector<CacheShape> shapes;
    for (int window : windows_) shapes.push_back({window, 2, 1});
    return shapes;
  }
  int vocab_size() const override { return kVocab; }
  int max_positions() const override { return kWindow; }

  int passes = 0;
  bool throws = false;
  bool no_caches = false;

 private:
  // Whether each sum that a layer sees is the one before it and its token, from the first that it has to see.
  static mx::array whole(const KVView& view, int window, int offset, int length) {
    int slots = view.slots();
    int needed = window ? std::min(offset, window - 1 + length) : offset;
    if (slots < needed) throw std::runtime_error("a layer has only " + std::to_string(slots) + " slots");
    auto between = [&](const mx::array& numbers, int begin, int end) {
      return mx::slice(numbers, {0, 0, begin, 0}, {1, 1, end, 1});
    };
    const auto& sums = view.keys.numbers;
    auto steps = mx::subtract(between(sums, 1, slots), between(sums, 0, slots - 1));
    return mx::all(mx::equal(steps, between(view.values.numbers, 1, slots)));
  }

  static mx::array tail(const KVCache& cache) {
    // The last sum, read from what a copy shows after another append.
    auto copy = cache;
    auto view = copy.append(mx::zeros({1, 1, 1, 1}), mx::zeros({1, 1, 1, 1}));
    int slots = view.slots();
    return mx::slice(view.keys.numbers, {0, 0, slots - 2, 0}, {1, 1, slots - 1, 1});
  }

  std::vector<int> windows_;
  mx::array last_;
};

// What the model answers, computed by itself.
inline std::vector<int32_t> answer(const std::vector<int32_t>& prompt, int count) {
  int sum = std::accumulate(prompt.begin(), prompt.end(), 0);
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; i++) {
    tokens.push_back(sum % kVocab);
    sum += tokens.back();
  }
  return tokens;
}

inline std::vector<int32_t> some_tokens(int count, int seed) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; i++) tokens.push_back((i * 31 + seed * 17) % 90);
  return tokens;
}

// What the sink of a request received.
struct Got {
  std::vector<int32_t> tokens;
  std::vector<GenerateEvent> ends;
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);

  const Finish* finish() const { return ends.size() == 1 ? std::get_if<Finish>(&ends[0]) : nullptr; }
  const Failure* failure() const { return ends.size() == 1 ? std::get_if<Failure>(&ends[0]) : nullptr; }
};

inline GenerateRequest ask(std::vector<int32_t> prompt, int max_tokens) {
  GenerateRequest request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  return request;
}

class Fixture {
 public:
  // disk: where the block store's files are; without a root it has none. prefix_bytes: of the prefix cache. block:
  // tokens of a block. budget: of the memory; nullptr: one of its own.
  explicit Fixture(bool ahead, const Windows& windows = 0, uint64_t cap = 0, DiskOptions disk = {},
                   uint64_t prefix_bytes = uint64_t{1} << 20U, int block = kBlock, MemoryBudget* budget = nullptr)
      : share_(budget ? *budget : own_budget_),
        loaded_{.model = std::make_unique<Sums>(windows),
                .prefixes = PrefixCache(prefix_bytes),
                .device = DevicePolicy{.name = "test",
                                       .dtype = mx::float32,
                                       .least_chunk = 8,
                                       .most_chunk = 8,
                                       .decode_ahead = ahead,
                                       .layer_by_layer = !ahead,
                                       .own_kernels = false},
                .info = {},
                .memory = {},
                .share = &share_},
        batch(loaded_) {
    share_.set_limits(cap, 0);
    loaded_.prefixes.count_against(share_);
    loaded_.info.window = kWindow;
    loaded_.info.vocab_size = kVocab;
    loaded_.info.compute_dtype = "f32";
    loaded_.info.prefill_chunk = 8;
    loaded_.memory.cap = cap;
    loaded_.memory.per_token = 8;
    loaded_.memory.sliding = std::ranges::max(windows.of_layers) ? 1500 : 0;
    if (disk.root.empty() && prefix_bytes == uint64_t{1} << 20U) return;
    auto store = std::make_unique<BlockStore>(Layout(*loaded_.model, 0), Key{1, 2}, block);
    if (!disk.wake) disk.wake = [] {};
    if (!disk.root.empty()) store->open_disk(std::move(disk));
    loaded_.prefixes = PrefixCache(prefix_bytes, std::move(store));
    loaded_.prefixes.count_against(share_);
  }

  bool start(Got& got, GenerateRequest request) {
    Submitted submitted{.id = ++next_id_,
                        .request = std::move(request),
                        .sink =
                            [&got](GenerateEvent event) {
                              if (const auto* token = std::get_if<int32_t>(&event))
                                got.tokens.push_back(*token);
                              else
                                got.ends.push_back(event);
                            },
                        .cancelled = got.cancelled,
                        .since = std::chrono::steady_clock::now()};
    return batch.start(submitted);
  }
  void run() {
    for (int i = 0; i < 5000 && !batch.empty(); i++) batch.pass();
    check(batch.empty(), "all requests end");
  }
  // Runs a request, so that its sequence is in the prefix cache.
  void remember(const std::vector<int32_t>& prompt) {
    Got got;
    start(got, ask(prompt, 5));
    run();
  }
  // From now on requests are drafted for, by what passes of PassCosts::kRows cost.
  void draft(std::vector<double> costs = {1, 1, 1, 1, 1}) {
    loaded_.costs.emplace(costs, false);
    loaded_.lookup = true;
  }
  // The same by this model alone, which takes `step` passes for a token and reads `reach` tokens.
  void draft_by(std::unique_ptr<Model> model, double step = 0.1, int reach = 64) {
    loaded_.costs.emplace(std::vector<double>{1, 1, 1, 1, 1}, false);
    loaded_.costs->set_drafter(step, 0);
    loaded_.drafter = std::make_unique<DraftModel>(std::move(model), kVocab, 8, 4, 0, loaded_.device, reach, 2 * reach);
  }
  void draft_by(std::unique_ptr<Drafter> drafter, double step = 0.1, double read = 0) {
    loaded_.costs.emplace(std::vector<double>{1, 1, 1, 1, 1}, false);
    loaded_.costs->set_drafter(step, read);
    loaded_.drafter = std::move(drafter);
  }
  Sums& model() { return static_cast<Sums&>(*loaded_.model); }
  size_t prefix_bytes() const { return loaded_.prefixes.bytes(); }
  void flush() { loaded_.prefixes.flush(10); }
  CacheStats stats() const { return loaded_.prefixes.stats(); }

  MemoryShare& share() { return share_; }
  void ask_for_room() { loaded_.asks_for_room = true; }

 private:
  MemoryBudget own_budget_;
  MemoryShare share_;
  Loaded loaded_;
  uint64_t next_id_ = 0;

 public:
  Batch batch;
};

}  // namespace tether
