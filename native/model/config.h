// Reads config.json's fields by name; a wrong type is an error that names the field.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "json.h"
#include "quantization.h"

namespace tether {

// A view of one JSON object. An absent field takes the fallback; null counts as absent, except for the `optional_*`
// readers, where it means "off". Throws Error("bad_config").
class Config {
 public:
  // `where` is how messages name this object, such as "config.json" or "config.json: text_config".
  Config(const Json& json, std::string where);

  bool has(const std::string& key) const;
  int integer(const std::string& key) const;
  int integer(const std::string& key, int fallback) const;
  // The same, and 0 is an error.
  int positive(const std::string& key) const;
  int positive(const std::string& key, int fallback) const;
  double number(const std::string& key, double fallback) const;
  bool flag(const std::string& key, bool fallback) const;
  std::string text(const std::string& key, const std::string& fallback) const;
  // nullopt for null; the fallback where the field is absent.
  std::optional<double> optional_number(const std::string& key, std::optional<double> fallback) const;
  std::optional<int> optional_integer(const std::string& key, std::optional<int> fallback) const;
  // Empty where absent or null.
  std::vector<std::string> texts(const std::string& key) const;
  // A list of numbers, or one number as a list of one. Empty where absent or null.
  std::vector<double> numbers(const std::string& key) const;
  // nullopt where absent or null.
  std::optional<Config> object(const std::string& key) const;

  const Json& json() const { return *json_; }
  const std::string& where() const { return where_; }

 private:
  const Json* present(const std::string& key) const;  // neither absent nor null

  const Json* json_;
  std::string where_;
};

// For messages and reports, such as "4-bit" or "mxfp4".
std::string name_of(const Quantization& quantization);

}  // namespace tether
