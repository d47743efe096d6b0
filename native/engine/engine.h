// The engine: one thread that owns the device, and one queue of work for it. It owns the model, all caches and all
// arrays; callers see only the types of types.h, and only close() blocks.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include "engine/types.h"

namespace tether {

class Worker;
struct Loaded;

// Thread-safe. Work starts in the order in which it was given; generations run together. Callbacks are called on the
// engine thread (the finish of a request that is cancelled while it waits comes on the cancelling thread); they must
// not call the engine.
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
  void score(std::vector<int32_t> tokens, int adapter, Done<std::vector<float>> done);

  // Queues work that runs alone on the engine thread, between two passes. It should end early, by throwing
  // Error("closed"), once `closing` is set.
  using Work = std::function<std::vector<float>(Loaded& loaded, const std::atomic<bool>& closing)>;
  void run(Work work, Done<std::vector<float>> done);

  // Begins to read what is kept of a prompt from disk into memory. -> tokens that were found
  void prefetch(std::vector<int32_t> tokens, int adapter, Done<int> done);

  EngineStats stats() const;

  // Ends all work, frees everything on the engine thread and joins it. Safe to call twice, also at once.
  void close();

 private:
  std::unique_ptr<Worker> worker_;
};

}  // namespace tether
