// Tests the passes over live requests with a model whose answer is known: the next token is the sum of all before it.
//
// Both ways of decoding run, the one of a CPU and the one that dispatches a token ahead, as Metal and CUDA do.
#include "engine/batch.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "error.h"
#include "test/check.h"

using tether::Batch;
using tether::check;
using tether::DevicePolicy;
using tether::Failure;
using tether::Finish;
using tether::FinishReason;
using tether::GenerateEvent;
using tether::GenerateRequest;
using tether::Loaded;
using tether::Submitted;
namespace mx = mlx::core;

namespace {

constexpr int kVocab = 97;
constexpr int kWindow = 400;

// Keeps every token as a key; the hidden state is the sum of all keys so far.
class Sums : public tether::Model {
 public:
  explicit Sums(int window) : window_(window) {}

  mx::array forward(const mx::array& tokens, std::span<const tether::Segment> segments) override {
    passes++;
    std::vector<mx::array> parts;
    int begin = 0;
    for (const auto& segment : segments) {
      auto own = mx::slice(tokens, {begin}, {begin + segment.length});
      auto keys = mx::reshape(mx::astype(own, mx::float32), {1, 1, segment.length, 1});
      auto& cache = (*segment.caches)[0];
      // The sliding cache carries the sum itself, so that a state that was taken from elsewhere shows.
      auto before = cache.offset() == 0 ? mx::zeros({1, 1, 1, 1}) : last_;
      if (cache.offset() > 0) before = tail(cache);
      auto sums = mx::add(mx::cumsum(keys, 2), before);
      auto view = cache.append(sums, keys);
      parts.push_back(mx::reshape(sums, {segment.length, 1}));
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

  std::vector<tether::CacheShape> cache_shapes() const override {
    if (no_caches) throw std::runtime_error("no memory for caches");
    return {{window_, 2, 1}};
  }
  int vocab_size() const override { return kVocab; }
  int max_positions() const override { return kWindow; }

  int passes = 0;
  bool throws = false;
  bool no_caches = false;

 private:
  static mx::array tail(const tether::KVCache& cache) {
    // The last sum: appending nothing is not possible, so it is read from the buffer.
    auto copy = cache;
    auto view = copy.append(mx::zeros({1, 1, 1, 1}), mx::zeros({1, 1, 1, 1}));
    int slots = view.keys.count();
    return mx::slice(view.keys.numbers, {0, 0, slots - 2, 0}, {1, 1, slots - 1, 1});
  }

  int window_;
  mx::array last_ = mx::zeros({1, 1, 1, 1});
};

// What the model says, computed here.
std::vector<int32_t> answer(const std::vector<int32_t>& prompt, int count) {
  int sum = std::accumulate(prompt.begin(), prompt.end(), 0);
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; i++) {
    tokens.push_back(sum % kVocab);
    sum += tokens.back();
  }
  return tokens;
}

std::vector<int32_t> some_tokens(int count, int seed) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; i++) tokens.push_back((i * 31 + seed * 17) % 90);
  return tokens;
}

// What a request's sink was given.
struct Got {
  std::vector<int32_t> tokens;
  std::vector<GenerateEvent> ends;
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);

  const Finish* finish() const { return ends.size() == 1 ? std::get_if<Finish>(&ends[0]) : nullptr; }
  const Failure* failure() const { return ends.size() == 1 ? std::get_if<Failure>(&ends[0]) : nullptr; }
};

GenerateRequest ask(std::vector<int32_t> prompt, int max_tokens) {
  GenerateRequest request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  return request;
}

class Fixture {
 public:
  explicit Fixture(bool ahead, int window = 0, uint64_t cap = 0)
      : loaded_{.model = std::make_unique<Sums>(window),
                .prefixes = tether::PrefixCache(8, size_t{1} << 20U),
                .device = DevicePolicy{.name = "test",
                                       .dtype = mx::float32,
                                       .least_chunk = 8,
                                       .most_chunk = 8,
                                       .decode_ahead = ahead,
                                       .own_kernels = false},
                .info = {},
                .memory = {}},
        batch(loaded_) {
    loaded_.info.window = kWindow;
    loaded_.info.vocab_size = kVocab;
    loaded_.info.compute_dtype = "f32";
    loaded_.info.prefill_chunk = 8;
    loaded_.memory.cap = cap;
    loaded_.memory.per_token = 8;
    loaded_.memory.sliding = window ? 1500 : 0;
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
    check(batch.empty(), "requests do not end");
  }
  // Runs one request alone, so that the prefix cache has it afterwards.
  void remember(const std::vector<int32_t>& prompt) {
    Got got;
    start(got, ask(prompt, 5));
    run();
  }
  Sums& model() { return static_cast<Sums&>(*loaded_.model); }
  size_t prefix_bytes() const { return loaded_.prefixes.bytes(); }

 private:
  Loaded loaded_;
  uint64_t next_id_ = 0;

 public:
  Batch batch;
};

void together(bool ahead, int window) {
  Fixture fixture(ahead, window);
  std::vector<int> lengths{1, 2, 7, 8, 9, 10, 100, 33};
  std::vector<Got> got(lengths.size());
  for (size_t i = 0; i < lengths.size(); i++) {
    fixture.start(got[i], ask(some_tokens(lengths[i], static_cast<int>(i) + 1), 20 + static_cast<int>(i)));
    if (i % 3 == 0) fixture.batch.pass();
  }
  fixture.run();
  for (size_t i = 0; i < lengths.size(); i++) {
    check(got[i].tokens == answer(some_tokens(lengths[i], static_cast<int>(i) + 1), 20 + static_cast<int>(i)),
          "request " + std::to_string(i) + " got another answer");
    check(got[i].finish() && got[i].finish()->reason == FinishReason::length, "and one finish");
  }
  // Each goes on from what is remembered, its answer included.
  for (size_t i = 0; i < lengths.size(); i++) {
    Got more;
    auto prompt = some_tokens(lengths[i], static_cast<int>(i) + 1);
    prompt.insert(prompt.end(), got[i].tokens.begin(), got[i].tokens.end());
    fixture.start(more, ask(prompt, 5));
    fixture.run();
    check(more.tokens == answer(prompt, 5), "a conversation goes on wrongly");
    check(more.finish() && more.finish()->cached_tokens >= static_cast<int>(prompt.size()) - 2,
          "and is not remembered");
  }
}

void ends(bool ahead) {
  Fixture fixture(ahead);
  auto prompt = some_tokens(20, 3);
  auto said = answer(prompt, 10);
  auto stopping = ask(prompt, 50);
  stopping.stop_tokens = {said[4]};
  Got one, stop, window;
  fixture.start(one, ask(prompt, 1));
  fixture.start(stop, stopping);
  fixture.start(window, ask(some_tokens(kWindow - 5, 4), 50));
  fixture.run();
  check(one.tokens == answer(prompt, 1) && one.finish()->reason == FinishReason::length, "one token was asked for");
  check(stop.tokens == std::vector<int32_t>(said.begin(), said.begin() + 4), "tokens before the stop");
  check(stop.finish()->reason == FinishReason::stop && stop.finish()->stop_token == said[4], "the stop is told");
  check(window.tokens.size() == 5 && window.finish()->reason == FinishReason::window, "the window is full");
}

void cancels(bool ahead) {
  for (int when = 0; when < 30; when++) {
    Fixture fixture(ahead);
    std::vector<Got> got(3);
    for (int i = 0; i < 3; i++) fixture.start(got[static_cast<size_t>(i)], ask(some_tokens(40, i + 1), 30));
    for (int pass = 0; pass < when; pass++) fixture.batch.pass();
    *got[1].cancelled = true;
    fixture.batch.pass();
    check(got[1].finish() && got[1].finish()->reason == FinishReason::cancelled, "cancelled within one pass");
    fixture.run();
    for (size_t i : {0U, 2U})
      check(got[i].tokens == answer(some_tokens(40, static_cast<int>(i) + 1), 30), "the others go on");
    auto part = answer(some_tokens(40, 2), 30);
    part.resize(got[1].tokens.size());
    check(got[1].tokens == part, "what it said before is right");
    // What it computed is right, too.
    Got again;
    fixture.start(again, ask(some_tokens(40, 2), 30));
    fixture.run();
    check(again.tokens == answer(some_tokens(40, 2), 30), "what was kept of a cancelled request is wrong");
    if (when > 8) check(again.finish()->cached_tokens > 0, "a cancelled request's work is lost");
  }
}

void shares(bool ahead, int window) {
  Fixture fixture(ahead, window);
  auto shared = some_tokens(120, 5);
  std::vector<Got> got(4);
  std::vector<std::vector<int32_t>> prompts;
  for (int i = 0; i < 4; i++) {
    prompts.push_back(shared);
    for (int32_t token : some_tokens(5 * i, 10 + i)) prompts.back().push_back(token);
    fixture.start(got[static_cast<size_t>(i)], ask(prompts.back(), 12));
    fixture.batch.pass();
  }
  fixture.run();
  int computed = 0;
  for (size_t i = 0; i < 4; i++) {
    check(got[i].tokens == answer(prompts[i], 12), "one of those that share gets another answer");
    computed += got[i].finish()->prompt_tokens - got[i].finish()->cached_tokens;
  }
  check(computed < 180, "a shared beginning was computed more than once: " + std::to_string(computed) + " tokens");
}

void leader_leaves(bool ahead) {
  Fixture fixture(ahead);
  auto shared = some_tokens(200, 6);
  Got leader, follower;
  fixture.start(leader, ask(shared, 5));
  fixture.start(follower, ask(shared, 5));
  for (int i = 0; i < 4; i++) fixture.batch.pass();
  *leader.cancelled = true;
  fixture.run();
  check(follower.tokens == answer(shared, 5), "who waited for one that left does not end well");
}

void faults(bool ahead) {
  Fixture fixture(ahead);
  Got masked, short_mask, plain, steered;
  auto failing = ask(some_tokens(10, 1), 20);
  failing.mask = [](std::span<const int32_t> output) -> std::vector<uint32_t> {
    if (output.size() == 3) throw tether::Error("invalid_request", "the grammar is broken");
    return {};
  };
  auto narrow = ask(some_tokens(10, 2), 20);
  narrow.mask = [](std::span<const int32_t>) { return std::vector<uint32_t>{1}; };
  auto only = ask(some_tokens(10, 4), 4);
  std::vector<std::vector<int32_t>> asked;
  only.mask = [&asked](std::span<const int32_t> output) {
    asked.emplace_back(output.begin(), output.end());
    return std::vector<uint32_t>{0, 1U << output.size(), 0, 0};
  };
  fixture.start(masked, failing);
  fixture.start(short_mask, narrow);
  fixture.start(plain, ask(some_tokens(10, 3), 20));
  fixture.start(steered, only);
  fixture.run();
  check(masked.failure() && masked.failure()->code == "invalid_request" && masked.tokens.size() == 3,
        "a mask that throws ends its request");
  check(short_mask.failure() && short_mask.failure()->message.find("too short") != std::string::npos,
        "a mask that is too short, too");
  check(plain.tokens == answer(some_tokens(10, 3), 20), "and no other");
  check(steered.tokens == std::vector<int32_t>{32, 33, 34, 35}, "a mask steers what is drawn");
  check(asked.size() == 4 && asked[3] == std::vector<int32_t>{32, 33, 34}, "and hears what was drawn so far");

  // A fault in a chunk is one request's; what decodes goes on.
  Got reading, writing;
  fixture.start(writing, ask(some_tokens(3, 7), 60));
  for (int i = 0; i < 4; i++) fixture.batch.pass();
  fixture.start(reading, ask(some_tokens(90, 8), 5));
  fixture.model().passes = 0;
  while (fixture.model().passes == 0) fixture.batch.pass();
  fixture.run();
  check(writing.tokens == answer(some_tokens(3, 7), 60) && reading.tokens == answer(some_tokens(90, 8), 5),
        "both end well");
  Got broken;
  fixture.start(broken, ask(some_tokens(90, 9), 5));
  fixture.model().throws = true;
  fixture.run();
  check(broken.failure() && broken.failure()->code == "internal", "a fault of the device ends the request with a code");
  Got after;
  fixture.start(after, ask(some_tokens(90, 9), 5));
  fixture.run();
  check(after.tokens == answer(some_tokens(90, 9), 5), "what failed was kept");
}

void memory(bool ahead) {
  // Room for 100 tokens.
  Fixture fixture(ahead, 0, 800);
  Got big, other, late;
  check(fixture.start(big, ask(some_tokens(50, 1), 20)), "fits");
  check(!fixture.start(other, ask(some_tokens(20, 2), 20)), "has to wait");
  check(fixture.start(late, ask(some_tokens(5, 3), 5)), "a small one fits beside");
  fixture.run();
  check(fixture.start(other, ask(some_tokens(20, 2), 20)), "fits when the others have ended");
  fixture.run();
  check(other.tokens == answer(some_tokens(20, 2), 20), "and runs");
  try {
    Got never;
    fixture.start(never, ask(some_tokens(90, 2), 20));
    check(false, "what can never fit is refused");
  } catch (const tether::Error& error) {
    check(error.code() == "not_enough_memory", "what can never fit is refused with a code");
    check(std::string(error.what()).find("110 tokens") != std::string::npos, "and with numbers");
  }
}

// The first `shared` tokens of `prompt`, then others: `size` tokens.
std::vector<int32_t> fork(const std::vector<int32_t>& prompt, int shared, int size) {
  auto tokens = prompt;
  tokens.resize(static_cast<size_t>(shared));
  while (static_cast<int>(tokens.size()) < size) tokens.push_back(91 + static_cast<int>(tokens.size()) % 5);
  return tokens;
}

// A request that waits leaves the prefix cache as it was.
void waiting_keeps_prefixes(bool ahead, int window) {
  for (int shared : {15, 50, 80}) {
    // Room for a live request and the prefix of an earlier one, but not for another request.
    Fixture fixture(ahead, window, window ? 11'100 : 4'800);
    auto earlier = some_tokens(80, 1);
    fixture.remember(earlier);
    Got busy, waits;
    fixture.start(busy, ask(some_tokens(300, 2), 80));
    for (int i = 0; i < 3; i++) fixture.batch.pass();
    size_t bytes = fixture.prefix_bytes();
    check(bytes > 0, "a request does not fit beside the prefix of an earlier one");
    auto prompt = fork(earlier, shared, 250);
    for (int i = 0; i < 20; i++) {
      check(!fixture.start(waits, ask(prompt, 20)), "a request that does not fit starts");
      fixture.batch.pass();
      if (fixture.prefix_bytes() == bytes) continue;
      check(false, "a waiting request changes the prefix cache");
      break;
    }
    *busy.cancelled = true;
    fixture.run();
    auto longer = earlier;
    for (int32_t token : answer(earlier, 5)) longer.push_back(token);
    Got same;
    fixture.start(same, ask(longer, 5));
    fixture.run();
    check(same.finish()->cached_tokens >= 83, "a waiting request shortens the prefix that it would start from");
    check(fixture.start(waits, ask(prompt, 20)), "a request does not start although there is room");
    fixture.run();
    check(waits.tokens == answer(prompt, 20), "a request that waited gets another answer");
    if (window == 0) check(waits.finish()->cached_tokens == shared, "a request that waited does not use the prefix");
  }
}

// What a live request computes is a prefix, too: no copy of it goes to the prefix cache.
void waiting_beside_its_prefix(bool ahead) {
  Fixture fixture(ahead, 0, 4800);
  auto prompt = some_tokens(300, 2);
  Got busy, waits;
  fixture.start(busy, ask(prompt, 80));
  for (int i = 0; i < 50; i++) fixture.batch.pass();
  for (int i = 0; i < 3; i++) {
    check(!fixture.start(waits, ask(fork(prompt, 200, 250), 20)), "a request that does not fit starts");
    check(fixture.prefix_bytes() == 0, "a copy of a live request's sequence goes to the prefix cache");
  }
  fixture.run();
  check(fixture.start(waits, ask(fork(prompt, 200, 250), 20)), "a request does not start although there is room");
  fixture.run();
  check(waits.tokens == answer(fork(prompt, 200, 250), 20), "a request that waited gets another answer");
}

void refused_keeps_prefixes(bool ahead) {
  for (int shared : {15, 50}) {
    // Room for 250 tokens.
    Fixture fixture(ahead, 0, 2000);
    auto earlier = some_tokens(80, 1);
    fixture.remember(earlier);
    size_t bytes = fixture.prefix_bytes();
    for (int i = 0; i < 3; i++) {
      Got never;
      try {
        fixture.start(never, ask(fork(earlier, shared, 250), 20));
        check(false, "a request that can never fit starts");
      } catch (const tether::Error& error) {
        check(error.code() == "not_enough_memory", "a request that can never fit has another code");
      }
      check(fixture.prefix_bytes() == bytes, "a request that can never fit changes the prefix cache");
    }
  }
}

// Where a request and the prefix that it starts from do not fit together, it starts from it nevertheless.
void prefix_makes_room_for_its_request(bool ahead) {
  for (int shared : {15, 80}) {
    // Room for 300 tokens.
    Fixture fixture(ahead, 0, 2400);
    auto earlier = some_tokens(80, 1);
    fixture.remember(some_tokens(30, 7));
    fixture.remember(earlier);
    auto prompt = fork(earlier, shared, 250);
    Got got;
    check(fixture.start(got, ask(prompt, 20)), "a request waits for memory that prefixes take");
    check(fixture.prefix_bytes() + 8U * 270 <= 2400, "prefixes and requests take more than the cap");
    fixture.run();
    check(got.tokens == answer(prompt, 20), "a request whose prefix made room gets another answer");
    check(got.finish()->cached_tokens == shared, "a request does not use the prefix that makes room for it");
  }
}

// Others' prefixes are forgotten before the one that a request starts from.
void found_prefix_is_forgotten_last(bool ahead) {
  Fixture fixture(ahead, 0, 4800);
  auto earlier = some_tokens(80, 1);
  fixture.remember(earlier);
  for (int seed : {7, 8, 9}) fixture.remember(some_tokens(40, seed));
  auto prompt = fork(earlier, 15, 350);
  Got got, again;
  fixture.start(got, ask(prompt, 40));
  *got.cancelled = true;
  fixture.run();
  fixture.start(again, ask(fork(earlier, 80, 90), 5));
  fixture.run();
  check(again.finish()->cached_tokens == 80, "the prefix that a request starts from is forgotten before others");
}

// An error on the way in is that request's alone and takes nothing out of the prefix cache.
void errors_on_the_way_in(bool ahead) {
  Fixture fixture(ahead);
  auto earlier = some_tokens(80, 1);
  fixture.remember(earlier);
  size_t bytes = fixture.prefix_bytes();
  Got fails;
  fixture.model().no_caches = true;
  try {
    fixture.start(fails, ask(fork(earlier, 50, 90), 20));
    check(false, "a request starts without caches");
  } catch (const std::runtime_error& error) {
    check(std::string(error.what()) == "no memory for caches", "a request fails with another error");
  }
  fixture.model().no_caches = false;
  check(fixture.batch.empty() && fixture.prefix_bytes() == bytes, "a request that fails leaves something behind");

  // The same where a request that waits for another's prefix gets it.
  Got leader, follower, beside;
  auto shared = some_tokens(200, 6);
  fixture.start(leader, ask(shared, 30));
  fixture.start(follower, ask(shared, 5));
  fixture.start(beside, ask(some_tokens(10, 3), 60));
  for (int i = 0; i < 4; i++) fixture.batch.pass();
  fixture.model().no_caches = true;
  fixture.run();
  check(follower.failure() && follower.failure()->code == "internal", "a request without caches ends in no failure");
  check(leader.tokens == answer(shared, 30), "an error of a follower ends its leader");
  check(beside.tokens == answer(some_tokens(10, 3), 60), "an error of a follower ends others");
}

}  // namespace

int main() {
  mx::set_default_device(mx::Device::cpu);
  mx::disable_compile();
  for (bool ahead : {false, true}) {
    tether::context = ahead ? "one token ahead: " : "one token at a time: ";
    for (int window : {0, 16}) {
      together(ahead, window);
      shares(ahead, window);
      waiting_keeps_prefixes(ahead, window);
    }
    ends(ahead);
    cancels(ahead);
    leader_leaves(ahead);
    faults(ahead);
    memory(ahead);
    waiting_beside_its_prefix(ahead);
    refused_keeps_prefixes(ahead);
    prefix_makes_room_for_its_request(ahead);
    found_prefix_is_forgotten_last(ahead);
    errors_on_the_way_in(ahead);
  }
  return tether::result();
}
