// The engine: one thread that owns the device, one queue of work for it.
#include "engine/engine.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "engine/batch.h"
#include "engine/loading.h"
#include "engine/rate.h"
#include "engine/scoring.h"
#include "engine/stream.h"
#include "error.h"

namespace tether {
namespace {

using Clock = std::chrono::steady_clock;

Failure closed() { return {"closed", "the model was closed"}; }

}  // namespace

struct Engine::Worker {
  // Work that has the engine for itself, between two passes.
  struct Task {
    std::function<void(Worker&)> run;          // on the engine thread
    std::function<void(const Failure&)> fail;  // what run() throws, or that the engine is closed
  };
  using Work = std::variant<Task, Submitted>;

  mutable std::mutex mutex;
  std::condition_variable wake;
  std::deque<Work> queue;
  // Every request that has not ended.
  struct Open {
    std::shared_ptr<std::atomic<bool>> cancelled;
    bool live = false;
  };
  std::unordered_map<uint64_t, Open> open;
  uint64_t next_id = 1;
  std::atomic<bool> closing = false;
  EngineStats counters;  // guarded by mutex
  Rate prefill_rate;     // guarded by mutex
  Rate decode_rate;      // guarded by mutex

  // Engine thread only.
  std::optional<Loaded> loaded;
  std::optional<Batch> batch;
  std::optional<Submitted> next;  // the first of the queue, while it waits for others to end
  size_t live_when_refused = 0;

  std::mutex joining;  // of `thread`, which only one may do
  std::thread thread;

  Worker() : thread([this] { loop(); }) {}

  void push(Work work) {
    {
      std::lock_guard lock(mutex);
      if (!closing) {
        queue.push_back(std::move(work));
        wake.notify_one();
        return;
      }
    }
    refuse(work, closed());
  }

  static void refuse(Work& work, const Failure& failure) {
    if (auto* task = std::get_if<Task>(&work))
      task->fail(failure);
    else if (auto* submitted = std::get_if<Submitted>(&work))
      submitted->sink(failure);
  }

  Loaded& model() {
    if (!loaded) throw Error("not_loaded", "no model is loaded; call load() first");
    return *loaded;
  }

  void loop() {
    StreamLease stream;
    while (wait_for_work()) {
      take_work();
      double started = thread_seconds();
      if (batch && !batch->empty()) pass();
      publish(started);
    }
    if (next) next->sink(closed());
    next.reset();
    // close() has set every flag.
    if (batch && !batch->empty()) batch->pass();
    // What MLX made on this thread is freed on it.
    batch.reset();
    loaded.reset();
    mx::synchronize();
    mx::clear_cache();
  }

  // -> false when the engine is closed.
  bool wait_for_work() {
    std::unique_lock lock(mutex);
    wake.wait(lock, [this] { return closing || next || !queue.empty() || (batch && !batch->empty()); });
    return !closing;
  }

  // Starts what can start, in the order in which it came: what waits for memory holds up those behind it.
  void take_work() {
    while (true) {
      if (next) {
        if (!start_next()) return;
        continue;
      }
      Task task;
      {
        std::lock_guard lock(mutex);
        if (closing || queue.empty()) return;
        auto work = std::move(queue.front());
        queue.pop_front();
        if (auto* submitted = std::get_if<Submitted>(&work)) {
          next = std::move(*submitted);
          continue;
        }
        task = std::move(std::get<Task>(work));
      }
      try {
        task.run(*this);
      } catch (const std::exception& error) {
        task.fail(to_failure(error));
      }
    }
  }

  // -> false if the next request has to wait.
  bool start_next() {
    if (*next->cancelled) {
      next->sink(unstarted(*next));
      next.reset();
      return true;
    }
    // Nothing can have changed for it before one of the others has ended.
    if (batch && !batch->empty() && batch->size() == live_when_refused) return false;
    try {
      model();
      auto id = next->id;
      if (!batch->start(*next)) {
        live_when_refused = batch->size();
        return false;
      }
      std::lock_guard lock(mutex);
      open.at(id).live = true;
    } catch (const std::exception& error) {
      next->sink(to_failure(error));
    }
    next.reset();
    live_when_refused = 0;
    return true;
  }

  static Finish unstarted(const Submitted& submitted) {
    return {.reason = FinishReason::cancelled,
            .prompt_tokens = static_cast<int>(submitted.request.prompt.size()),
            .queue_seconds = std::chrono::duration<double>(Clock::now() - submitted.since).count()};
  }

  void pass() {
    auto started = Clock::now();
    batch->pass();
    double seconds = std::chrono::duration<double>(Clock::now() - started).count();
    std::lock_guard lock(mutex);
    const auto& done = batch->done();
    if (done.prompt_tokens) prefill_rate.add(done.prompt_tokens, seconds);
    if (done.output_tokens) decode_rate.add(done.output_tokens, seconds);
  }

  // What stats() says of the work at hand, and what the engine's own part of the pass was.
  void publish(double pass_started) {
    if (!batch) return;
    auto prefill = batch->prefill();
    auto kv = batch->kv_bytes();
    auto prefix = loaded->prefixes.bytes();
    auto reserved = batch->reserved_bytes();
    std::lock_guard lock(mutex);
    counters.prefill = prefill;
    counters.kv_bytes = kv;
    counters.prefix_bytes = prefix;
    counters.reserved_bytes = reserved;
    counters.own_seconds += thread_seconds() - pass_started - batch->done().model_seconds;
  }

  // With the mutex held.
  uint64_t live() const {
    return static_cast<uint64_t>(std::ranges::count_if(open, [](const auto& entry) { return entry.second.live; }));
  }

  // A request has ended: before whoever asked hears of it, so that stats() includes it.
  void settle(uint64_t id, const GenerateEvent& end) {
    std::lock_guard lock(mutex);
    open.erase(id);
    if (live() == 0) {
      counters.prefill = {};
      counters.kv_bytes = 0;
    }
    counters.requests++;
    const auto* finish = std::get_if<Finish>(&end);
    if (!finish) return;
    counters.hits += finish->cached_tokens ? 1 : 0;
    counters.prompt_tokens += static_cast<uint64_t>(finish->prompt_tokens);
    counters.cached_tokens += static_cast<uint64_t>(finish->cached_tokens);
    counters.output_tokens += static_cast<uint64_t>(finish->output_tokens);
    counters.prefill_seconds += finish->prefill_seconds;
    counters.decode_seconds += finish->decode_seconds;
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
    worker.batch.emplace(*worker.loaded);
    {
      std::lock_guard lock(worker.mutex);
      worker.counters.weights_bytes = worker.loaded->info.weights_bytes;
    }
    done(worker.loaded->info);
  };
  worker_->push(Worker::Task{.run = std::move(run), .fail = [done](const Failure& failure) { done(failure); }});
}

uint64_t Engine::generate(GenerateRequest request, Sink sink) {
  Submitted submitted{.id = 0,
                      .request = std::move(request),
                      .sink = nullptr,
                      .cancelled = std::make_shared<std::atomic<bool>>(false),
                      .since = Clock::now()};
  {
    std::lock_guard lock(worker_->mutex);
    submitted.id = worker_->next_id++;
    worker_->open.emplace(submitted.id, Worker::Open{.cancelled = submitted.cancelled});
  }
  auto id = submitted.id;
  submitted.sink = [worker = worker_.get(), id, sink = std::move(sink)](GenerateEvent event) {
    if (!std::holds_alternative<int32_t>(event)) worker->settle(id, event);
    sink(std::move(event));
  };
  worker_->push(std::move(submitted));
  return id;
}

void Engine::cancel(uint64_t id) {
  std::optional<Submitted> waiting;
  {
    std::lock_guard lock(worker_->mutex);
    auto open = worker_->open.find(id);
    if (open == worker_->open.end()) return;
    *open->second.cancelled = true;
    auto& queue = worker_->queue;
    auto place = std::ranges::find_if(queue, [id](const Worker::Work& work) {
      const auto* submitted = std::get_if<Submitted>(&work);
      return submitted && submitted->id == id;
    });
    if (place == queue.end()) return;
    waiting = std::move(std::get<Submitted>(*place));
    queue.erase(place);
  }
  waiting->sink(Worker::unstarted(*waiting));
}

void Engine::score(std::vector<int32_t> tokens, Done<std::vector<float>> done) {
  auto run = [tokens = std::move(tokens), done](Worker& worker) {
    done(tether::score(worker.model(), tokens, worker.closing));
  };
  worker_->push(Worker::Task{.run = std::move(run), .fail = [done](const Failure& failure) { done(failure); }});
}

void Engine::logits(std::vector<int32_t> tokens, int chunk, Done<std::vector<float>> done) {
  auto run = [tokens = std::move(tokens), chunk, done](Worker& worker) {
    done(tether::logits(worker.model(), tokens, chunk, worker.closing));
  };
  worker_->push(Worker::Task{.run = std::move(run), .fail = [done](const Failure& failure) { done(failure); }});
}

void Engine::bare_loop(std::vector<int32_t> prompt, int count, Done<std::vector<float>> done) {
  auto run = [prompt = std::move(prompt), count, done](Worker& worker) {
    auto seconds = tether::bare_loop(worker.model(), prompt, count, worker.closing);
    done(std::vector<float>{static_cast<float>(seconds.prefill), static_cast<float>(seconds.decode)});
  };
  worker_->push(Worker::Task{.run = std::move(run), .fail = [done](const Failure& failure) { done(failure); }});
}

EngineStats Engine::stats() const {
  std::lock_guard lock(worker_->mutex);
  auto stats = worker_->counters;
  stats.live = worker_->live();
  stats.queued = worker_->open.size() - stats.live;
  stats.prefill_rate = worker_->prefill_rate.per_second();
  stats.decode_rate = worker_->decode_rate.per_second();
  stats.active_bytes = mx::get_active_memory();
  stats.peak_bytes = mx::get_peak_memory();
  stats.cache_bytes = mx::get_cache_memory();
  return stats;
}

void Engine::close() {
  std::deque<Worker::Work> dropped;
  {
    std::lock_guard lock(worker_->mutex);
    worker_->closing = true;
    for (auto& [id, open] : worker_->open) *open.cancelled = true;
    dropped.swap(worker_->queue);
    worker_->wake.notify_one();
  }
  for (auto& work : dropped) Worker::refuse(work, closed());
  std::lock_guard lock(worker_->joining);
  if (worker_->thread.joinable()) worker_->thread.join();
}

}  // namespace tether
