// From a checkpoint's files to a model that is ready, with its window and its memory budget.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "engine/drafter.h"
#include "engine/memory.h"
#include "engine/memory_budget.h"
#include "engine/pass_costs.h"
#include "engine/prefix_cache.h"
#include "engine/types.h"
#include "model/device.h"
#include "model/model.h"

namespace tether {

// Snapshots that one request adds: where other prompts diverge from its own, and at the end of its prompt.
constexpr uint64_t kOwnSnapshots = 2;

// A model and what its requests share. Engine thread only.
struct Loaded {
  std::unique_ptr<Model> model;
  PrefixCache prefixes;
  DevicePolicy device;
  EngineInfo info;
  MemoryModel memory;
  MemoryShare* share = nullptr;                // of the process's memory; outlives this
  bool asks_for_room = false;                  // as in LoadRequest
  bool lookup = false;                         // whether answers are drafted from what was said before
  std::unique_ptr<Drafter> drafter = nullptr;  // unset: no second model drafts
  // What drafts are worth; unset: nothing is drafted.
  std::optional<PassCosts> costs = std::nullopt;

  std::vector<KVCache> new_caches() const { return model->new_caches(info.kv_bits); }
};

// progress: called with 0…1 as weights are read; may throw to stop. Throws Error: unsupported_model, bad_config,
// bad_weights, not_enough_memory, memory_in_use. share: of the memory, which must outlive what is returned. Engine
// thread only.
Loaded load_checkpoint(const LoadRequest& request, MemoryShare& share, const std::function<void(double)>& progress);

}  // namespace tether
