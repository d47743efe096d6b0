// Tests the engine from many threads at once, on a tiny Llama: every request gets exactly one end.
//
// Under ThreadSanitizer this tests the engine's locks. Other tests check what the engine computes.
#include "engine/engine.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/probe.h"
#include "test/check.h"

using tether::check;
using tether::Engine;
using tether::EngineInfo;
using tether::fail;
using tether::Failure;
using tether::Finish;
using tether::FinishReason;
using tether::GenerateEvent;
using tether::GenerateRequest;
using tether::Json;
using tether::LoadRequest;

namespace {

constexpr int kVocab = 64;
constexpr int kHidden = 16;
constexpr int kLayers = 2;
constexpr int kWindow = 512;

// The same numbers every time.
class Random {
 public:
  explicit Random(uint32_t seed) : state_(seed * 2654435761U + 1) {}
  uint32_t operator()(uint32_t below) {
    state_ = state_ * 1664525U + 1013904223U;
    return (state_ >> 8U) % below;
  }

 private:
  uint32_t state_;
};

// A file with the weights of a Llama in float32, written without MLX, which only the engine thread may use.
class Checkpoint {
 public:
  Checkpoint() : path_(std::filesystem::temp_directory_path() / name()) {
    tensor("model.embed_tokens.weight", {kVocab, kHidden});
    tensor("model.norm.weight", {kHidden});
    for (int i = 0; i < kLayers; i++) {
      auto layer = "model.layers." + std::to_string(i);
      for (const char* part : {"q_proj", "k_proj", "v_proj", "o_proj"})
        tensor(layer + ".self_attn." + part + ".weight", {kHidden, kHidden});
      for (const char* part : {"gate_proj", "up_proj", "down_proj"})
        tensor(layer + ".mlp." + part + ".weight", {kHidden, kHidden});
      for (const char* part : {".input_layernorm", ".post_attention_layernorm"})
        tensor(layer + part + ".weight", {kHidden});
    }
    header_.back() = '}';
    std::ofstream file(path_, std::ios::binary);
    uint64_t length = header_.size();
    file.write(reinterpret_cast<const char*>(&length), sizeof(length));  // NOLINT: the format's own bytes
    file << header_;
    file.write(reinterpret_cast<const char*>(values_.data()),  // NOLINT
               static_cast<std::streamsize>(values_.size() * sizeof(float)));
  }
  ~Checkpoint() { std::filesystem::remove(path_); }
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;

  LoadRequest request() const {
    auto number = [](double value) { return Json{value}; };
    LoadRequest request;
    request.config = Json{Json::Object{
        {"model_type", {std::string("llama")}},
        {"hidden_size", number(kHidden)},
        {"num_hidden_layers", number(kLayers)},
        {"intermediate_size", number(kHidden)},
        {"num_attention_heads", number(2)},
        {"vocab_size", number(kVocab)},
        {"max_position_embeddings", number(kWindow)},
        {"rms_norm_eps", number(1e-5)},
        {"tie_word_embeddings", {true}},
        {"sliding_window", number(8)},
        {"layer_types", {Json::Array{{std::string("sliding_attention")}, {std::string("full_attention")}}}}}};
    request.files = {path_.string()};
    return request;
  }

 private:
  static std::string name() {
    auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    return "tether-engine-test-" + std::to_string(now) + ".safetensors";
  }

  void tensor(const std::string& name, const std::vector<int>& shape) {
    size_t begin = values_.size() * sizeof(float);
    size_t count = 1;
    std::string sizes;
    for (int size : shape) {
      count *= static_cast<size_t>(size);
      if (!sizes.empty()) sizes += ',';
      sizes += std::to_string(size);
    }
    for (size_t i = 0; i < count; i++) values_.push_back(static_cast<float>(random_(2001)) / 1000 - 1);
    header_ += "\"" + name + R"(":{"dtype":"F32","shape":[)" + sizes + R"(],"data_offsets":[)" + std::to_string(begin) +
               "," + std::to_string(begin + count * sizeof(float)) + "]},";
  }

  std::filesystem::path path_;
  std::string header_ = "{";
  std::vector<float> values_;
  Random random_{7};
};

// What the sink of a request received. The sink shares the state, since it may still run when the end is known.
class Got {
 public:
  Engine::Sink sink() {
    return [state = state_](GenerateEvent event) {
      std::lock_guard lock(state->mutex);
      check(!state->ended, "no event follows the end");
      if (std::holds_alternative<int32_t>(event)) {
        state->tokens++;
        return;
      }
      state->ended = true;
      state->end.set_value(std::move(event));
    };
  }
  // Waits for it.
  GenerateEvent end() { return state_->end.get_future().get(); }
  int tokens() {
    std::lock_guard lock(state_->mutex);
    return state_->tokens;
  }

 private:
  struct State {
    std::mutex mutex;
    int tokens = 0;
    bool ended = false;
    std::promise<GenerateEvent> end;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

GenerateRequest ask(Random& random) {
  GenerateRequest request;
  auto length = 1 + random(40);
  for (uint32_t i = 0; i < length; i++) request.prompt.push_back(static_cast<int32_t>(random(kVocab)));
  request.max_tokens = 1 + static_cast<int>(random(20));
  if (random(3) == 0) request.sampling = {.temperature = 1, .top_k = 5, .seed = random(100)};
  if (random(3) == 0) request.stop_tokens = {static_cast<int32_t>(random(kVocab))};
  return request;
}

template <typename T>
class Answer {
 public:
  Engine::Done<T> done() {
    return [promise = promise_](std::variant<T, Failure> result) { promise->set_value(std::move(result)); };
  }
  std::variant<T, Failure> get() { return promise_->get_future().get(); }

 private:
  std::shared_ptr<std::promise<std::variant<T, Failure>>> promise_ =
      std::make_shared<std::promise<std::variant<T, Failure>>>();
};

void load(Engine& engine, const Checkpoint& checkpoint, bool as_gpu) {
  auto request = checkpoint.request();
  request.as_gpu = as_gpu;
  Answer<EngineInfo> loaded;
  engine.load(request, [](double) {}, loaded.done());
  auto result = loaded.get();
  if (const auto* failure = std::get_if<Failure>(&result)) fail("loading failed: " + failure->message);
}

bool ended_by_closing(const GenerateEvent& end) {
  if (const auto* failure = std::get_if<Failure>(&end)) return failure->code == "closed";
  const auto* finish = std::get_if<Finish>(&end);
  return finish && finish->reason == FinishReason::cancelled;
}

void from_many_threads(const Checkpoint& checkpoint, bool as_gpu) {
  constexpr uint64_t kThreads = 4;
  constexpr uint64_t kRounds = 12;
  Engine engine;
  load(engine, checkpoint, as_gpu);
  std::atomic<bool> over = false;
  // The canceller takes ids at random: of requests that run, that have ended and that are another thread's.
  std::atomic<uint64_t> newest = 0;
  std::thread watcher([&] {
    while (!over) {
      auto stats = engine.stats();
      check(stats.live <= 16, "at most 16 requests are live");
      std::this_thread::yield();
    }
  });
  std::thread canceller([&] {
    Random random(99);
    while (!over) {
      engine.cancel(newest - std::min<uint64_t>(newest, random(30)));
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  });
  std::vector<std::thread> askers;
  for (uint32_t thread = 0; thread < kThreads; thread++) {
    askers.emplace_back([&, thread] {
      Random random(thread);
      for (uint64_t round = 0; round < kRounds; round++) {
        Got one, two;
        auto first = ask(random);
        auto most = first.max_tokens;
        newest = engine.generate(std::move(first), one.sink());
        auto id = engine.generate(ask(random), two.sink());
        if (round % 3 == 0) engine.cancel(id);
        Answer<std::vector<float>> scores;
        if (round % 4 == 0) engine.score({1, 2, 3, 4}, 0, scores.done());
        auto end = one.end();
        const auto* finish = std::get_if<Finish>(&end);
        check(finish && finish->output_tokens == one.tokens(), "a finish counts the tokens that the sink got");
        if (finish && finish->reason == FinishReason::length)
          check(one.tokens() == most, "a request that ends by its length has all its tokens");
        auto other = two.end();
        check(std::holds_alternative<Finish>(other), "a request beside others does not fail");
        if (round % 4 != 0) continue;
        auto scored = scores.get();
        check(std::holds_alternative<std::vector<float>>(scored), "a score beside requests does not fail");
      }
    });
  }
  for (auto& asker : askers) asker.join();
  over = true;
  watcher.join();
  canceller.join();
  auto stats = engine.stats();
  check(stats.requests == 2 * kThreads * kRounds, "all requests are counted, not " + std::to_string(stats.requests));
  check(stats.live == 0 && stats.queued == 0, "no request is left");
}

// Threads send requests while others close the engine: late requests end with code closed.
void closed_at_work(const Checkpoint& checkpoint, bool as_gpu, int pause) {
  Engine engine;
  load(engine, checkpoint, as_gpu);
  std::atomic<bool> closed = false;
  std::vector<std::thread> askers;
  for (uint32_t thread = 0; thread < 3; thread++) {
    askers.emplace_back([&, thread] {
      Random random(thread + 50);
      std::vector<Got> got;
      Answer<std::vector<float>> logits;
      tether::logits(engine, {1, 2, 3}, 2, 0, logits.done());
      while (!closed) {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
        if (got.size() == 200) continue;
        auto request = ask(random);
        request.max_tokens = 400;
        request.stop_tokens = {};
        auto id = engine.generate(std::move(request), got.emplace_back().sink());
        if (random(4) == 0) engine.cancel(id);
      }
      for (auto& one : got) {
        auto end = one.end();
        bool whole = std::holds_alternative<Finish>(end) && one.tokens() == std::get<Finish>(end).output_tokens;
        check(whole || ended_by_closing(end), "closing ends a request as cancelled or closed");
      }
      Got late;
      engine.generate(ask(random), late.sink());
      check(ended_by_closing(late.end()), "a closed engine ends a new request as closed");
      logits.get();
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(pause));
  std::thread other([&] { engine.close(); });
  engine.close();
  other.join();
  closed = true;
  for (auto& asker : askers) asker.join();
  auto stats = engine.stats();
  check(stats.live == 0 && stats.queued == 0, "no request is left in a closed engine");
}

void closed_while_loading(const Checkpoint& checkpoint) {
  Got got;
  Answer<EngineInfo> loaded;
  {
    Engine engine;
    engine.load(checkpoint.request(), [](double) {}, loaded.done());
    Random random(1);
    engine.generate(ask(random), got.sink());
  }
  auto result = loaded.get();
  const auto* failure = std::get_if<Failure>(&result);
  check(!failure || failure->code == "closed", "loading that is interrupted fails with code closed");
  check(ended_by_closing(got.end()) || !failure, "a request that waits for the model ends as closed");
}

}  // namespace

int main() {
  Checkpoint checkpoint;
  for (bool as_gpu : {false, true}) {
    from_many_threads(checkpoint, as_gpu);
    for (int pause : {0, 1, 5, 30}) closed_at_work(checkpoint, as_gpu, pause);
  }
  for (int i = 0; i < 10; i++) closed_while_loading(checkpoint);
  return tether::result();
}
