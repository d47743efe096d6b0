// Random timelines over the block store: whatever happened before, each answer is right, each token of a prompt is
// either computed or reused, and the caps hold.
//
//   block_timeline_test [seeds] [first seed]
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <list>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/cache/record_file.h"
#include "test/blocks.h"

using namespace tether;
namespace fs = std::filesystem;

namespace {

constexpr int kOperations = 200;
constexpr int kLongest = 200;

class Timeline {
 public:
  explicit Timeline(unsigned seed) : random_(seed), name_("seed " + std::to_string(seed)) {
    windows_ = pick<Windows>({0, 40, {0, 6}, {0, 40}, {0, 6, 40}, {0, 100}});
    start(false);
  }

  void run() {
    for (at_ = 0; at_ < kOperations; at_++) step();
    settle();
  }

 private:
  struct Request {
    Got got;
    std::vector<int32_t> prompt;
    int count;
  };

  int below(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }
  template <typename T>
  T pick(const std::vector<T>& from) {
    return from[static_cast<size_t>(below(static_cast<int>(from.size())))];
  }
  std::string what(const std::string& about) const {
    return name_ + ", operation " + std::to_string(at_) + ": " + about;
  }

  void start(bool same_caps) {
    if (!same_caps) {
      memory_ = pick<uint64_t>({1'500, 5'000, 30'000, 400'000});
      cap_ = pick<uint64_t>({2'500, 8'000, 30'000, 1'000'000});
    }
    DiskOptions disk{.root = folder_.path(), .cap = cap_, .retry = std::chrono::seconds(0)};
    bool ahead = below(2) == 0;
    // Now and then one without files, whose blocks only memory has.
    if (below(12) == 0) disk.root.clear();
    has_disk_ = !disk.root.empty();
    fixture_ = std::make_unique<Fixture>(ahead, windows_, 0, std::move(disk), memory_);
  }

  // The end of a conversation, or of a part of one, with something new after it.
  std::vector<int32_t> prompt() {
    std::vector<int32_t> tokens;
    int kind = below(10);
    if (!told_.empty() && kind > 1) tokens = pick(told_);
    if (kind > 6 && !tokens.empty()) tokens.resize(1 + static_cast<size_t>(below(static_cast<int>(tokens.size()))));
    int room = kLongest - static_cast<int>(tokens.size());
    int more = std::min(room, kind == 2 ? 0 : 1 + below(kind < 2 ? 120 : 40));
    for (int i = 0; i < more; i++) tokens.push_back(below(90));
    if (tokens.size() > kLongest) tokens.resize(kLongest);
    if (tokens.empty()) tokens.push_back(1);
    return tokens;
  }

  Request& ask_one(std::list<Request>& requests) {
    auto& request = requests.emplace_back();
    request.prompt = prompt();
    request.count = 1 + below(12);
    fixture_->start(request.got, ask(request.prompt, request.count));
    return request;
  }

  void check_all(const std::list<Request>& requests) {
    for (const auto& [got, prompt, count] : requests) {
      auto right = answer(prompt, count);
      right.resize(std::min(right.size(), got.tokens.size()));
      check(got.tokens == right, what("the answer is right"));
      const auto* finish = got.finish();
      check(finish != nullptr, what("a request ends once: " + (got.failure() ? got.failure()->message : "")));
      if (!finish) continue;
      if (finish->reason != FinishReason::cancelled) {
        check(static_cast<int>(got.tokens.size()) == count, what("an answer is whole"));
        check(finish->cached_tokens + finish->computed_tokens == static_cast<int>(prompt.size()),
              what("each token was either computed or reused"));
        told_.push_back(joined(prompt, got.tokens));
      } else {
        told_.push_back(prompt);
      }
      if (told_.size() > 12) told_.erase(told_.begin());
    }
    // What a start needs next is read in any case, also for one that was cancelled since.
    if (fixture_->prefix_bytes() > memory_) fixture_->flush();
    check(fixture_->prefix_bytes() <= memory_,
          what("the cap of memory holds: " + std::to_string(fixture_->prefix_bytes()) + " of " +
               std::to_string(memory_)));
  }

  void generate(int most, bool cancels) {
    std::list<Request> requests;
    int count = 1 + below(most);
    for (int i = 0; i < count; i++) {
      ask_one(requests);
      for (int passes = below(6); passes > 0; passes--) fixture_->batch.pass();
    }
    if (cancels) {
      for (int passes = below(12); passes > 0; passes--) fixture_->batch.pass();
      for (auto& request : requests)
        if (below(2) == 0) *request.got.cancelled = true;
    }
    fixture_->run();
    check_all(requests);
  }

  // Files come and go meanwhile.
  std::vector<fs::path> some_files() const {
    std::vector<fs::path> files;
    std::error_code ignored;
    fs::directory_iterator place(folder_.path() / to_hex(Key{1, 2}), ignored);
    for (; !ignored && place != fs::directory_iterator(); place.increment(ignored)) files.push_back(place->path());
    return files;
  }

  void damage() {
    auto files = some_files();
    if (files.empty()) return;
    std::ranges::sort(files);
    auto file = pick(files);
    std::error_code ignored;
    auto bytes = fs::file_size(file, ignored);
    if (ignored) return;
    auto size = static_cast<int>(bytes);
    int kind = below(3);
    if (kind == 0 || size == 0) {
      fs::remove(file, ignored);
    } else if (kind == 1) {
      fs::resize_file(file, static_cast<uintmax_t>(below(size)), ignored);
    } else {
      std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
      int place = below(size);
      stream.seekg(place);
      auto byte = static_cast<unsigned char>(stream.get());
      stream.seekp(place);
      stream.put(static_cast<char>(byte ^ (1U << static_cast<unsigned>(below(8)))));
    }
  }

  void clear() {
    std::error_code ignored;
    if (below(2) == 0) {
      // It may be written to meanwhile.
      fs::remove_all(folder_.path(), ignored);
      return;
    }
    for (const auto& file : some_files()) fs::remove(file, ignored);
  }

  void step() {
    int kind = below(20);
    if (kind < 8) generate(1, false);
    if (kind == 8 || kind == 9) generate(4, false);
    if (kind == 10 || kind == 11) generate(3, true);
    if (kind == 12) fixture_->flush();
    if (kind == 13) settle();
    if (kind == 14 || kind == 15) start(true);  // what is not written yet is lost
    if (kind == 16) start(false);
    if (kind == 17 || kind == 18) damage();
    if (kind == 19 && below(3) == 0) clear();
  }

  // Files that are no records, and what a killed process leaves.
  void settle() {
    fixture_->flush();
    fixture_.reset();
    auto model = folder_.path() / to_hex(Key{1, 2});
    fs::create_directories(model);
    std::ofstream(model / ".tmp-999999999-1-0") << "half of a file";
    start(true);
    std::list<Request> requests;
    ask_one(requests);
    fixture_->run();
    check_all(requests);
    fixture_->flush();
    if (!has_disk_) return;
    uint64_t bytes = 0;
    for (const auto& file : folder_.files()) {
      auto name = file.filename().string();
      check(parse_record_name(name).has_value(), what("no file but records is left: " + name));
      // One bit more, and a file is of another version: it is neither deleted nor counted.
      if (!is_of_another_version(file)) bytes += fs::file_size(file);
    }
    check(bytes <= cap_, what("the cap of the disk holds: " + std::to_string(bytes) + " of " + std::to_string(cap_)));
    check(fixture_->stats().disk_bytes >= bytes, what("all files are counted"));
  }

  std::mt19937 random_;
  std::string name_;
  int at_ = 0;
  Folder folder_;
  Windows windows_{0};
  uint64_t memory_ = 0;
  uint64_t cap_ = 0;
  bool has_disk_ = true;
  std::vector<std::vector<int32_t>> told_;
  std::unique_ptr<Fixture> fixture_;
};

}  // namespace

int main(int argc, char** argv) {
  auto number = [&](int at, int otherwise) { return argc > at ? std::stoi(argv[at]) : otherwise; };
  int seeds = number(1, 15);
  int first = number(2, 1);
  for (int seed = first; seed < first + seeds; seed++) Timeline(static_cast<unsigned>(seed)).run();
  return result();
}
