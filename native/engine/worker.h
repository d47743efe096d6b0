// The engine thread and its queue: it starts requests, runs passes and other tasks, and counts what they did.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <variant>

#include "engine/batch.h"
#include "engine/loading.h"
#include "engine/memory_budget.h"
#include "engine/rate.h"
#include "engine/types.h"

namespace tether {

class Worker {
 public:
  // Work that runs alone, between two passes.
  struct Task {
    std::function<void(Worker&)> run;          // on the engine thread
    std::function<void(const Failure&)> fail;  // gets what run() throws, or that the engine is closed
  };

  // budget: of the memory; by default the process's.
  explicit Worker(MemoryBudget& budget = process_budget());

  // Any thread. See Engine.
  void push(Task task) { enqueue(std::move(task)); }
  uint64_t generate(GenerateRequest request, std::function<void(GenerateEvent)> sink);
  void cancel(uint64_t id);
  EngineStats stats() const;
  void close();

  // In a task only.
  const EngineInfo& load(LoadRequest request, const std::function<void(double)>& progress);
  // Drafts are made from now on, where they pay by what passes cost; free: as if they cost nothing.
  void measure_passes(bool free);
  // Throws Error("not_loaded").
  Loaded& loaded();
  const std::atomic<bool>& closing() const { return closing_; }

 private:
  using Work = std::variant<Task, Submitted>;

  // A request that has not ended.
  struct Open {
    std::shared_ptr<std::atomic<bool>> cancelled;
    std::chrono::steady_clock::time_point since;
    bool live = false;
  };

  void enqueue(Work work);

  // Engine thread.
  void loop();
  bool wait_for_work();
  void take_work();
  std::optional<Work> next_work();
  bool start(Submitted& submitted);
  void wait_on(Submitted submitted);
  void pass();
  void note_running();
  void publish(double pass_started);

  uint64_t live() const;  // with the mutex held
  void settle(uint64_t id, const GenerateEvent& end);

  mutable std::mutex mutex_;  // guards the members below, up to closing_
  std::condition_variable wake_;
  std::deque<Work> queue_;
  // How many were live when the next request had to wait; until that or the queue changes, it still has to.
  std::optional<size_t> full_at_;
  std::unordered_map<uint64_t, Open> open_;
  uint64_t next_id_ = 1;
  EngineStats counters_;
  Rate prefill_rate_;
  Rate decode_rate_;
  bool disk_ready_ = false;
  bool room_changed_ = false;  // of the memory that other engines have, or want of this one's

  std::atomic<bool> closing_ = false;

  // Not to be called with the mutex held.
  MemoryShare share_;

  // Engine thread only.
  std::optional<Loaded> loaded_;
  std::optional<Batch> batch_;

  std::mutex joining_;  // held to join the thread, which only one caller may do
  std::thread thread_;
};

}  // namespace tether
