// Tests the block store under a batch: what is restored, from memory and from disk, and what faults do to it.
#include "engine/cache/block_store.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "test/blocks.h"

using namespace tether;
namespace fs = std::filesystem;

namespace {

// The same prompts after a restart, at every length around blocks and windows.
void restarts(int window) {
  Folder folder;
  auto name = "window " + std::to_string(window);
  auto prompt = some_tokens(300, 1);
  {
    Fixture fixture(false, window, 0, {.root = folder.path()});
    ask_for(fixture, prompt, 10, name);
    fixture.flush();
  }
  check(!folder.files(".full").empty() || window > 0, name + ": blocks are written");
  check(folder.files().size() > 5, name + ": files are written");
  for (int length : {1, 15, 16, 17, 32, 33, 100, 160, 161, 255, 299, 300}) {
    Fixture fixture(false, window, 0, {.root = folder.path()});
    auto start = prompt;
    start.resize(static_cast<size_t>(length));
    auto other = joined(start, {95, 94, 93, 92, 91});
    auto what = name + ", " + std::to_string(length) + " tokens shared";
    int reused = ask_for(fixture, other, 5, what);
    check(reused <= length, what + ": no more than that is reused");
    if (window == 0) check(reused >= length - 16, what + ": almost all are reused, not " + std::to_string(reused));
    // 16 tokens a block; a window is kept at steps.
    if (window > 0)
      check(reused >= length - 16 - 2 * window, what + ": most are reused, not " + std::to_string(reused));
  }
  Fixture fixture(true, window, 0, {.root = folder.path()});
  auto longer = joined(joined(prompt, answer(prompt, 10)), {1, 2, 3});
  int reused = ask_for(fixture, longer, 5, name);
  check(reused >= 308, name + ": a conversation goes on where it ended: " + std::to_string(reused));
}

// What the disk does to the files between two runs.
void damage(int window) {
  auto name = "damage, window " + std::to_string(window);
  for (int kind = 0; kind < 4; kind++) {
    Folder folder;
    auto prompt = some_tokens(200, 3);
    {
      Fixture fixture(false, window, 0, {.root = folder.path()});
      ask_for(fixture, prompt, 5, name);
      fixture.flush();
    }
    std::mt19937 random(static_cast<unsigned>(kind));
    for (const auto& file : folder.files()) {
      if (random() % 3 != 0) continue;
      auto size = fs::file_size(file);
      if (kind == 0) fs::remove(file);
      if (kind == 1) fs::resize_file(file, size / 2);
      if (kind == 2) {
        std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
        stream.seekp(static_cast<std::streamoff>(size - 1 - random() % (size / 4)));
        stream.put(static_cast<char>(random()));
      }
      if (kind == 3) {
        std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
        stream.seekp(static_cast<std::streamoff>(random() % 80));
        stream.put(static_cast<char>(random()));
      }
    }
    auto what = name + ", kind " + std::to_string(kind);
    Fixture fixture(false, window, 0, {.root = folder.path()});
    ask_for(fixture, joined(prompt, {1, 2, 3}), 20, what);
    ask_for(fixture, joined(prompt, {4, 5}), 20, what);
  }
}

// Sequences are dropped, blocks stay.
void memory(int window) {
  auto name = "memory, window " + std::to_string(window);
  // Room for blocks of a few prompts, and no disk.
  Fixture fixture(false, window, 0, {}, 40'000);
  std::vector<std::vector<int32_t>> prompts;
  for (int i = 0; i < 6; i++) prompts.push_back(joined(some_tokens(100, 1), some_tokens(100, 10 + i)));
  for (const auto& prompt : prompts) ask_for(fixture, prompt, 5, name);
  int reused = 0;
  for (const auto& prompt : prompts) reused += ask_for(fixture, prompt, 5, name);
  check(fixture.prefix_bytes() <= 40'000, name + ": the limit holds");
  check(reused > 500, name + ": prompts are found again: " + std::to_string(reused));
}

void small_disk() {
  Folder folder;
  for (int round = 0; round < 3; round++) {
    Fixture fixture(false, 0, 0, {.root = folder.path(), .cap = 30'000});
    for (int i = 0; i < 12; i++) ask_for(fixture, some_tokens(200, i), 5, "a small disk");
    fixture.flush();
    uint64_t bytes = 0;
    for (const auto& file : folder.files()) bytes += fs::file_size(file);
    check(bytes <= 30'000 && bytes > 10'000, "the cap of the disk holds: " + std::to_string(bytes));
    check(folder.files(".tmp").empty(), "no unfinished file is left");
  }
  // A smaller cap shrinks it at start.
  Fixture fixture(false, 0, 0, {.root = folder.path(), .cap = 10'000});
  fixture.flush();
  uint64_t bytes = 0;
  for (const auto& file : folder.files()) bytes += fs::file_size(file);
  check(bytes <= 10'000, "a smaller cap holds at once: " + std::to_string(bytes));
}

void two_at_once() {
  Folder folder;
  Fixture one(false, 4, 0, {.root = folder.path()});
  Fixture two(true, 4, 0, {.root = folder.path()});
  auto prompt = some_tokens(250, 2);
  ask_for(one, prompt, 5, "the first of two");
  one.flush();
  int reused = ask_for(two, prompt, 5, "the second of two");
  check(reused >= 200, "a process finds what another has written: " + std::to_string(reused));
  // The first one's files go away under its hands.
  two.flush();
  for (const auto& file : folder.files()) fs::remove(file);
  ask_for(one, joined(some_tokens(240, 2), {9, 9}), 5, "after the files are gone");
}

uint64_t bytes_of(const std::vector<fs::path>& files) {
  uint64_t sum = 0;
  for (const auto& file : files) sum += fs::file_size(file);
  return sum;
}

// Of a block that is longer than the window, only what a start needs is kept; another start in it adds what it needs.
void windows_alone() {
  constexpr int kLong = 64;
  constexpr int kShort = 8;
  Folder folder;
  auto long_blocks = [&] {
    return std::make_unique<Fixture>(false, Windows{0, kShort}, 0, DiskOptions{.root = folder.path()},
                                     uint64_t{1} << 20U, kLong);
  };
  auto prompt = some_tokens(300, 1);
  auto one = long_blocks();
  auto two = long_blocks();
  ask_for(*one, prompt, 5, "long blocks");
  one->flush();
  check(ask_for(*two, joined(prompt, {1}), 5, "another process") >= 256, "it starts where the last whole block ends");
  two->flush();
  uint64_t header = 88 + kLong * 4 + 64;
  check(bytes_of(folder.files(".sliding")) <= folder.files(".sliding").size() * (header + uint64_t{2} * kShort * 16),
        "only windows are kept");
  // A fork in the middle of a block, whose record begins too late for it.
  for (int seed : {1, 2}) {
    auto fork = joined(some_tokens(180, 1), some_tokens(40, 10 + seed));
    int reused = ask_for(*one, fork, 5, "a fork");
    check(seed == 1 ? reused >= 128 : reused == 180,
          "the second fork starts where the first did: " + std::to_string(reused));
  }
  one->flush();
  int reused = ask_for(*two, joined(some_tokens(180, 1), {7, 7, 7}), 5, "a record that another process has replaced");
  check(reused >= 128, "it is read: " + std::to_string(reused));
  check(two->stats().damaged == 0, "a replaced record is not taken for a damaged one");
  reused = ask_for(*long_blocks(), joined(some_tokens(180, 1), {8, 8, 8}), 5, "after a restart");
  check(reused == 180, "a fork is found after a restart: " + std::to_string(reused));
}

// Where others are said to part, the first that does starts there, from memory and from the disk.
void named_forks() {
  Folder folder;
  auto open = [&] {
    return std::make_unique<Fixture>(false, Windows{0, 40}, 0, DiskOptions{.root = folder.path()}, uint64_t{1} << 20U,
                                     64);
  };
  auto one = open();
  auto request = ask(some_tokens(390, 1), 2);
  request.forks = {0, 205, 150, 390, 5000};
  Got got;
  one->start(got, request);
  one->run();
  check(got.tokens == answer(some_tokens(390, 1), 2), "chunks that end at forks compute the same");
  int reused = ask_for(*one, joined(some_tokens(150, 1), {5, 5, 5}), 2, "a fork in memory");
  check(reused == 150, "the first prompt that parts starts there: " + std::to_string(reused));
  one->flush();
  reused = ask_for(*open(), joined(some_tokens(205, 1), {6, 6, 6}), 2, "a fork on disk");
  check(reused == 205, "also after a restart: " + std::to_string(reused));
}

// What found no room beside another request is kept when there is room at last.
void room_at_the_end() {
  Fixture fixture(false, 0, 5000, {}, 500'000);
  Got beside;
  Got got;
  fixture.start(beside, ask({1, 2, 3}, 380));
  fixture.start(got, ask(some_tokens(200, 1), 40));
  for (int i = 0; i < 40; i++) fixture.batch.pass();
  check(fixture.stats().memory_bytes < 1000, "there is no room: " + std::to_string(fixture.stats().memory_bytes));
  *beside.cancelled = true;
  fixture.run();
  check(got.finish() && got.finish()->created_tokens == 199, "the prompt is kept");
  check(fixture.stats().memory_bytes >= 1600, "its blocks are: " + std::to_string(fixture.stats().memory_bytes));
}

// Blocks that are only remembered, with those before them.
void what_is_remembered_is_bounded() {
  Fixture fixture(false, 0, 0, {}, 20'000);
  uint64_t most = 0;
  for (int seed = 0; seed < 1200; seed++) {
    std::mt19937 random(static_cast<unsigned>(seed));
    std::vector<int32_t> prompt(200);
    for (auto& token : prompt) token = static_cast<int32_t>(random() % 90);
    ask_for(fixture, prompt, 1, "a prompt of many");
    most = std::max(most, fixture.stats().blocks);
  }
  auto bytes = most * (sizeof(Block) + 16 * sizeof(int32_t));
  check(bytes > 2'000'000 && bytes < 4'500'000, "blocks without records take 4 MB at most: " + std::to_string(bytes));
}

void read_only() {
  Folder folder;
  std::ofstream(folder.path()) << "a file where the folder should be";
  Fixture fixture(false, 0, 0, {.root = folder.path()});
  ask_for(fixture, some_tokens(100, 1), 5, "a folder that cannot be made");
  fixture.flush();
  check(!fixture.stats().notices.empty(), "a folder that cannot be written to is said");
}

void cancelled_while_restoring() {
  Folder folder;
  auto prompt = some_tokens(380, 5);
  {
    Fixture fixture(false, 0, 0, {.root = folder.path()});
    ask_for(fixture, prompt, 5, "before a cancel");
    fixture.flush();
  }
  for (int passes = 0; passes < 6; passes++) {
    Fixture fixture(false, 0, 0, {.root = folder.path()});
    Got got;
    fixture.start(got, ask(prompt, 5));
    for (int i = 0; i < passes; i++) fixture.batch.pass();
    *got.cancelled = true;
    fixture.run();
    check(ask_for(fixture, prompt, 5, "after a cancel") >= 360, "a cancelled restore loses nothing");
  }
}

}  // namespace

int main() {
  for (int window : {0, 4, 15, 16, 17, 40, 100}) {
    restarts(window);
    damage(window);
    memory(window);
  }
  small_disk();
  two_at_once();
  windows_alone();
  named_forks();
  room_at_the_end();
  what_is_remembered_is_bounded();
  read_only();
  cancelled_while_restoring();
  return result();
}
