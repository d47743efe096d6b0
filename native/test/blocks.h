// What the tests of the block store share: folders, prompts, and requests whose answers are checked.
#pragma once

#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "test/check.h"
#include "test/sums.h"

namespace tether {

// A folder of its own for each use.
class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() / ("tether-blocks-" + std::to_string(std::random_device{}()))) {}
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::vector<std::filesystem::path> files(const std::string& ending = "") const {
    std::vector<std::filesystem::path> found;
    if (!std::filesystem::exists(path_)) return found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_))
      if (entry.is_regular_file() && entry.path().filename().string().ends_with(ending)) found.push_back(entry.path());
    return found;
  }

 private:
  std::filesystem::path path_;
};

inline std::vector<int32_t> joined(std::vector<int32_t> a, const std::vector<int32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Runs a request. -> tokens that were not computed
inline int ask_for(Fixture& fixture, const std::vector<int32_t>& prompt, int count, const std::string& what) {
  Got got;
  fixture.start(got, ask(prompt, count));
  fixture.run();
  check(got.tokens == answer(prompt, count), what + ": the answer is right");
  if (!got.finish()) return -1;
  check(got.finish()->cached_tokens + got.finish()->computed_tokens == static_cast<int>(prompt.size()),
        what + ": each token of the prompt was either computed or reused");
  return got.finish()->cached_tokens;
}

}  // namespace tether
