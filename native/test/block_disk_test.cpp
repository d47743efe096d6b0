// Tests the block store on disks that are full, cannot be written to, are shared or hold strange things.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/cache/record_file.h"
#include "test/blocks.h"

using namespace tether;
namespace fs = std::filesystem;

namespace {

constexpr auto kNow = std::chrono::seconds(0);

// Tokens that no other seed's begin with.
std::vector<int32_t> tokens_of(int count, int seed) {
  auto tokens = some_tokens(count, seed);
  tokens[0] = seed;
  return tokens;
}

uint64_t bytes_in(const Folder& folder) {
  uint64_t bytes = 0;
  for (const auto& file : folder.files()) bytes += fs::file_size(file);
  return bytes;
}

fs::path model_folder(const Folder& folder) { return folder.path() / to_hex(Key{1, 2}); }

void keep(const Folder& folder, const std::vector<int32_t>& prompt, std::optional<uint64_t> cap = std::nullopt) {
  Fixture fixture(false, 0, 0, {.root = folder.path(), .cap = cap});
  ask_for(fixture, prompt, 2, "what goes to the disk");
  fixture.flush();
}

int kept(const Folder& folder, const std::vector<int32_t>& prompt) {
  Fixture fixture(false, 0, 0, {.root = folder.path()});
  return ask_for(fixture, prompt, 2, "after a restart");
}

// While it lives no file of this process can be longer.
class ShortFiles {
 public:
  explicit ShortFiles(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit less{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &less);
  }
  ~ShortFiles() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  ShortFiles(const ShortFiles&) = delete;
  ShortFiles& operator=(const ShortFiles&) = delete;

 private:
  rlimit before_{};
};

// Writes end in the middle of a file.
void no_room() {
  Folder folder;
  auto prompt = tokens_of(200, 1);
  Fixture fixture(false, {0, 40}, 0, {.root = folder.path(), .retry = kNow});
  {
    ShortFiles limit(200);
    for (int turn = 0; turn < 3; turn++) {
      ask_for(fixture, joined(prompt, {turn}), 2, "a disk without room");
      fixture.flush();
    }
    check(fixture.stats().notices.size() == 1, "want of room is said once");
    for (const auto& file : folder.files())
      check(file.filename().string().find(".tmp") == std::string::npos, "no half of a file is left");
  }
  ask_for(fixture, prompt, 2, "a disk with room again");
  fixture.flush();
  Fixture later(false, {0, 40}, 0, {.root = folder.path()});
  check(ask_for(later, prompt, 2, "after a restart") >= 190, "what found no room is written later");
}

// Gives up the right to write everywhere while it lives: root has it.
class Unprivileged {
 public:
  explicit Unprivileged(const Folder& folder) : root_(::geteuid() == 0) {
    constexpr uid_t kNobody = 65534;
    for (const auto& file : folder.files())
      if (root_ && ::chown(file.c_str(), kNobody, kNobody) != 0) fail("chown");
    if (root_ && ::seteuid(kNobody) != 0) fail("seteuid");
  }
  ~Unprivileged() {
    if (root_ && ::seteuid(0) != 0) std::abort();
  }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;

 private:
  bool root_;
};

void read_only() {
  Folder folder;
  auto prompt = tokens_of(200, 2);
  keep(folder, prompt);
  auto files = folder.files().size();
  // Read by everyone, written by nobody.
  for (const auto& place : {folder.path(), model_folder(folder)}) fs::permissions(place, static_cast<fs::perms>(0555));
  {
    Unprivileged guard(folder);
    Fixture fixture(false, 0, 0, {.root = folder.path(), .cap = 6'000, .retry = kNow});
    check(ask_for(fixture, prompt, 2, "a folder that is only read") >= 190, "a folder that is only read is read");
    for (int turn = 0; turn < 3; turn++) ask_for(fixture, tokens_of(200, 3 + turn), 2, "a folder that is only read");
    fixture.flush();
    check(fixture.stats().notices.size() <= 1, "that a folder cannot be written to is said once");
  }
  for (const auto& place : {folder.path(), model_folder(folder)}) fs::permissions(place, fs::perms::owner_all);
  check(folder.files().size() == files, "nothing in it changes");
}

void too_long_a_path() {
  for (const auto& name : {std::string(300, 'x'), std::string(5000, 'y')}) {
    Folder folder;
    Fixture fixture(false, {0, 40}, 0, {.root = folder.path() / name, .retry = kNow});
    for (int turn = 0; turn < 3; turn++) ask_for(fixture, tokens_of(200, 6 + turn), 2, "a path that is too long");
    check(ask_for(fixture, tokens_of(200, 6), 2, "a path that is too long") >= 190, "memory is used all the same");
    fixture.flush();
    check(fixture.stats().notices.size() == 1, "a path that is too long is said once");
  }
}

// Another thing has the name of a record: that one is not kept, all others are.
void folder_with_a_records_name() {
  for (const char* content : {"", "file"}) {
    Folder folder;
    auto prompt = tokens_of(200, 10);
    keep(folder, prompt);
    fs::path place;
    for (const auto& file : folder.files(".full")) {
      FoundRecord found;
      if (find_record(file, found) == ReadResult::whole && found.header.begin == 4 * kBlock) place = file;
    }
    fs::remove(place);
    fs::create_directory(place);
    if (*content) std::ofstream(place / content) << content;
    Fixture fixture(false, 0, 0, {.root = folder.path()});
    ask_for(fixture, prompt, 2, "beside a folder");
    ask_for(fixture, tokens_of(200, 11), 2, "beside a folder");
    fixture.flush();
    check(fs::is_directory(place), "a folder with a record's name stays");
    check(fixture.stats().notices.empty(), "it is no fault of the disk");
    check(kept(folder, prompt) == 4 * kBlock, "what is before it is found");
    check(kept(folder, tokens_of(200, 11)) >= 190, "other prompts are written");
  }
}

// Two that write see each other's files after some seconds.
void two_writers() {
  constexpr uint64_t kCap = 15'000;
  Folder folder;
  Fixture one(false, 0, 0, {.root = folder.path(), .cap = kCap});
  Fixture two(false, 0, 0, {.root = folder.path(), .cap = kCap});
  auto write = [&](int seed) {
    ask_for(one, tokens_of(200, seed), 2, "the first writer");
    one.flush();
    ask_for(two, tokens_of(200, seed + 1), 2, "the second writer");
    two.flush();
  };
  for (int i = 0; i < 10; i++) write(20 + 2 * i);
  check(bytes_in(folder) <= 2 * kCap, "meanwhile each of two writers keeps the cap");
  std::this_thread::sleep_for(std::chrono::milliseconds(5100));
  write(50);
  check(bytes_in(folder) <= kCap, "two writers keep one cap: " + std::to_string(bytes_in(folder)));
  check(bytes_in(folder) > kCap / 4, "they keep something");
  ask_for(two, tokens_of(200, 50), 2, "what the other wrote last");
}

// What a later tether has written is not deleted for want of room either, and does not count.
void newer_version_on_a_small_disk() {
  constexpr uint64_t kCap = 4'000;
  Folder folder;
  std::vector<fs::path> newer;
  for (const auto& place : {model_folder(folder), folder.path() / to_hex(Key{7, 7})}) {
    fs::create_directories(place);
    for (uint64_t i = 0; i < 10; i++) {
      newer.push_back(place / record_name(Key{100 + i, 5}, Kind::full));
      std::ofstream(newer.back()) << "tetherKV\x09" << std::string(3, '\0') << std::string(2'000, 'x');
    }
  }
  auto prompt = tokens_of(100, 60);
  Fixture fixture(false, 0, 0, {.root = folder.path(), .cap = kCap});
  for (int i = 1; i < 5; i++) ask_for(fixture, tokens_of(200, 60 + i), 2, "beside a newer version");
  fixture.flush();
  std::this_thread::sleep_for(std::chrono::milliseconds(5100));
  ask_for(fixture, prompt, 2, "beside a newer version");
  fixture.flush();
  for (const auto& file : newer) check(fs::exists(file), "records of a newer version are not deleted for want of room");
  check(bytes_in(folder) - uint64_t{20} * 2'012 <= kCap, "the cap holds beside them");
  check(kept(folder, prompt) >= 96, "they do not keep others from being written");
}

// Files of a time to come, from before the clock was set right, go like any others.
void files_of_the_future() {
  Folder folder;
  auto old = tokens_of(200, 70);
  keep(folder, old);
  for (const auto& file : folder.files()) {
    utimbuf times{.actime = 4'000'000'000, .modtime = 4'000'000'000};
    ::utime(file.c_str(), &times);
  }
  check(kept(folder, old) >= 190, "files of the future are used");
  for (const auto& file : folder.files()) {
    utimbuf times{.actime = 4'000'000'000, .modtime = 4'000'000'000};
    ::utime(file.c_str(), &times);
  }
  auto prompt = tokens_of(200, 77);
  {
    Fixture fixture(false, 0, 0, {.root = folder.path(), .cap = 5'000});
    for (int i = 1; i < 8; i++) ask_for(fixture, tokens_of(200, 70 + i), 2, "beside files of the future");
    fixture.flush();
    check(bytes_in(folder) <= 5'000, "the cap holds beside files of the future");
  }
  check(kept(folder, prompt) >= 190, "files of the future do not push out what is new");
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::pair<std::string, void (*)()>> tests{
      {"no_room", no_room},
      {"read_only", read_only},
      {"too_long_a_path", too_long_a_path},
      {"folder_with_a_records_name", folder_with_a_records_name},
      {"two_writers", two_writers},
      {"newer_version_on_a_small_disk", newer_version_on_a_small_disk},
      {"files_of_the_future", files_of_the_future},
  };
  for (const auto& [name, test] : tests)
    if (argc < 2 || name == argv[1]) test();
  return result();
}
