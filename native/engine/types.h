// What the engine is given and gives back, as plain data: no MLX, no JavaScript. In TypeScript: src/engine/types.ts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "adapter_source.h"
#include "engine/constraint.h"
#include "engine/loop_guard.h"
#include "engine/options.h"
#include "json.h"

namespace tether {

// A checkpoint that drafts for the model.
struct DrafterRequest {
  std::string path;                // of its folder, for messages
  Json config;                     // config.json
  std::vector<std::string> files;  // absolute paths of the .safetensors files
};

struct LoadRequest {
  Json config;                     // config.json
  std::vector<std::string> files;  // absolute paths of the .safetensors files
  std::optional<DrafterRequest> drafter = std::nullopt;
  std::vector<AdapterSource> adapters = {};  // requests name them by their place, from 1 on
  LoadOptions options;
  std::string cache_dir;  // absolute path of the folder where prefixes outlive the process; empty: they do not
  std::optional<uint64_t> disk_cache = std::nullopt;  // bytes that this folder may take; none: a share of the disk
  // The caller closes other engines of the process when a request waits for their memory, which stats() say; else such
  // a request is rejected.
  bool asks_for_room = false;
  bool lookup = false;     // whether answers are drafted from what was said before
  std::string crash_path;  // the file that a crash writes, and how it begins; empty: none
  std::string crash_about;
  std::function<void()> wake = nullptr;  // set by the engine: called when the disk has done something
  bool always_draft = false;             // for tests: draft as if it cost nothing
  bool as_gpu = false;                   // for tests: compute and decode as on a GPU, on any device
};

// Which bound set the window.
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
  int kv_bits = 0;            // of stored keys and values: 16, 8 or 4; 0: as computed
  int activation_bits = 0;    // as computed; 0: not on a CPU
  int prefill_chunk = 0;      // tokens of a prompt per pass
  int vocab_size = 0;
  uint64_t weights_bytes = 0;
  uint64_t memory_cap = 0;
  int adapters = 0;              // that requests can name
  std::string fingerprint;       // 32 hex digits: of the checkpoint and how it is computed
  uint64_t bytes_per_token = 0;  // KV cache of one token, in the layers that keep every token
};

// Which tokens may be drawn next, given those drawn so far: one bit per token, lowest first, at least as many as the
// vocabulary has; empty: all. Called on the engine thread before each token; an exception ends the request.
using LogitsMask = std::function<std::vector<uint32_t>(std::span<const int32_t> output)>;

struct GenerateRequest {
  std::vector<int32_t> prompt;
  int adapter = 0;  // 0: none
  int max_tokens = 1;
  Sampling sampling;
  std::vector<int32_t> stop_tokens;
  std::vector<int32_t> forks = {};  // lengths of the prompt at which others are likely to part from it
  std::string client = {};          // whose it is: clients get equal shares of the engine
  bool loop_guard = false;          // whether an answer that repeats itself without end is ended
  Repetition repetition = {};       // what it may repeat before that
  LogitsMask mask = nullptr;
  std::shared_ptr<Constraint> constraint = nullptr;
  std::optional<uint64_t> label = std::nullopt;  // the caller's own number, for EngineStats::running
};

// loop: it went on repeating itself (LoopGuard).
enum class FinishReason { stop, length, window, cancelled, loop };

// Why the prefix cache did not have more of a prompt.
struct Miss {
  // none: it had all but the last token. diverged: no earlier prompt went on like this one. evicted: one did, but what
  // was computed for it was not kept. first: no earlier prompt began like this one.
  enum class Reason { none, diverged, evicted, first };
  Reason reason = Reason::none;
  int at = 0;                 // tokens that the most similar prompt shares
  std::vector<int32_t> ours;  // the tokens on both sides of that place, a few
  std::vector<int32_t> theirs;
};

// What a constraint did to an answer.
struct Constrained {
  int tokens = 0;           // that were drawn while it held
  double mask_seconds = 0;  // that making their masks took
  double removed = 0;       // probability of the tokens that it did not allow, summed over these
  std::optional<std::string> failure = std::nullopt;  // why it did not hold, or not to the end
};

// Where drafts come from: what the conversation repeats, what a constraint leaves no choice of, a second model.
enum class DraftSource { lookup, forced, drafter };
inline constexpr size_t kDraftSources = 3;

// Drafted tokens that a pass has verified, and those of them that were drawn, too.
struct DraftCount {
  uint64_t drafted = 0;
  uint64_t accepted = 0;
};

// Times in seconds, counts in tokens.
struct Finish {
  FinishReason reason = FinishReason::stop;
  std::optional<int32_t> stop_token = std::nullopt;
  int prompt_tokens = 0;
  int cached_tokens = 0;
  int output_tokens = 0;
  int created_tokens = 0;   // of the prompt, kept for later requests
  int computed_tokens = 0;  // of the prompt, counted where they went through the model
  Miss miss = {};
  double queue_seconds = 0;
  double prefill_seconds = 0;
  double decode_seconds = 0;
  int drafted_tokens = 0;                                 // verified by a pass
  int accepted_tokens = 0;                                // of these: drawn, too
  std::optional<Constrained> constrained = std::nullopt;  // of a request with a constraint
};

struct Failure {
  std::string code;  // one of src/errors.ts
  std::string message;
};

// A token, or the end: exactly one Finish or Failure, last.
using GenerateEvent = std::variant<int32_t, Finish, Failure>;

// Tokens of a prompt. Those that the prefix cache has count as done.
struct PrefillProgress {
  int done = 0;
  int total = 0;
};

// A live request. Counts in tokens.
struct Running {
  uint64_t id = 0;
  std::optional<uint64_t> label = std::nullopt;
  int prompt_tokens = 0;
  int read_tokens = 0;    // of the prompt: reused or computed
  int cached_tokens = 0;  // of these: reused
  int output_tokens = 0;
};

// The prefix cache by tier. Sizes in bytes.
struct CacheStats {
  uint64_t blocks = 0;
  uint64_t memory_bytes = 0;
  uint64_t disk_bytes = 0;  // of all models
  uint64_t disk_cap = 0;    // 0: no disk tier
  uint64_t written = 0;     // files
  uint64_t read = 0;
  uint64_t evicted_memory = 0;
  uint64_t evicted_disk = 0;
  uint64_t damaged = 0;
  // Tokens of prompts that were found: in sequences, in blocks in memory, in blocks on disk.
  uint64_t live_tokens = 0;
  uint64_t memory_tokens = 0;
  uint64_t disk_tokens = 0;
  std::vector<std::string> notices;  // faults, each said once
};

// What runs now, and counters since the model was loaded. Times in seconds, sizes in bytes.
struct EngineStats {
  uint64_t queued = 0;           // requests that wait
  double longest_wait = 0;       // of these, how long the one that has waited longest has; 0 if there is none
  uint64_t live = 0;             // requests that run
  std::vector<Running> running;  // in order of arrival
  uint64_t computed_tokens = 0;  // of prompts, so far: live requests count too, as in the next
  uint64_t generated_tokens = 0;
  PrefillProgress prefill;  // progress of the oldest prompt being prefilled; 0 of 0 if there is none
  uint64_t requests = 0;    // requests that have ended
  uint64_t hits = 0;        // requests that started from a cached prefix
  uint64_t prompt_tokens = 0;
  uint64_t cached_tokens = 0;
  uint64_t output_tokens = 0;
  std::array<DraftCount, kDraftSources> drafts{};  // by DraftSource
  // The passes that a sequence took part in to generate: generated_tokens / steps are its tokens a pass.
  uint64_t steps = 0;
  std::vector<double> pass_costs;  // of 1, 2, 4, 8 and 16 rows, as parts of the first; empty: nothing is drafted
  double drafter_cost = 0;         // the same of a token of the drafter; 0: there is none
  uint64_t loops = 0;              // answers that were ended for repeating themselves
  double prefill_seconds = 0;      // summed over requests, also over those that ran together
  double decode_seconds = 0;
  uint64_t constrained_tokens = 0;
  double removed_probability = 0;  // as in Constrained
  double mask_seconds = 0;
  double own_seconds = 0;   // work of the engine thread, without what the model and the sampler compute
  double prefill_rate = 0;  // tokens per second of recent passes, all requests together
  double decode_rate = 0;
  uint64_t active_bytes = 0;  // in use, by MLX's counter, without what other engines count as theirs
  uint64_t peak_bytes = 0;    // of the process
  uint64_t cache_bytes = 0;   // the process's freed buffers that MLX keeps; not in active_bytes
  uint64_t weights_bytes = 0;
  uint64_t kv_bytes = 0;  // keys and values of live requests
  uint64_t prefix_bytes = 0;
  CacheStats cache;
  uint64_t reserved_bytes = 0;  // the most that active_bytes may be until the live requests have ended
  uint64_t lacking_bytes = 0;   // that a request waits for, while other engines have them
};

}  // namespace tether
