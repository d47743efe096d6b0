// The engine: one thread that owns the device, one queue of work for it.
#include "engine/engine.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

#include "blas/blas.h"
#include "engine/generation.h"
#include "error.h"

namespace tether {
namespace {

using Clock = std::chrono::steady_clock;

// Requests whose state is kept for the next turn: a main conversation, a few subagents, titles.
constexpr size_t kPrefixEntries = 8;

Failure to_failure(const std::exception& error) {
  if (const auto* known = dynamic_cast<const Error*>(&error)) return {known->code(), known->what()};
  return {"internal", error.what()};
}

Failure closed() { return {"closed", "the model was closed"}; }

void check_tokens(std::span<const int32_t> tokens, int vocab) {
  if (tokens.empty()) throw Error("invalid_request", "no tokens were given");
  for (int32_t token : tokens)
    if (token < 0 || token >= vocab)
      throw Error("invalid_request",
                  "token " + std::to_string(token) + " is not in the model's vocabulary of " + std::to_string(vocab));
}

// Refuses what cannot fit before anything is read. A CPU would rather compute on converted weights; if those do not fit
// it keeps quantized ones as they are.
Weights open_weights(const LoadRequest& request, const Config& config, DevicePolicy& device,
                     const std::function<void(double)>& progress) {
  auto quantization = QuantizationConfig::read(config);
  Weights weights(request.files, quantization, device, progress);
  if (!request.memory_cap || weights.predicted_bytes() <= request.memory_cap) return weights;
  if (device.dequantize && quantization.all) {
    device.dequantize = false;
    Weights packed(request.files, quantization, device, progress);
    if (packed.predicted_bytes() <= request.memory_cap) return packed;
    weights = std::move(packed);
  }
  throw Error("not_enough_memory", "[weights] the weights need " + show_size(weights.predicted_bytes()) +
                                       ", the memory cap is " + show_size(request.memory_cap) +
                                       "; raise --memory-cap or take a smaller or more quantized checkpoint");
}

// Tokens whose keys and values fit beside the weights.
int window_that_fits(const EngineInfo& info, size_t fixed_bytes) {
  if (!info.memory_cap || !info.bytes_per_token) return std::numeric_limits<int>::max();
  uint64_t used = info.weights_bytes + fixed_bytes;
  uint64_t left = info.memory_cap > used ? info.memory_cap - used : 0;
  return static_cast<int>(std::min<uint64_t>(left / info.bytes_per_token, std::numeric_limits<int>::max()));
}

// OpenBLAS's threads wait for each other by spinning: with more of them than free cores every product becomes many
// times slower, with half of the cores it loses little. The rest is left to the program that the model works for.
int blas_threads(int asked) {
  return asked > 0 ? asked : std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / 2);
}

Loaded load_checkpoint(const LoadRequest& request, const std::function<void(double)>& progress) {
  auto device = device_policy();
  set_blas_threads(blas_threads(request.threads));
  // Runtime compilation calls a C++ compiler on the CPU backend, for nothing.
  if (device.name == "cpu") mx::disable_compile();
  Config config(request.config, "config.json");
  auto weights = open_weights(request, config, device, progress);
  auto model = load_model(config, weights);

  EngineInfo info;
  auto text = config.object("text_config");
  info.model_type = (text ? *text : config).text("model_type", config.text("model_type", ""));
  info.trained_window = model->max_positions();
  info.parameters = weights.parameters();
  info.quantization = weights.kind();
  info.compute_dtype = weights.compute_kind();
  info.device = device.name;
  info.vocab_size = model->vocab_size();
  info.weights_bytes = weights.bytes();
  info.memory_cap = request.memory_cap;
  size_t element = info.compute_dtype == "f32" ? 4 : 2;
  size_t sliding_bytes = 0;
  for (const auto& shape : model->cache_shapes()) {
    size_t bytes = static_cast<size_t>(shape.elements) * element;
    if (shape.window)
      sliding_bytes += bytes * static_cast<size_t>(shape.window + device.prefill_chunk);
    else
      info.bytes_per_token += bytes;
  }
  info.window = info.trained_window;
  auto limit = [&info](int tokens, WindowLimit by) {
    if (tokens >= info.window) return;
    info.window = tokens;
    info.window_limit = by;
  };
  if (request.max_context > 0) limit(request.max_context, WindowLimit::max_context);
  limit(window_that_fits(info, sliding_bytes), WindowLimit::memory);
  if (info.window < 2)
    throw Error("not_enough_memory", "[weights] nothing is left of the memory cap of " + show_size(info.memory_cap) +
                                         " for a context; raise --memory-cap or take a smaller checkpoint");
  if (info.memory_cap) mx::set_memory_limit(info.memory_cap);
  size_t prefix_bytes = info.memory_cap ? (info.memory_cap - std::min(info.memory_cap, info.weights_bytes)) / 2
                                        : std::numeric_limits<size_t>::max();
  return {std::move(model), PrefixCache(kPrefixEntries, prefix_bytes), device, info};
}

}  // namespace

struct Engine::Worker {
  struct Job {
    uint64_t id = 0;                                     // of a generation; 0 for other work
    std::function<void(Worker&)> run = nullptr;          // on the engine thread
    std::function<void(const Failure&)> fail = nullptr;  // instead, when the engine is closed
    std::function<void()> cancel = nullptr;              // instead, when cancelled while it waits
    std::shared_ptr<std::atomic<bool>> cancelled = nullptr;
  };

  mutable std::mutex mutex;
  std::condition_variable wake;
  std::deque<Job> queue;
  std::shared_ptr<std::atomic<bool>> running;  // the cancel flag of the generation that runs
  uint64_t running_id = 0;
  uint64_t next_id = 1;
  std::atomic<bool> closing = false;
  EngineStats counters;          // guarded by mutex
  std::optional<Loaded> loaded;  // engine thread only
  std::thread thread;

  Worker() : thread([this] { loop(); }) {}

  void push(Job job) {
    {
      std::lock_guard lock(mutex);
      if (!closing) {
        queue.push_back(std::move(job));
        wake.notify_one();
        return;
      }
    }
    job.fail(closed());
  }

  void loop() {
    while (true) {
      Job job;
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [this] { return closing || !queue.empty(); });
        if (closing) break;
        job = std::move(queue.front());
        queue.pop_front();
        running = job.cancelled;
        running_id = job.id;
      }
      try {
        job.run(*this);
      } catch (const std::exception& error) {
        job.fail(to_failure(error));
      }
      std::lock_guard lock(mutex);
      running.reset();
      running_id = 0;
      counters.prefill = {};
    }
    // What MLX made on this thread is freed on it.
    loaded.reset();
    mx::synchronize();
    mx::clear_cache();
  }

  Loaded& model() {
    if (!loaded) throw Error("not_loaded", "no model is loaded; call load() first");
    return *loaded;
  }

  // What was counted of one generation, and what memory is in use after it.
  void count(const Finish& finish) {
    std::lock_guard lock(mutex);
    counters.prompt_tokens += static_cast<uint64_t>(finish.prompt_tokens);
    counters.cached_tokens += static_cast<uint64_t>(finish.cached_tokens);
    counters.output_tokens += static_cast<uint64_t>(finish.output_tokens);
    counters.prefill_seconds += finish.prefill_seconds;
    counters.decode_seconds += finish.decode_seconds;
    counters.prefix_bytes = loaded->prefixes.bytes();
    counters.prefill = {};
  }
};

Engine::Engine() : worker_(std::make_unique<Worker>()) {}

Engine::~Engine() { close(); }

void Engine::load(LoadRequest request, std::function<void(double)> progress, Done<EngineInfo> done) {
  auto run = [request = std::move(request), progress = std::move(progress), done](Worker& worker) {
    if (worker.loaded) throw Error("internal", "load() was called twice on one engine");
    auto report = [&](double fraction) {
      if (worker.closing) throw Error("closed", "the model was closed while it was loading");
      progress(fraction);
    };
    worker.loaded.emplace(load_checkpoint(request, report));
    done(worker.loaded->info);
  };
  worker_->push({.run = std::move(run), .fail = [done](const Failure& failure) { done(failure); }});
}

uint64_t Engine::generate(GenerateRequest request, Sink sink) {
  auto cancelled = std::make_shared<std::atomic<bool>>(false);
  auto queued = Clock::now();
  auto prompt_tokens = static_cast<int>(request.prompt.size());
  uint64_t id = 0;
  {
    std::lock_guard lock(worker_->mutex);
    id = worker_->next_id++;
  }
  auto waited = [queued] { return std::chrono::duration<double>(Clock::now() - queued).count(); };
  auto run = [request = std::move(request), sink, cancelled, waited](Worker& worker) {
    double queue_seconds = waited();
    auto progress = [&worker](PrefillProgress now) {
      std::lock_guard lock(worker.mutex);
      worker.counters.prefill = now;
    };
    auto finish = tether::generate(worker.model(), request, *cancelled, progress, [&](int32_t token) { sink(token); });
    finish.queue_seconds = queue_seconds;
    worker.count(finish);
    sink(finish);
  };
  auto cancel = [sink, waited, prompt_tokens] {
    sink(Finish{.reason = FinishReason::cancelled, .prompt_tokens = prompt_tokens, .queue_seconds = waited()});
  };
  worker_->push({.id = id,
                 .run = std::move(run),
                 .fail = [sink](const Failure& failure) { sink(failure); },
                 .cancel = std::move(cancel),
                 .cancelled = cancelled});
  return id;
}

void Engine::cancel(uint64_t id) {
  std::function<void()> report;
  {
    std::lock_guard lock(worker_->mutex);
    if (id != 0 && worker_->running_id == id && worker_->running) *worker_->running = true;
    auto it = std::ranges::find(worker_->queue, id, &Worker::Job::id);
    if (id == 0 || it == worker_->queue.end()) return;
    report = std::move(it->cancel);
    worker_->queue.erase(it);
  }
  report();
}

void Engine::score(std::vector<int32_t> tokens, Done<std::vector<float>> done) {
  auto run = [tokens = std::move(tokens), done](Worker& worker) {
    auto& loaded = worker.model();
    check_tokens(tokens, loaded.info.vocab_size);
    std::vector<float> scores(tokens.size(), 0);
    run_chunks(loaded, tokens, loaded.device.prefill_chunk, [&](const mx::array& hidden, int begin, int end) {
      if (worker.closing) throw Error("closed", "the model was closed");
      int size = static_cast<int>(tokens.size());
      int last = std::min(end, size - 1);  // the last token predicts nothing that is asked for
      if (begin >= last) return;
      auto rows = mx::slice(hidden, {0, 0}, {last - begin, hidden.shape(1)});
      auto logits = mx::astype(loaded.model->logits(rows), mx::float32);
      auto next = mx::array(tokens.data() + begin + 1, {last - begin, 1}, mx::int32);
      auto chosen = mx::squeeze(mx::take_along_axis(logits, next, 1), 1);
      auto result = mx::subtract(chosen, mx::logsumexp(logits, 1));
      mx::eval(result);
      std::copy_n(result.data<float>(), last - begin, scores.begin() + begin + 1);
    });
    done(std::move(scores));
  };
  worker_->push({.run = std::move(run), .fail = [done](const Failure& failure) { done(failure); }});
}

void Engine::logits(std::vector<int32_t> tokens, int chunk, Done<std::vector<float>> done) {
  auto run = [tokens = std::move(tokens), chunk, done](Worker& worker) {
    auto& loaded = worker.model();
    check_tokens(tokens, loaded.info.vocab_size);
    if (chunk <= 0) throw Error("invalid_request", "the chunk must be above 0");
    std::vector<float> all;
    run_chunks(loaded, tokens, chunk, [&](const mx::array& hidden, int, int) {
      auto logits = mx::contiguous(mx::astype(loaded.model->logits(hidden), mx::float32));
      mx::eval(logits);
      all.insert(all.end(), logits.data<float>(), logits.data<float>() + logits.size());
    });
    done(std::move(all));
  };
  worker_->push({.run = std::move(run), .fail = [done](const Failure& failure) { done(failure); }});
}

EngineStats Engine::stats() const {
  std::lock_guard lock(worker_->mutex);
  auto stats = worker_->counters;
  stats.queued = worker_->queue.size();
  stats.live = worker_->running_id ? 1 : 0;
  stats.active_bytes = mx::get_active_memory();
  stats.peak_bytes = mx::get_peak_memory();
  stats.cache_bytes = mx::get_cache_memory();
  return stats;
}

void Engine::close() {
  std::deque<Worker::Job> dropped;
  {
    std::lock_guard lock(worker_->mutex);
    worker_->closing = true;
    if (worker_->running) *worker_->running = true;
    dropped.swap(worker_->queue);
    worker_->wake.notify_one();
  }
  for (auto& job : dropped) job.fail(closed());
  if (worker_->thread.joinable()) worker_->thread.join();
}

}  // namespace tether
