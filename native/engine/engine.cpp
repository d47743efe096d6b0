// The engine's calls, as work for its thread.
#include "engine/engine.h"

#include <utility>

#include "engine/scoring.h"
#include "engine/worker.h"

namespace tether {

Engine::Engine() : worker_(std::make_unique<Worker>()) {}

Engine::~Engine() { close(); }

void Engine::load(LoadRequest request, std::function<void(double)> progress, Done<EngineInfo> done) {
  auto task = [request = std::move(request), progress = std::move(progress), done](Worker& worker) {
    done(worker.load(request, progress));
    // After the answer, so that nobody waits for it but an early request.
    if (request.lookup || request.drafter) worker.measure_passes(request.always_draft);
  };
  worker_->push({.run = std::move(task), .fail = done});
}

uint64_t Engine::generate(GenerateRequest request, Sink sink) {
  return worker_->generate(std::move(request), std::move(sink));
}

void Engine::cancel(uint64_t id) { worker_->cancel(id); }

void Engine::score(std::vector<int32_t> tokens, int adapter, Done<std::vector<float>> done) {
  run([tokens = std::move(tokens), adapter](
          Loaded& loaded, const std::atomic<bool>& closing) { return tether::score(loaded, tokens, closing, adapter); },
      std::move(done));
}

void Engine::run(Work work, Done<std::vector<float>> done) {
  auto task = [work = std::move(work), done](Worker& worker) { done(work(worker.loaded(), worker.closing())); };
  worker_->push({.run = std::move(task), .fail = done});
}

void Engine::prefetch(std::vector<int32_t> tokens, int adapter, Done<int> done) {
  auto task = [tokens = std::move(tokens), adapter, done](Worker& worker) {
    check_adapter(worker.loaded().info, adapter);
    done(worker.loaded().prefixes.prefetch(tokens, adapter));
  };
  worker_->push({.run = std::move(task), .fail = done});
}

EngineStats Engine::stats() const { return worker_->stats(); }

void Engine::close() { worker_->close(); }

}  // namespace tether
