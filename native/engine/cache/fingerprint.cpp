// What makes the keys and values of equal tokens equal: the checkpoint and how it is computed.
#include "engine/cache/fingerprint.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <span>
#include <system_error>

namespace tether {
namespace {

// Bytes between two samples of a file, and of a sample. Few tensors that matter are smaller than a step.
constexpr uint64_t kLeastStep = uint64_t{1} << 20U;
constexpr uint64_t kMostSamples = 4096;
constexpr size_t kSample = 1024;

void write(const Json& json, std::string& text) {
  if (const auto* object = std::get_if<Json::Object>(&json.value)) {
    text += '{';
    for (const auto& [name, member] : *object) {
      text += std::to_string(name.size()) + ':' + name;
      write(member, text);
    }
    text += '}';
  } else if (const auto* array = std::get_if<Json::Array>(&json.value)) {
    text += '[';
    for (const auto& item : *array) write(item, text);
    text += ']';
  } else if (const auto* string = std::get_if<std::string>(&json.value)) {
    text += 's' + std::to_string(string->size()) + ':' + *string;
  } else if (const auto* number = std::get_if<double>(&json.value)) {
    std::array<char, 32> digits{};
    std::snprintf(digits.data(), digits.size(), "n%.17g", *number);
    text += digits.data();
  } else if (const auto* truth = std::get_if<bool>(&json.value)) {
    text += *truth ? 't' : 'f';
  } else {
    text += '0';
  }
}

void sample(const std::string& path, std::string& text) {
  std::error_code failed;
  auto size = std::filesystem::file_size(path, failed);
  text += "file" + std::to_string(failed ? 0 : size);
  std::ifstream file(path, std::ios::binary);
  if (failed || !file) return;
  auto step = std::max<uint64_t>(kLeastStep, size / kMostSamples);
  std::array<char, kSample> bytes{};
  // The last sample ends where the file does.
  for (uint64_t at = 0; at < size; at += step) {
    if (at + step >= size && size > kSample) at = size - kSample;
    file.seekg(static_cast<std::streamoff>(at));
    file.read(bytes.data(), bytes.size());
    text.append(bytes.data(), static_cast<size_t>(std::max<std::streamsize>(0, file.gcount())));
    file.clear();
  }
}

}  // namespace

Key fingerprint(const Json& config, const std::vector<std::string>& files, const std::string& format) {
  std::string text = format;
  write(config, text);
  auto sorted = files;
  std::ranges::sort(sorted);
  for (const auto& path : sorted) sample(path, text);
  return key_of(text);
}

Key fingerprint(const AdapterSource& adapter) {
  constexpr size_t kPiece = size_t{1} << 20U;
  std::string text = adapter.transposed ? "transposed" : "";
  for (const auto& part : adapter.parts) {
    std::array<char, 32> scale{};
    std::snprintf(scale.data(), scale.size(), " %.9g ", static_cast<double>(part.scale));
    text += part.layer + ' ' + part.a + ' ' + part.b + scale.data();
  }
  std::ifstream file(adapter.file, std::ios::binary);
  std::vector<char> piece(kPiece);
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    auto size = static_cast<size_t>(file.gcount());
    text += std::to_string(checksum(std::as_bytes(std::span(piece).first(size)))) + ' ';
  }
  return key_of(text);
}

}  // namespace tether
