// Options of loading and of sampling: each field, its name in JavaScript and its range. In TypeScript: src/options.ts;
// a test compares the two.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

namespace tether {

struct LoadOptions {
  uint64_t memory_cap = 0;  // bytes; 0: none
  int max_context = 0;      // tokens; 0: the checkpoint's own window
  int threads = 0;          // threads that compute on a CPU; 0: as many as are fastest, measured at load
  int kv_bits = 0;          // bits of a stored key or value: 16, 8 or 4; 0: as computed
  int activation_bits = 0;  // bits of activations beside quantized weights on a CPU: 8, 16 or 32; 0: kActivationBits
  int prefill_chunk = 0;    // tokens of a prompt per pass; 0: what takes half a second, measured at load
};

struct Sampling {
  float temperature = 0;  // 0: greedy
  float top_p = 1;        // 1: off
  int top_k = 0;          // 0: off
  float min_p = 0;        // 0: off
  float repetition_penalty = 1;
  std::optional<uint64_t> seed = std::nullopt;  // none: from std::random_device, for each request
};

// One field of Options. JavaScript gives a number from `least` to `most`, or undefined for an optional field.
template <typename Options>
struct Option {
  const char* name;  // in JavaScript
  double least;
  double most;
  bool whole;  // without a fraction
  bool optional;
  void (*set)(Options& options, double value);
};

template <typename Options, auto field>
constexpr Option<Options> option(const char* name, double least, double most) {
  using Field = std::remove_reference_t<decltype(std::declval<Options&>().*field)>;
  constexpr bool optional = std::is_same_v<Field, std::optional<uint64_t>>;
  using Value = std::conditional_t<optional, uint64_t, Field>;
  auto set = [](Options& options, double value) { options.*field = static_cast<Value>(value); };
  return {name, least, most, std::is_integral_v<Value>, optional, set};
}

// The largest number of JavaScript up to which all integers are exact; the largest int.
inline constexpr double kMaxSafeInteger = 9007199254740991.0;
inline constexpr double kMaxInt = 2147483647.0;

inline constexpr std::array kLoadOptions{
    option<LoadOptions, &LoadOptions::memory_cap>("memoryCap", 0, kMaxSafeInteger),
    option<LoadOptions, &LoadOptions::max_context>("maxContext", 0, kMaxInt),
    option<LoadOptions, &LoadOptions::threads>("threads", 0, 1024),
    option<LoadOptions, &LoadOptions::kv_bits>("kvBits", 0, 32),
    option<LoadOptions, &LoadOptions::activation_bits>("activationBits", 0, 32),
    option<LoadOptions, &LoadOptions::prefill_chunk>("prefillChunk", 0, 65536),
};

inline constexpr std::array kSamplingOptions{
    option<Sampling, &Sampling::temperature>("temperature", 0, 2),
    option<Sampling, &Sampling::top_p>("topP", 0, 1),
    option<Sampling, &Sampling::top_k>("topK", 0, kMaxInt),
    option<Sampling, &Sampling::min_p>("minP", 0, 1),
    option<Sampling, &Sampling::repetition_penalty>("repetitionPenalty", 0.01, 10),
    option<Sampling, &Sampling::seed>("seed", 0, kMaxSafeInteger),
};

}  // namespace tether
