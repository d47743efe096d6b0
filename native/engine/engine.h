// The engine: one thread that owns the device, one queue of work for it. It owns the model, every cache and every
// array; callers see only the types of types.h and never wait but in close().
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "engine/types.h"

namespace tether {

// Thread-safe. Work starts in the order it was given; generations run together. Callbacks are called on the engine
// thread (a request that is cancelled while it waits gets its finish on the cancelling thread); they must not call back
// into the engine.
class Engine {
 public:
  Engine();
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  template <typename T>
  using Done = std::function<void(std::variant<T, Failure>)>;
  using Sink = std::function<void(GenerateEvent)>;

  // Reads a checkpoint. Once per engine, before anything else. progress: 0…1.
  void load(LoadRequest request, std::function<void(double)> progress, Done<EngineInfo> done);

  // Queues a generation; the sink gets its tokens and then exactly one Finish or Failure. -> the id for cancel().
  uint64_t generate(GenerateRequest request, Sink sink);
  // Ends it within one prefill chunk or one token. Unknown and finished ids are ignored.
  void cancel(uint64_t id);

  // log p(token i | those before it) for each token; entry 0 is 0.
  void score(std::vector<int32_t> tokens, Done<std::vector<float>> done);
  // The logits after every token, (tokens, vocab) row by row, computed `chunk` tokens at a time. For parity tests.
  void logits(std::vector<int32_t> tokens, int chunk, Done<std::vector<float>> done);

  // For benches: {prefill, decode} in seconds of a bare greedy loop over the model's forward.
  void bare_loop(std::vector<int32_t> prompt, int count, Done<std::vector<float>> done);

  EngineStats stats() const;

  // Ends all work, frees everything on the engine thread and joins it. Safe to call twice, also at once.
  void close();

 private:
  struct Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace tether
