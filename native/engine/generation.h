// One request from prompt to finish: prefix, prefill in chunks, decode.
#pragma once

#include <atomic>
#include <functional>
#include <span>

#include "engine/prefix_cache.h"
#include "engine/types.h"
#include "model/device.h"
#include "model/model.h"

namespace tether {

// What a generation runs on. Engine thread only.
struct Loaded {
  std::unique_ptr<Model> model;
  PrefixCache prefixes;
  DevicePolicy device;
  EngineInfo info;
};

// Throws Error("invalid_request" | "prompt_too_long" | "not_enough_memory"). Gives each token to `emit` as soon as it
// is known; `cancelled` is read before each chunk and each token. `progress` hears of each chunk that is done.
// Whatever was computed goes back to the prefix cache.
Finish generate(Loaded& loaded, const GenerateRequest& request, const std::atomic<bool>& cancelled,
                const std::function<void(PrefillProgress)>& progress, const std::function<void(int32_t)>& emit);

// Runs tokens through the model `chunk` at a time and hands each chunk's hidden states, (T, hidden), to `each`.
void run_chunks(Loaded& loaded, std::span<const int32_t> tokens, int chunk,
                const std::function<void(const mx::array& hidden, int begin, int end)>& each);

}  // namespace tether
