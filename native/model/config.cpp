// Reads config.json's fields by name; a wrong type is an error that names the field.
#include "model/config.h"

#include <cmath>
#include <limits>
#include <utility>

#include "error.h"

namespace tether {
namespace {

[[noreturn]] void wrong(const std::string& where, const std::string& key, const char* want) {
  throw Error("bad_config",
              "[config] " + where + ": \"" + key + "\" must be " + want + ". Download the checkpoint's config.json again.");
}

int to_integer(const Json& json, const std::string& where, const std::string& key) {
  const auto* number = std::get_if<double>(&json.value);
  if (!number || std::trunc(*number) != *number || *number < 0 || *number > std::numeric_limits<int>::max())
    wrong(where, key, "a whole number");
  return static_cast<int>(*number);
}

double to_number(const Json& json, const std::string& where, const std::string& key) {
  const auto* number = std::get_if<double>(&json.value);
  if (!number || !std::isfinite(*number)) wrong(where, key, "a number");
  return *number;
}

QuantMode read_mode(const Config& config) {
  auto name = config.text("mode", "affine");
  for (auto mode : {QuantMode::affine, QuantMode::mxfp4, QuantMode::mxfp8, QuantMode::nvfp4})
    if (name == mode_name(mode)) return mode;
  throw Error("bad_config", "[config] " + config.where() + R"(: quantization "mode" ")" + name +
                                "\" is not one of affine, mxfp4, mxfp8, nvfp4. Convert the checkpoint again.");
}

// The only one of a floating-point mode.
Quantization fixed_format(QuantMode mode) {
  return {.mode = mode, .bits = mode == QuantMode::mxfp8 ? 8 : 4, .group_size = mode == QuantMode::nvfp4 ? 16 : 32};
}

Quantization read_quantization(const Config& config) {
  auto reject = [&](const std::string& what) {
    throw Error("bad_config", "[config] " + config.where() + ": " + what + ". Convert the checkpoint again.");
  };
  auto mode = read_mode(config);
  if (mode == QuantMode::affine) {
    int group = config.integer("group_size");
    int bits = config.integer("bits");
    if (bits < 2 || bits > 8 || bits == 7)
      reject("quantization of " + std::to_string(bits) + " \"bits\" is not one of 2, 3, 4, 5, 6, 8");
    if (group != 32 && group != 64 && group != 128)
      reject("quantization's \"group_size\" of " + std::to_string(group) + " is not one of 32, 64, 128");
    return {.mode = mode, .bits = bits, .group_size = group};
  }
  auto format = fixed_format(mode);
  if (config.integer("group_size", format.group_size) != format.group_size ||
      config.integer("bits", format.bits) != format.bits)
    reject(std::string("quantization \"mode\" ") + mode_name(mode) + " has groups of " +
           std::to_string(format.group_size) + " and " + std::to_string(format.bits) + " bits");
  return format;
}

}  // namespace

Config::Config(const Json& json, std::string where) : json_(&json), where_(std::move(where)) {
  if (!std::holds_alternative<Json::Object>(json.value))
    throw Error("bad_config", "[config] " + where_ + " must be a JSON object");
}

const Json* Config::present(const std::string& key) const {
  const auto* found = json_->find(key);
  return found && !found->is_null() ? found : nullptr;
}

bool Config::has(const std::string& key) const { return present(key) != nullptr; }

int Config::integer(const std::string& key) const {
  const auto* found = present(key);
  if (!found) throw Error("bad_config", "[config] " + where_ + " has no \"" + key + "\". Download config.json again.");
  return to_integer(*found, where_, key);
}

int Config::integer(const std::string& key, int fallback) const {
  const auto* found = present(key);
  return found ? to_integer(*found, where_, key) : fallback;
}

int Config::positive(const std::string& key) const {
  int value = integer(key);
  if (value == 0) wrong(where_, key, "above 0");
  return value;
}

int Config::positive(const std::string& key, int fallback) const { return has(key) ? positive(key) : fallback; }

double Config::number(const std::string& key, double fallback) const {
  const auto* found = present(key);
  return found ? to_number(*found, where_, key) : fallback;
}

bool Config::flag(const std::string& key, bool fallback) const {
  const auto* found = present(key);
  if (!found) return fallback;
  const auto* flag = std::get_if<bool>(&found->value);
  if (!flag) wrong(where_, key, "true or false");
  return *flag;
}

std::string Config::text(const std::string& key, const std::string& fallback) const {
  const auto* found = present(key);
  if (!found) return fallback;
  const auto* text = std::get_if<std::string>(&found->value);
  if (!text) wrong(where_, key, "a string");
  return *text;
}

std::optional<double> Config::optional_number(const std::string& key, std::optional<double> fallback) const {
  const auto* found = json_->find(key);
  if (!found) return fallback;
  if (found->is_null()) return std::nullopt;
  return to_number(*found, where_, key);
}

std::optional<int> Config::optional_integer(const std::string& key, std::optional<int> fallback) const {
  const auto* found = json_->find(key);
  if (!found) return fallback;
  if (found->is_null()) return std::nullopt;
  return to_integer(*found, where_, key);
}

std::vector<std::string> Config::texts(const std::string& key) const {
  const auto* found = present(key);
  if (!found) return {};
  const auto* array = std::get_if<Json::Array>(&found->value);
  if (!array) wrong(where_, key, "a list of strings");
  std::vector<std::string> texts;
  for (const auto& item : *array) {
    const auto* text = std::get_if<std::string>(&item.value);
    if (!text) wrong(where_, key, "a list of strings");
    texts.push_back(*text);
  }
  return texts;
}

std::vector<double> Config::numbers(const std::string& key) const {
  const auto* found = present(key);
  if (!found) return {};
  const auto* array = std::get_if<Json::Array>(&found->value);
  if (!array) return {to_number(*found, where_, key)};
  std::vector<double> numbers;
  for (const auto& item : *array) numbers.push_back(to_number(item, where_, key));
  return numbers;
}

std::optional<Config> Config::object(const std::string& key) const {
  const auto* found = present(key);
  if (!found) return std::nullopt;
  return Config(*found, where_ + ": " + key);
}

std::string name_of(const Quantization& quantization) {
  if (quantization.mode == QuantMode::affine) return std::to_string(quantization.bits) + "-bit";
  return mode_name(quantization.mode);
}

std::optional<Quantization> QuantizationConfig::of(const std::string& layer) const {
  auto it = layers.find(layer);
  return it == layers.end() ? all : it->second;
}

QuantizationConfig QuantizationConfig::read(const Config& config) {
  auto found = config.object("quantization");
  if (!found) found = config.object("quantization_config");
  if (auto text = config.object("text_config"); text && !found) found = text->object("quantization_config");
  if (!found) return {};
  // Hugging Face's own schemes (bitsandbytes, gptq, …) use the same key with other layouts.
  if (found->has("quant_method"))
    throw Error("unsupported_model", "[config] " + found->where() + ": quantization by \"" +
                                         found->text("quant_method", "") +
                                         "\" is not MLX's. Convert the checkpoint with mlx_lm.convert.");
  QuantizationConfig result;
  result.all = read_quantization(*found);
  for (const auto& [name, value] : std::get<Json::Object>(found->json().value)) {
    if (const auto* flag = std::get_if<bool>(&value.value)) {
      if (!*flag) result.layers[name] = std::nullopt;
    } else if (std::holds_alternative<Json::Object>(value.value)) {
      result.layers[name] = read_quantization(Config(value, found->where() + ": " + name));
    }
  }
  return result;
}

}  // namespace tether
