// What crosses the engine's door, as plain data: no MLX, no JavaScript. The TypeScript side is src/engine/types.ts.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "json.h"

namespace tether {

struct LoadRequest {
  Json config;                     // config.json
  std::vector<std::string> files;  // absolute paths of the .safetensors files
  uint64_t memory_cap = 0;         // bytes; 0: none
  int max_context = 0;             // tokens; 0: the checkpoint's own window
  int threads = 0;                 // that compute on a CPU; 0: as many as are fastest
  int kv_bits = 0;                 // what keys and values are kept in: 8 or 4; 0: as they are computed
  int prefill_chunk = 0;           // tokens of a prompt per forward pass; 0: what is measured to take half a second
  bool as_gpu = false;             // for tests: whatever the device, compute and decode as on a GPU
};

// Which bound made a window what it is.
enum class WindowLimit { checkpoint, max_context, memory };

// Sizes in bytes, windows in tokens.
struct EngineInfo {
  std::string model_type;
  int window = 0;
  WindowLimit window_limit = WindowLimit::checkpoint;
  int trained_window = 0;
  uint64_t parameters = 0;
  std::string quantization;   // what the files hold, such as "4-bit" or "bf16"
  std::string compute_dtype;  // such as "f32"
  std::string device;         // cpu, metal or cuda
  int kv_bits = 0;            // what keys and values are kept in; 0: as they are computed
  int prefill_chunk = 0;      // tokens of a prompt per forward pass
  int vocab_size = 0;
  uint64_t weights_bytes = 0;
  uint64_t memory_cap = 0;
  uint64_t bytes_per_token = 0;  // of the KV cache, in the layers that keep every token
};

struct Sampling {
  float temperature = 0;  // 0: greedy
  float top_p = 1;        // 1: off
  int top_k = 0;          // 0: off
  float min_p = 0;        // 0: off
  float repetition_penalty = 1;
  std::optional<uint64_t> seed = std::nullopt;
};

// Which tokens may be drawn next, given those drawn so far: one bit a token, lowest first, at least as many as the
// vocabulary has; empty: all. Called on the engine thread before each token; what it throws ends its request.
using LogitsMask = std::function<std::vector<uint32_t>(std::span<const int32_t> output)>;

struct GenerateRequest {
  std::vector<int32_t> prompt;
  int max_tokens = 1;
  Sampling sampling;
  std::vector<int32_t> stop_tokens;
  LogitsMask mask = nullptr;
};

enum class FinishReason { stop, length, window, cancelled };

// Times in seconds, counts in tokens.
struct Finish {
  FinishReason reason = FinishReason::stop;
  std::optional<int32_t> stop_token = std::nullopt;
  int prompt_tokens = 0;
  int cached_tokens = 0;
  int output_tokens = 0;
  double queue_seconds = 0;
  double prefill_seconds = 0;
  double decode_seconds = 0;
};

struct Failure {
  std::string code;  // one of src/errors.ts
  std::string message;
};

// A token, or the end: exactly one Finish or Failure, last.
using GenerateEvent = std::variant<int32_t, Finish, Failure>;

// Tokens of a prompt; those that need not be computed count as done.
struct PrefillProgress {
  int done = 0;
  int total = 0;
};

// Since the model was loaded, and what runs now. Times in seconds, sizes in bytes, counts in tokens unless said
// otherwise.
struct EngineStats {
  uint64_t queued = 0;      // requests that wait
  uint64_t live = 0;        // requests that run
  PrefillProgress prefill;  // of the prompt that has been read longest; 0 of 0 where none is read
  uint64_t requests = 0;    // requests that have ended
  uint64_t hits = 0;        // of them, those that started from earlier work
  uint64_t prompt_tokens = 0;
  uint64_t cached_tokens = 0;
  uint64_t output_tokens = 0;
  double prefill_seconds = 0;  // added up over requests: those that run together count each
  double decode_seconds = 0;
  double own_seconds = 0;   // that the engine thread worked beside what the model and the sampler compute
  double prefill_rate = 0;  // tokens a second of late, all requests together
  double decode_rate = 0;
  uint64_t active_bytes = 0;  // by MLX's counters
  uint64_t peak_bytes = 0;
  uint64_t cache_bytes = 0;  // freed buffers that MLX keeps, not in active_bytes
  uint64_t weights_bytes = 0;
  uint64_t kv_bytes = 0;  // of live requests
  uint64_t prefix_bytes = 0;
  uint64_t reserved_bytes = 0;  // the most that active_bytes may be until the live requests have ended
};

}  // namespace tether
