// From a checkpoint's files to a model that is ready, with its window and its memory budget.
#include "engine/loading.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "cpu/calibrate.h"
#include "cpu/pool.h"
#include "engine/assistant_drafter.h"
#include "engine/cache/fingerprint.h"
#include "engine/chunk_size.h"
#include "engine/draft_model.h"
#include "engine/rate.h"
#include "error.h"

namespace tether {
namespace {

// The least tokens of a block of the prefix cache.
constexpr int kLeastBlock = 256;
// Without a memory cap kept prefixes get one part of the machine's memory in so many.
constexpr uint64_t kPrefixShare = 4;

// Bits of activations that nothing else sets: with 16 neither perplexity nor tokens differ from those in float32.
constexpr int kActivationBits = 16;

// Where the progress of loading is when a model is read and its drafter begins.
constexpr double kDrafterBegins = 0.9;

// Freed buffers that MLX may keep for reuse, in bytes.
constexpr uint64_t kMostFreed = uint64_t{256} << 20U;

// What MLX may keep of the memory that the weights leave.
uint64_t freed_beside(uint64_t weights, uint64_t cap) {
  return std::min(kMostFreed, (cap - std::min(cap, weights)) / 16);
}

// How long loading waits for other engines to give up prefixes.
constexpr double kGiveUpSeconds = 30;

// Takes room for weights before anything is read. before: bytes of weights that are already read. stop: may throw.
void claim_weights(const Weights& weights, uint64_t before, uint64_t cap, MemoryShare& share,
                   const std::function<void()>& stop) {
  uint64_t needed = before + weights.predicted_bytes();
  if (cap && needed > cap)
    throw Error("not_enough_memory", "[weights] the weights need " + show_size(needed) + ", the memory cap is " +
                                         show_size(cap) +
                                         ". Raise --memory-cap, or use a smaller or more quantized checkpoint.");
  share.set_limits(cap, freed_beside(needed, cap));
  auto since = std::chrono::steady_clock::now();
  auto answer = share.claim(needed, needed);
  while (answer == MemoryShare::Answer::soon && seconds_since(since) < kGiveUpSeconds) {
    stop();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    answer = share.claim(needed, needed);
  }
  if (answer == MemoryShare::Answer::granted) return;
  throw Error("memory_in_use", "[weights] the weights need " + show_size(needed) + " beside " +
                                   show_size(share.held_by_others()) + " of other models, the memory cap is " +
                                   show_size(cap) + ". Close another model, or raise --memory-cap.");
}

// Rejects adapters that cannot fit beside these weights. -> their bytes
uint64_t check_adapters(const std::vector<AdapterSource>& adapters, const Weights& weights, uint64_t cap) {
  uint64_t needed = weights.predicted_bytes();
  for (const auto& adapter : adapters) {
    std::error_code failed;
    auto size = std::filesystem::file_size(adapter.file, failed);
    needed += failed ? 0 : size;
    if (cap && needed > cap)
      throw Error("not_enough_memory", "[adapter] " + adapter.path +
                                           " cannot be used: the weights and the adapters up " + "to it need " +
                                           show_size(needed) + ", the memory cap is " + show_size(cap) +
                                           ". Raise --memory-cap, or load fewer adapters.");
  }
  return needed - weights.predicted_bytes();
}

// On a GPU the pool computes little: how many threads it has is not measured.
void set_threads(int asked, const DevicePolicy& device) {
  if (asked > 0)
    set_pool_threads(asked);
  else if (device.name == "cpu")
    fastest_threads();
}

Activations activations_of(int bits) {
  if (bits == 8) return Activations::int8;
  return bits == 32 ? Activations::float32 : Activations::int16;
}

// The bits in which keys and values are kept; 0: as they are computed, which 16 is where halves are computed.
int kept_bits(int asked, const Weights& weights) {
  if (asked == 8 || asked == 4) return asked;
  return asked == 16 && weights.compute_kind() == "f32" ? 16 : 0;
}

// Numbers that a pass holds at once for each row of a chunk, besides keys and values. Fitted to MLX's counters for
// models of 1 and 13 million parameters; the terms for experts and per-layer inputs to small fixtures.
uint64_t scratch_numbers(const Model& model, const Config& config, const EngineInfo& info, const DevicePolicy& device) {
  auto hidden = static_cast<uint64_t>(config.integer("hidden_size", 0));
  // Gemma 3n has one for each layer.
  auto widths = config.numbers("intermediate_size");
  auto wide = static_cast<uint64_t>(widths.empty() ? 0 : std::max(0.0, std::ranges::max(widths)));
  // MLX allocates for some layers ahead of the one it computes.
  if (!device.layer_by_layer) return 22 * hidden + 7 * wide;
  // One layer, from its queries to the keys and values of the next one, and what it reads of the layers before.
  auto number = [&](const char* name) { return static_cast<uint64_t>(std::max(0, config.integer(name, 0))); };
  uint64_t attention = 0;
  uint64_t per_kv = info.kv_bits == 0 ? 4 : info.kv_bits == 16 ? 5 : 7;
  for (const auto& shape : model.cache_shapes()) {
    auto head = static_cast<uint64_t>(shape.head_dim);
    auto kv = static_cast<uint64_t>(shape.elements) / 2;
    attention = std::max(attention, 3 * number("num_attention_heads") * head + per_kv * kv + 2 * head);
  }
  uint64_t experts = number("top_k_experts") * (3 * number("moe_intermediate_size") + 4 * hidden);
  uint64_t streams = 8 * number("altup_num_inputs") * hidden;
  uint64_t per_layer = 3 * number("num_hidden_layers") * number("hidden_size_per_layer_input");
  return 9 * hidden + 2 * wide + attention + experts + streams + per_layer;
}

// What adapters add to a product, beside it: a row of its width for each row of a chunk, and the few numbers between
// the two matrices, fewer than the row has.
uint64_t adapter_scratch(const Config& config, const EngineInfo& info) {
  auto widths = config.numbers("intermediate_size");
  double wide = widths.empty() ? 0 : std::ranges::max(widths);
  auto most = static_cast<uint64_t>(std::max({0.0, wide, static_cast<double>(config.integer("hidden_size", 0))}));
  uint64_t element = info.compute_dtype == "f32" ? 4 : 2;
  return 2 * static_cast<uint64_t>(info.prefill_chunk) * most * element;
}

MemoryModel memory_model(const Model& model, const Config& config, const EngineInfo& info, const DevicePolicy& device,
                         bool drafts) {
  MemoryModel memory{.cap = info.memory_cap, .weights = info.weights_bytes};
  uint64_t element = info.compute_dtype == "f32" ? 4 : 2;
  auto rows = static_cast<uint64_t>(info.prefill_chunk);
  uint64_t window_view = 0;  // bytes of a sliding layer's unpacked keys and values
  for (const auto& shape : model.cache_shapes()) {
    auto elements = static_cast<uint64_t>(shape.elements);
    uint64_t bytes = stored_bytes(kv_quantization(info.kv_bits, shape.head_dim), elements, element);
    auto most = static_cast<uint64_t>(KVCache::most_slots(shape.window, info.prefill_chunk));
    // MLX's kernels want one layer's keys and values whole. Not measured on a GPU.
    uint64_t view = info.kv_bits && !device.own_kernels ? elements * element : 0;
    if (shape.window) {
      memory.sliding += bytes * most;
      window_view = std::max(window_view, view * most);
    } else {
      memory.per_token += bytes;
      memory.scratch_per_token = std::max(memory.scratch_per_token, view);
    }
  }
  memory.scratch = rows * scratch_numbers(model, config, info, device) * element + window_view;
  // The logits of drafts, and what is made of them.
  if (drafts) memory.scratch += 2 * sizeof(float) * PassCosts::kMostDrafted * static_cast<uint64_t>(info.vocab_size);
  memory.freed = freed_beside(memory.weights, memory.cap);
  return memory;
}

void set_window(EngineInfo& info, const MemoryModel& memory, int max_context, bool drafts) {
  info.window = info.trained_window;
  auto limit = [&info](uint64_t tokens, WindowLimit by) {
    if (tokens >= static_cast<uint64_t>(info.window)) return;
    info.window = static_cast<int>(tokens);
    info.window_limit = by;
  };
  if (max_context > 0) limit(static_cast<uint64_t>(max_context), WindowLimit::max_context);
  limit(memory.longest(kOwnSnapshots), WindowLimit::memory);
  if (info.window < 2)
    throw Error("not_enough_memory", "[weights] nothing is left of the memory cap of " + show_size(info.memory_cap) +
                                         " for a context. Raise --memory-cap, " +
                                         (drafts ? "load the model without its drafter (--draft off), " : "") +
                                         "or use a smaller checkpoint.");
}

}  // namespace

uint64_t machine_bytes() {
  auto pages = ::sysconf(_SC_PHYS_PAGES);
  auto size = ::sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(size) : uint64_t{8} << 30U;
}

// What is read of a drafter, and what a pass of it holds at once.
struct OpenDrafter {
  std::unique_ptr<Drafter> drafter;
  uint64_t weights = 0;
  uint64_t scratch = 0;
};

// Its errors name it: the model itself may be loaded without.
OpenDrafter open_drafter(const DrafterRequest& request, Model& target, const DevicePolicy& device,
                         const EngineInfo& info, MemoryShare& share, const std::function<void(double)>& progress) {
  // A drafter reads little at a time.
  constexpr int kChunk = 128;
  try {
    Config config(request.config, "config.json");
    Weights weights(request.files, device, progress);
    claim_weights(weights, info.weights_bytes, info.memory_cap, share, [&] { progress(0); });
    if (is_assistant(config)) {
      auto drafter = std::make_unique<AssistantDrafter>(load_assistant(config, weights, target), target);
      return {.drafter = std::move(drafter), .weights = weights.bytes()};
    }
    auto model = load_model(config, weights);
    EngineInfo own;
    own.prefill_chunk = std::min(kChunk, info.prefill_chunk);
    own.compute_dtype = weights.compute_kind();
    own.vocab_size = model->vocab_size();
    own.weights_bytes = weights.bytes();
    auto text = config.object("text_config");
    auto memory = memory_model(*model, text ? *text : config, own, device, true);
    int element = own.compute_dtype == "f32" ? 4 : 2;
    return {.drafter = std::make_unique<DraftModel>(std::move(model), info.vocab_size, own.prefill_chunk, element,
                                                    info.kv_bits == 16 ? 16 : 0, device),
            .weights = own.weights_bytes,
            .scratch = memory.scratch};
  } catch (const Error& error) {
    if (error.code() == "closed") throw;
    throw Error(error.code(), "the drafter " + request.path + " cannot be used: " + error.what() +
                                  " To load the model without it: --draft off");
  }
}

PrefixCache make_prefix_cache(Model& model, EngineInfo& info, const LoadRequest& request) {
  Layout layout(model, info.kv_bits);
  // 8 bits change keys and values by more than rounding.
  std::string rounding = info.activation_bits == 8 ? ", activations in 8 bits" : "";
  auto key = fingerprint(request.config, request.files, layout.describe() + " on " + info.device + rounding);
  info.fingerprint = to_hex(key);
  int chunk = info.prefill_chunk;
  int block = chunk * std::max(1, (kLeastBlock + chunk - 1) / chunk);
  auto store = std::make_unique<BlockStore>(std::move(layout), key, block);
  for (const auto& adapter : request.adapters) store->add_adapter(fingerprint(adapter));
  if (!request.cache_dir.empty())
    store->open_disk({.root = request.cache_dir, .cap = request.disk_cache, .wake = request.wake});
  uint64_t bytes = info.memory_cap ? (info.memory_cap - std::min(info.memory_cap, info.weights_bytes)) / 2
                                   : machine_bytes() / kPrefixShare;
  return PrefixCache(bytes, std::move(store));
}

Loaded load_checkpoint(const LoadRequest& request, MemoryShare& share, const std::function<void(double)>& progress) {
  auto device = device_policy();
  if (request.as_gpu) device = gpu_policy(device.name);
  const int bits = request.options.activation_bits ? request.options.activation_bits : kActivationBits;
  device.activations = activations_of(bits);
  set_threads(request.options.threads, device);
  // On the CPU backend runtime compilation calls a C++ compiler, without benefit.
  if (device.name == "cpu") mx::disable_compile();
  Config config(request.config, "config.json");
  auto text = config.object("text_config");
  // The model's own shapes decide; this check fails before the weights are read.
  kv_quantization(request.options.kv_bits, (text ? *text : config).integer("head_dim", 64));
  // A drafter is read after the model.
  double part = request.drafter ? kDrafterBegins : 1;
  Weights weights(request.files, device, [&](double fraction) { progress(part * fraction); });
  claim_weights(weights, 0, request.options.memory_cap, share, [&] { progress(0); });
  if (uint64_t adapters = check_adapters(request.adapters, weights, request.options.memory_cap))
    claim_weights(weights, adapters, request.options.memory_cap, share, [&] { progress(0); });
  auto model = load_model(config, weights);

  EngineInfo info;
  info.model_type = (text ? *text : config).text("model_type", config.text("model_type", ""));
  info.trained_window = model->max_positions();
  info.parameters = weights.parameters();
  info.quantization = weights.kind();
  info.compute_dtype = weights.compute_kind();
  info.device = device.name;
  info.kv_bits = kept_bits(request.options.kv_bits, weights);
  info.activation_bits = device.own_kernels ? bits : 0;
  info.prefill_chunk =
      request.options.prefill_chunk > 0 ? request.options.prefill_chunk : chunk_size(*model, device, info.kv_bits);
  info.vocab_size = model->vocab_size();
  info.weights_bytes = weights.bytes();
  info.memory_cap = request.options.memory_cap;
  for (const auto& adapter : request.adapters) info.weights_bytes += model->adapters->read(adapter);
  info.adapters = model->adapters->count();
  OpenDrafter draft;
  if (request.drafter)
    draft = open_drafter(*request.drafter, *model, device, info, share,
                         [&](double fraction) { progress(part + (1 - part) * fraction); });
  info.weights_bytes += draft.weights;
  auto memory_of = [&] {
    auto memory = memory_model(*model, text ? *text : config, info, device, request.lookup || draft.drafter);
    memory.scratch = std::max(memory.scratch, draft.scratch);
    if (info.adapters) memory.scratch += adapter_scratch(text ? *text : config, info);
    if (draft.drafter) memory.drafter = draft.drafter->bytes_per_sequence();
    return memory;
  };
  auto memory = memory_of();
  // A chunk size that was not asked for may need at most a sixteenth of what the weights leave.
  while (request.options.prefill_chunk <= 0 && memory.cap && info.prefill_chunk > device.least_chunk &&
         16 * memory.scratch > memory.cap - std::min(memory.cap, memory.weights)) {
    info.prefill_chunk /= 2;
    memory = memory_of();
  }
  info.bytes_per_token = memory.per_token;
  set_window(info, memory, request.options.max_context, draft.drafter != nullptr);
  share.set_limits(info.memory_cap, memory.freed);
  // As read, which may be less than what was claimed.
  share.settle(memory.weights, memory.weights);
  auto prefixes = make_prefix_cache(*model, info, request);
  prefixes.count_against(share);
  prefixes.account();
  return {.model = std::move(model),
          .prefixes = std::move(prefixes),
          .device = device,
          .info = info,
          .memory = memory,
          .share = &share,
          .asks_for_room = request.asks_for_room,
          .lookup = request.lookup,
          .drafter = std::move(draft.drafter)};
}

}  // namespace tether
