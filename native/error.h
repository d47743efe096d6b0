// The one exception that tether throws on purpose: a message for people and a code for programs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace tether {

// `code` is one of src/errors.ts, such as "bad_weights". `what()` says in one sentence what is wrong, where, and what
// to do.
class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}

  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

// A size for messages, such as "1.4 MB" or "18.0 GB": in powers of 1000, as --memory-cap reads them.
inline std::string show_size(uint64_t bytes) {
  constexpr std::array kUnits{" KB", " MB", " GB"};
  size_t unit = 0;
  uint64_t size = 1000;
  for (; unit + 1 < kUnits.size() && bytes >= size * 1000; unit++) size *= 1000;
  uint64_t tenths = bytes * 10 / size;
  auto whole = std::to_string(tenths / 10);
  return (tenths < 1000 ? whole + "." + std::to_string(tenths % 10) : whole) + kUnits.at(unit);
}

}  // namespace tether
