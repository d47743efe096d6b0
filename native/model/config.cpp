// Reads config.json's fields by name; a wrong type is an error that names the field.
#include "model/config.h"

#include <cmath>
#include <limits>
#include <utility>

#include "error.h"

namespace tether {
namespace {

[[noreturn]] void wrong(const std::string& where, const std::string& key, const char* want) {
  throw Error("bad_config", "[config] " + where + ": \"" + key + "\" must be " + want +
                                ". Download the checkpoint's config.json again.");
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

}  // namespace tether
