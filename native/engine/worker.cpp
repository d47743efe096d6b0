// The engine thread and its queue: it starts requests, runs passes and other tasks, and counts what they did.
#include "engine/worker.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>
#include <vector>

#include "crash.h"
#include "engine/scheduler.h"
#include "engine/stream.h"
#include "error.h"

namespace tether {
namespace {

using Clock = std::chrono::steady_clock;

// How long closing waits for the disk to take what is not written yet.
constexpr double kFlushSeconds = 5;

Failure closed() { return {"closed", "the model was closed"}; }

void reject(std::variant<Worker::Task, Submitted>& work, const Failure& failure) {
  if (auto* task = std::get_if<Worker::Task>(&work))
    task->fail(failure);
  else
    std::get<Submitted>(work).sink(failure);
}

Finish cancelled_before_start(const Submitted& submitted) {
  return {.reason = FinishReason::cancelled,
          .prompt_tokens = static_cast<int>(submitted.request.prompt.size()),
          .queue_seconds = seconds_since(submitted.since)};
}

}  // namespace

Worker::Worker(MemoryBudget& budget)
    : share_(budget,
             [this] {
               std::lock_guard lock(mutex_);
               room_changed_ = true;
               full_at_.reset();
               wake_.notify_one();
             }),
      thread_([this] { loop(); }) {}

void Worker::enqueue(Work work) {
  {
    std::lock_guard lock(mutex_);
    if (!closing_) {
      queue_.push_back(std::move(work));
      full_at_.reset();
      wake_.notify_one();
      return;
    }
  }
  reject(work, closed());
}

uint64_t Worker::generate(GenerateRequest request, std::function<void(GenerateEvent)> sink) {
  Submitted submitted{.id = 0,
                      .request = std::move(request),
                      .sink = nullptr,
                      .cancelled = std::make_shared<std::atomic<bool>>(false),
                      .since = Clock::now()};
  {
    std::lock_guard lock(mutex_);
    submitted.id = next_id_++;
    open_.emplace(submitted.id, Open{.cancelled = submitted.cancelled, .since = submitted.since});
  }
  auto id = submitted.id;
  submitted.sink = [this, id, sink = std::move(sink)](GenerateEvent event) {
    if (!std::holds_alternative<int32_t>(event)) settle(id, event);
    sink(std::move(event));
  };
  enqueue(std::move(submitted));
  return id;
}

void Worker::cancel(uint64_t id) {
  std::optional<Submitted> waiting;
  {
    std::lock_guard lock(mutex_);
    auto open = open_.find(id);
    if (open == open_.end()) return;
    *open->second.cancelled = true;
    auto place = std::ranges::find_if(queue_, [id](const Work& work) {
      const auto* submitted = std::get_if<Submitted>(&work);
      return submitted && submitted->id == id;
    });
    if (place == queue_.end()) return;
    waiting = std::move(std::get<Submitted>(*place));
    queue_.erase(place);
    full_at_.reset();
  }
  waiting->sink(cancelled_before_start(*waiting));
}

EngineStats Worker::stats() const {
  uint64_t active = mx::get_active_memory();
  uint64_t others = share_.counted_by_others();
  uint64_t lacking = share_.lacking();
  std::lock_guard lock(mutex_);
  auto stats = counters_;
  stats.live = live();
  stats.queued = open_.size() - stats.live;
  for (const auto& [id, open] : open_)
    if (!open.live) stats.longest_wait = std::max(stats.longest_wait, seconds_since(open.since));
  stats.prefill_rate = prefill_rate_.per_second();
  stats.decode_rate = decode_rate_.per_second();
  stats.active_bytes = active - std::min(active, others);
  stats.lacking_bytes = stats.queued ? lacking : 0;
  stats.peak_bytes = mx::get_peak_memory();
  stats.cache_bytes = mx::get_cache_memory();
  return stats;
}

void Worker::close() {
  std::deque<Work> dropped;
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
    for (auto& [id, open] : open_) *open.cancelled = true;
    dropped.swap(queue_);
    wake_.notify_one();
  }
  for (auto& work : dropped) reject(work, closed());
  std::lock_guard lock(joining_);
  if (thread_.joinable()) thread_.join();
}

const EngineInfo& Worker::load(LoadRequest request, const std::function<void(double)>& progress) {
  if (loaded_) throw Error("internal", "load() was called twice on one engine");
  request.wake = [this] {
    std::lock_guard lock(mutex_);
    disk_ready_ = true;
    wake_.notify_one();
  };
  crash::stage("loading the model");
  auto on_progress = [&](double fraction) {
    if (closing_) throw Error("closed", "the model was closed while it was loading");
    progress(fraction);
  };
  try {
    loaded_.emplace(load_checkpoint(request, share_, on_progress));
  } catch (...) {
    share_.leave();
    throw;
  }
  share_.count(loaded_->info.weights_bytes);
  batch_.emplace(*loaded_);
  std::lock_guard lock(mutex_);
  counters_.weights_bytes = loaded_->info.weights_bytes;
  return loaded_->info;
}

void Worker::measure_passes(bool free) {
  crash::stage("measuring passes");
  auto& loaded = this->loaded();
  try {
    if (free) {
      loaded.costs.emplace(std::vector<double>(PassCosts::kRows.size(), 1), false);
      return;
    }
    auto costs = tether::measure_passes(*loaded.model, loaded.info.kv_bits);
    if (loaded.drafter) {
      auto [draft, read] = measure_drafter(*loaded.drafter, *loaded.model);
      costs.set_drafter(draft, read);
    }
    loaded.costs = costs;
  } catch (const std::exception&) {
    // Nothing is drafted then; what is wrong with the device, the first request finds, and says.
    loaded.costs.reset();
  }
}

Loaded& Worker::loaded() {
  if (!loaded_) throw Error("not_loaded", "no model is loaded. Call load() first.");
  return *loaded_;
}

void Worker::loop() {
  crash::protect_thread();
  StreamLease stream;
  while (wait_for_work()) {
    crash::stage("starting a request or a task");
    take_work();
    double started = thread_seconds();
    if (loaded_) loaded_->prefixes.drain();
    if (batch_ && !batch_->empty()) pass();
    if (batch_) batch_->give_up();
    publish(started);
    crash::stage("idle");
  }
  crash::stage("closing");
  // close() has set every flag, so this pass ends all live requests.
  if (batch_ && !batch_->empty()) batch_->pass();
  if (loaded_) loaded_->prefixes.flush(kFlushSeconds);
  // What MLX made on this thread is freed on it.
  batch_.reset();
  loaded_.reset();
  mx::synchronize();
  mx::clear_cache();
  share_.leave();
}

// -> false when the engine is closed.
bool Worker::wait_for_work() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] {
    bool tries = !queue_.empty() && !(batch_ && full_at_ == batch_->size());
    return closing_ || disk_ready_ || room_changed_ || tries || (batch_ && !batch_->empty());
  });
  disk_ready_ = false;
  room_changed_ = false;
  return !closing_;
}

// Starts what can start: a request that waits for memory or a place holds up those behind it.
void Worker::take_work() {
  while (auto work = next_work()) {
    if (auto* submitted = std::get_if<Submitted>(&*work)) {
      if (!start(*submitted)) return wait_on(std::move(*submitted));
      std::lock_guard lock(mutex_);
      full_at_.reset();
      continue;
    }
    auto& task = std::get<Task>(*work);
    try {
      task.run(*this);
    } catch (const std::exception& error) {
      task.fail(to_failure(error));
    }
  }
}

// Takes the next task out of the queue, or else the request that is to start next. nullopt if there is none that could.
std::optional<Worker::Work> Worker::next_work() {
  std::lock_guard lock(mutex_);
  if (closing_ || queue_.empty()) return std::nullopt;
  auto place = std::ranges::find_if(queue_, [](const Work& work) { return std::holds_alternative<Task>(work); });
  if (place == queue_.end()) {
    if (batch_ && full_at_ == batch_->size()) return std::nullopt;
    // Assumed of the request below, so that a change of the queue while it tries to start is not missed.
    if (batch_) full_at_ = batch_->size();
    std::vector<size_t> own;
    for (const auto& work : queue_) own.push_back(batch_ ? batch_->size(std::get<Submitted>(work).request.client) : 0);
    place = queue_.begin() + static_cast<std::ptrdiff_t>(*next_start(own));
  }
  auto work = std::move(*place);
  queue_.erase(place);
  return work;
}

// -> false if the request has to wait.
bool Worker::start(Submitted& submitted) {
  if (*submitted.cancelled) {
    submitted.sink(cancelled_before_start(submitted));
    return true;
  }
  try {
    loaded();
    auto id = submitted.id;
    if (!batch_->start(submitted)) return false;
    {
      std::lock_guard lock(mutex_);
      open_.at(id).live = true;
    }
    note_running();
  } catch (const std::exception& error) {
    submitted.sink(to_failure(error));
  }
  return true;
}

// Puts back a request that could not start. It may have been cancelled meanwhile, or the engine closed.
void Worker::wait_on(Submitted submitted) {
  {
    std::lock_guard lock(mutex_);
    if (!*submitted.cancelled) {
      queue_.emplace_front(std::move(submitted));
      return;
    }
  }
  submitted.sink(closing_ ? GenerateEvent(closed()) : GenerateEvent(cancelled_before_start(submitted)));
}

void Worker::pass() {
  auto started = Clock::now();
  batch_->pass();
  double seconds = seconds_since(started);
  std::lock_guard lock(mutex_);
  const auto& done = batch_->done();
  counters_.computed_tokens += static_cast<uint64_t>(done.prompt_tokens);
  counters_.generated_tokens += static_cast<uint64_t>(done.output_tokens);
  for (size_t i = 0; i < kDraftSources; i++) {
    counters_.drafts.at(i).drafted += done.drafts.at(i).drafted;
    counters_.drafts.at(i).accepted += done.drafts.at(i).accepted;
  }
  counters_.steps += static_cast<uint64_t>(done.steps);
  if (done.prompt_tokens) prefill_rate_.add(done.prompt_tokens, seconds);
  if (done.output_tokens) decode_rate_.add(done.output_tokens, seconds);
}

// For stats(), and for the file that a crash leaves.
void Worker::note_running() {
  auto running = batch_->running();
  std::vector<crash::Request> seen;
  for (const auto& one : running)
    seen.push_back({.id = one.id, .prompt = one.prompt_tokens, .read = one.read_tokens, .output = one.output_tokens});
  crash::requests(seen);
  std::lock_guard lock(mutex_);
  counters_.running = std::move(running);
}

// Updates what stats() says of live requests, and adds the engine's own share of the pass.
void Worker::publish(double pass_started) {
  if (!batch_) return;
  auto prefill = batch_->prefill();
  note_running();
  auto kv = batch_->kv_bytes();
  auto prefix = loaded_->prefixes.bytes();
  auto cache = loaded_->prefixes.stats();
  auto reserved = batch_->reserved_bytes();
  auto costs = loaded_->costs ? loaded_->costs->costs() : std::vector<double>{};
  double step = loaded_->costs ? loaded_->costs->step() : 0;
  share_.count(loaded_->info.weights_bytes + kv + prefix);
  std::lock_guard lock(mutex_);
  counters_.prefill = prefill;
  counters_.kv_bytes = kv;
  counters_.prefix_bytes = prefix;
  counters_.cache = std::move(cache);
  counters_.reserved_bytes = reserved;
  counters_.pass_costs = std::move(costs);
  counters_.drafter_cost = step;
  counters_.own_seconds += thread_seconds() - pass_started - batch_->done().model_seconds;
}

uint64_t Worker::live() const {
  return static_cast<uint64_t>(std::ranges::count_if(open_, [](const auto& entry) { return entry.second.live; }));
}

// Counts a request that has ended, before its sink gets the end: stats() then includes it.
void Worker::settle(uint64_t id, const GenerateEvent& end) {
  std::lock_guard lock(mutex_);
  open_.erase(id);
  std::erase_if(counters_.running, [id](const Running& one) { return one.id == id; });
  if (live() == 0) {
    counters_.prefill = {};
    counters_.kv_bytes = 0;
  }
  counters_.requests++;
  // A pass publishes what it did at its end only, after this.
  if (std::this_thread::get_id() == thread_.get_id() && loaded_) counters_.cache = loaded_->prefixes.stats();
  const auto* finish = std::get_if<Finish>(&end);
  if (!finish) return;
  counters_.hits += finish->cached_tokens ? 1 : 0;
  counters_.prompt_tokens += static_cast<uint64_t>(finish->prompt_tokens);
  counters_.cached_tokens += static_cast<uint64_t>(finish->cached_tokens);
  counters_.output_tokens += static_cast<uint64_t>(finish->output_tokens);
  counters_.loops += finish->reason == FinishReason::loop ? 1 : 0;
  counters_.prefill_seconds += finish->prefill_seconds;
  counters_.decode_seconds += finish->decode_seconds;
  if (!finish->constrained) return;
  counters_.constrained_tokens += static_cast<uint64_t>(finish->constrained->tokens);
  counters_.removed_probability += finish->constrained->removed;
  counters_.mask_seconds += finish->constrained->mask_seconds;
}

}  // namespace tether
