// Rotary position embeddings, with every kind of scaling that config.json files name.
#include "model/rope.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "error.h"

namespace tether {
namespace {

[[noreturn]] void reject(const Config& scaling, const std::string& what) {
  throw Error("bad_config", "[config] " + scaling.where() + ": " + what + ". Download config.json again.");
}

double positive(const Config& scaling, const std::string& key, double fallback) {
  double value = scaling.number(key, fallback);
  if (value <= 0) reject(scaling, "\"" + key + "\" must be above 0");
  return value;
}

double factor_of(const Config& scaling) {
  if (!scaling.has("factor")) reject(scaling, "no \"factor\"");
  return positive(scaling, "factor", 1);
}

mx::array table(const std::vector<float>& freqs) {
  return mx::array(freqs.data(), {static_cast<int>(freqs.size())}, mx::float32);
}

// base^(2i / dims) for each pair i.
std::vector<float> plain_freqs(const Rope::Plain& plain) {
  std::vector<float> freqs;
  for (int i = 0; i < plain.dims; i += 2)
    freqs.push_back(std::pow(plain.base, static_cast<float>(i) / static_cast<float>(plain.dims)));
  return freqs;
}

// Llama 3.1's: long wavelengths are stretched by `factor`, short ones kept, those between interpolated.
mx::array llama3_freqs(const Rope::Plain& plain, const Config& scaling) {
  auto factor = static_cast<float>(factor_of(scaling));
  auto low = static_cast<float>(positive(scaling, "low_freq_factor", 1));
  auto high = static_cast<float>(positive(scaling, "high_freq_factor", 4));
  auto context = static_cast<float>(positive(scaling, "original_max_position_embeddings", 8192));
  if (high <= low) reject(scaling, R"("high_freq_factor" must be above "low_freq_factor")");
  auto freqs = plain_freqs(plain);
  for (auto& freq : freqs) {
    float wavelength = 2 * std::numbers::pi_v<float> * freq;
    if (wavelength > context / low) {
      freq *= factor;
    } else if (wavelength > context / high) {
      float smooth = (context / wavelength - low) / (high - low);
      freq = freq / ((1 - smooth) / factor + smooth);
    }
  }
  return table(freqs);
}

// Gemma 4's p-RoPE: only the first dimensions are rotated; an infinite wavelength leaves the others as they are.
mx::array proportional_freqs(const Rope::Plain& plain, const Config& scaling) {
  int rotated = static_cast<int>(plain.dims * scaling.number("partial_rotary_factor", 1));
  auto factor = static_cast<float>(positive(scaling, "factor", 1));
  auto freqs = plain_freqs(plain);
  for (size_t i = 0; i < freqs.size(); i++)
    freqs[i] = 2 * static_cast<int>(i) < rotated ? factor * freqs[i] : std::numeric_limits<float>::infinity();
  return table(freqs);
}

// YaRN: wavelengths of pairs that rotate often within the original window are kept, those of pairs that rotate less
// than once are stretched, with a ramp between; vectors are scaled up to compensate for flatter scores.
void make_yarn(Rope& rope, const Rope::Plain& plain, const Config& scaling) {
  double factor = factor_of(scaling);
  double context = positive(scaling, "original_max_position_embeddings", 4096);
  // The pair (as a number of dimensions) that makes that many rotations within the original window.
  auto pair_of = [&](double rotations) {
    return plain.dims * std::log(context / (rotations * 2 * std::numbers::pi)) / (2 * std::log(plain.base));
  };
  auto growth = [&](double strength) { return factor <= 1 ? 1 : 0.1 * strength * std::log(factor) + 1; };
  double low = std::max(std::floor(pair_of(positive(scaling, "beta_fast", 32))), 0.0);
  double high = std::min(std::ceil(pair_of(positive(scaling, "beta_slow", 1))), plain.dims - 1.0);
  if (low == high) high += 0.001;
  auto freqs = plain_freqs(plain);
  for (size_t i = 0; i < freqs.size(); i++) {
    double stretched = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    freqs[i] = static_cast<float>(factor * freqs[i] / (factor * (1 - stretched) + stretched));
  }
  rope.freqs = table(freqs);
  rope.magnitude =
      static_cast<float>(growth(scaling.number("mscale", 1)) / growth(scaling.number("mscale_all_dim", 0)));
}

// LongRoPE: a factor for each pair; as in mlx-lm always the one for long contexts.
void make_longrope(Rope& rope, const Rope::Plain& plain, const Config& scaling) {
  auto factors = scaling.numbers("long_factor");
  auto freqs = plain_freqs(plain);
  if (factors.size() != 1 && factors.size() != freqs.size())
    reject(scaling, "\"long_factor\" must have " + std::to_string(freqs.size()) + " numbers");
  for (size_t i = 0; i < freqs.size(); i++) freqs[i] *= static_cast<float>(factors[factors.size() == 1 ? 0 : i]);
  rope.freqs = table(freqs);
  rope.traditional = false;
  double context = scaling.number("original_max_position_embeddings", 0);
  if (context <= 1) reject(scaling, "no \"original_max_position_embeddings\" above 1");
  double growth = plain.max_positions / context;
  if (growth > 1) rope.magnitude = static_cast<float>(std::sqrt(1 + std::log(growth) / std::log(context)));
}

// Cached angles: more than the sequences that decode together.
constexpr size_t kCachedAngles = 32;

}  // namespace

mx::array Rope::angles(int offset, int count) const {
  auto known = cached_angles.find({offset, count});
  if (known != cached_angles.end()) return known->second;
  auto half = static_cast<size_t>(dims / 2);
  std::vector<float> inverse;
  for (size_t i = 0; i < half; i++) {
    if (freqs)
      inverse.push_back(1 / freqs->data<float>()[i]);
    else
      inverse.push_back(std::exp(-static_cast<float>(i) * std::log(*base) / static_cast<float>(half)));
  }
  auto tokens = static_cast<size_t>(count);
  std::vector<float> numbers(2 * tokens * half);
  for (size_t token = 0; token < tokens; token++) {
    float position = static_cast<float>(offset + static_cast<int>(token)) * scale;
    for (size_t i = 0; i < half; i++) {
      numbers[token * half + i] = std::cos(position * inverse[i]);
      numbers[(tokens + token) * half + i] = std::sin(position * inverse[i]);
    }
  }
  mx::array made(numbers.data(), {2, count, dims / 2}, mx::float32);
  if (cached_angles.size() >= kCachedAngles) cached_angles.clear();
  cached_angles.emplace(std::pair{offset, count}, made);
  return made;
}

Rope Rope::make(const Plain& plain, const std::optional<Config>& scaling) {
  Rope rope{.dims = plain.dims,
            .traditional = plain.traditional,
            .base = plain.base,
            .scale = 1,
            .freqs = std::nullopt,
            .magnitude = 1,
            .cached_angles = {}};
  if (!scaling) return rope;
  auto kind = scaling->text("type", scaling->text("rope_type", "default"));
  // "dynamic" changes the base for texts longer than the trained window, which the engine's window prevents; for text
  // "mrope" is the plain kind.
  if (kind == "default" || kind == "dynamic" || kind == "mrope") return rope;
  if (kind == "linear") {
    rope.scale = static_cast<float>(1 / factor_of(*scaling));
    return rope;
  }
  if (kind == "llama3")
    rope.freqs = llama3_freqs(plain, *scaling);
  else if (kind == "proportional")
    rope.freqs = proportional_freqs(plain, *scaling);
  else if (kind == "yarn" || kind == "deepseek_yarn" || kind == "telechat3-yarn")
    make_yarn(rope, plain, *scaling);
  else if (kind == "longrope")
    make_longrope(rope, plain, *scaling);
  else
    throw Error("bad_config", "[config] " + scaling->where() + ": rope type \"" + kind +
                                  "\" is not supported. Supported: default, linear, dynamic, llama3, yarn, longrope, "
                                  "proportional, mrope");
  rope.base = std::nullopt;
  return rope;
}

}  // namespace tether
