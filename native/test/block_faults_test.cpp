// Tests the block store against what goes wrong around it: files that are damaged, foreign or gone, a disk that is full
// for a while, memory that others need.
#include <sys/stat.h>
#include <utime.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "engine/cache/block_store.h"
#include "engine/cache/record_file.h"
#include "test/blocks.h"

using namespace tether;
namespace fs = std::filesystem;

namespace {

// Tokens that no other seed's begin with.
std::vector<int32_t> tokens_of(int count, int seed) {
  std::mt19937 random(static_cast<unsigned>(seed));
  std::vector<int32_t> tokens{seed % 90, seed / 90 % 90};
  while (static_cast<int>(tokens.size()) < count) tokens.push_back(static_cast<int32_t>(random() % 90));
  return tokens;
}

void remember_on_disk(const Folder& folder, const Windows& windows, const std::vector<int32_t>& prompt) {
  Fixture fixture(false, windows, 0, {.root = folder.path()});
  ask_for(fixture, prompt, 5, "what goes to the disk");
  fixture.flush();
}

// The file of the whole block that begins at `begin`.
fs::path file_of(const Folder& folder, int begin, const std::string& ending) {
  for (const auto& file : folder.files(ending)) {
    FoundRecord found;
    if (find_record(file, found) == ReadResult::whole && found.header.begin == begin &&
        found.header.tokens.size() == kBlock)
      return file;
  }
  fail("there is a file of the block at " + std::to_string(begin));
  return {};
}

void flip_last_byte(const fs::path& path) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(-1, std::ios::end);
  auto byte = static_cast<char>(static_cast<unsigned>(file.get()) ^ 1U);
  file.seekp(-1, std::ios::end);
  file.put(byte);
}

// A request that was planned with a record which turns out to be damaged, and that is cancelled at any moment after.
void cancelled_after_damage() {
  auto prompt = tokens_of(300, 1);
  for (int passes = 0; passes < 24; passes++) {
    Folder folder;
    remember_on_disk(folder, 0, prompt);
    flip_last_byte(file_of(folder, 2 * kBlock, ".full"));
    auto what = "damaged and cancelled after " + std::to_string(passes) + " passes";
    Fixture fixture(false, 0, 0, {.root = folder.path()});
    Got got;
    fixture.start(got, ask(prompt, 5));
    for (int i = 0; i < passes; i++) fixture.batch.pass();
    *got.cancelled = true;
    fixture.run();
    ask_for(fixture, prompt, 5, what);
    fixture.flush();
    check(ask_for(fixture, prompt, 5, what) >= 280, what + ": what was damaged is kept again");
  }
}

// One record is damaged or gone, whichever.
void any_record() {
  auto prompt = tokens_of(200, 5);
  for (const auto& windows : {Windows{0}, Windows{40}, Windows{0, 40}}) {
    Folder all;
    remember_on_disk(all, windows, prompt);
    for (const auto& file : all.files()) {
      for (bool damaged : {false, true}) {
        Folder folder;
        fs::copy(all.path(), folder.path(), fs::copy_options::recursive);
        Fixture fixture(false, windows, 0, {.root = folder.path()});
        // The folder is read before that.
        ask_for(fixture, {1, 2, 3}, 2, "another prompt");
        auto copy = folder.path() / fs::relative(file, all.path());
        if (damaged)
          flip_last_byte(copy);
        else
          fs::remove(copy);
        ask_for(fixture, joined(prompt, {7, 7}), 5, copy.filename().string() + (damaged ? " damaged" : " gone"));
      }
    }
  }
}

// The store reaches a few tokens further than the sequence that a request starts from, which is cancelled at once.
void cancelled_behind_the_store() {
  Folder folder;
  auto prompt = tokens_of(340, 2);
  remember_on_disk(folder, 0, prompt);
  for (int shared = 329; shared < 338; shared++) {
    Fixture fixture(false, 0, 0, {.root = folder.path()});
    auto other = prompt;
    other.resize(static_cast<size_t>(shared));
    auto what = "cancelled behind the store at " + std::to_string(shared);
    ask_for(fixture, joined(other, {95, 94, 93}), 5, what);
    Got got;
    fixture.start(got, ask(prompt, 5));
    *got.cancelled = true;
    fixture.run();
    ask_for(fixture, prompt, 5, what);
  }
}

// Whether `work` ends within some seconds.
bool ends(const std::function<void()>& work) {
  auto done = std::make_shared<std::atomic<bool>>(false);
  std::thread([work, done] {
    work();
    *done = true;
  }).detach();
  for (int i = 0; i < 500 && !*done; i++) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return *done;
}

// What lies in the folder under the name of a record, and is none.
void foreign_files() {
  Folder folder;
  fs::create_directories(folder.path());
  Key key{1, 2};
  auto path = folder.path() / record_name(key, Kind::full);
  RecordHeader header;
  header.key = key;
  header.tokens = {1, 2, 3};
  auto no_place = [](uint64_t) -> std::byte* { return nullptr; };

  ::mkfifo(path.c_str(), 0600);
  check(ends([=] { touch_record(path, 1); }), "a pipe with a record's name does not hold a touch");
  check(ends([=] {
          try {
            read_record(path.parent_path(), header, no_place);
          } catch (const std::system_error&) {
            return;
          }
        }),
        "a pipe with a record's name does not hold a read");
  fs::remove(path);

  auto foreign = folder.path() / "foreign";
  std::ofstream(foreign) << std::string(200, 'x');
  fs::create_symlink(foreign, path);
  touch_record(path, 7);
  std::ifstream stream(foreign);
  std::string content(std::istreambuf_iterator<char>(stream), {});
  check(content == std::string(200, 'x'), "a file behind a link is not written to");
  fs::remove(path);

  // A file that can be opened but not read. Only Linux has one.
  if (!fs::exists("/proc/self/mem")) return;
  FoundRecord found;
  try {
    check(find_record("/proc/self/mem", found) == ReadResult::missing, "a file that cannot be read is missing");
  } catch (const std::exception& error) {
    fail(std::string("a file that cannot be read ends no thread: ") + error.what());
  }
}

// A record of a later tether stays, though this one would write to the same name.
void newer_version() {
  Folder folder;
  auto prompt = tokens_of(100, 3);
  remember_on_disk(folder, 0, prompt);
  auto path = file_of(folder, kBlock, ".full");
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(8);
    file.put(9);
  }
  auto read = [&] {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  auto before = read();
  for (int round = 0; round < 2; round++) {
    Fixture fixture(false, 0, 0, {.root = folder.path()});
    ask_for(fixture, joined(prompt, {7, 7}), 5, "beside a newer version");
    fixture.flush();
    check(fs::exists(path) && read() == before, "a record of a newer version is left alone");
  }
}

// What could not be written for a while is written with the next turn.
void written_later() {
  Folder folder;
  auto prompt = tokens_of(200, 50);
  {
    std::ofstream(folder.path()) << "a file where the folder should be";
    Fixture fixture(false, {0, 40}, 0, {.root = folder.path(), .retry = std::chrono::seconds(0)});
    ask_for(fixture, prompt, 2, "a disk that cannot be written to");
    fixture.flush();
    check(fixture.stats().notices.size() == 1, "a fault of the disk is said once");
    fs::remove(folder.path());
    ask_for(fixture, prompt, 2, "a disk that can be written to again");
    fixture.flush();
    fs::remove_all(folder.path());
    for (int turn = 0; turn < 3; turn++) {
      ask_for(fixture, joined(prompt, {1, 2, 3, turn}), 2, "a folder that was removed");
      fixture.flush();
    }
    check(fixture.stats().notices.size() == 1, "the same fault is not said again");
  }
  Fixture fixture(false, {0, 40}, 0, {.root = folder.path()});
  int reused = ask_for(fixture, prompt, 2, "after a restart");
  check(reused >= 190, "what could not be written is written later: " + std::to_string(reused));
}

// What is evicted from a full disk is never what a record that is being written needs.
void both_kinds_on_a_small_disk() {
  for (uint64_t cap : {2'000, 3'000, 4'000, 6'000, 9'000}) {
    Folder folder;
    auto what = "a disk of " + std::to_string(cap);
    for (int round = 0; round < 3; round++) {
      Fixture fixture(false, {0, 0, 40}, 0, {.root = folder.path(), .cap = cap});
      for (int i = 0; i < 6; i++) ask_for(fixture, tokens_of(200, 20 + i), 5, what);
      fixture.flush();
      for (const auto& file : folder.files(".sliding")) {
        auto full = file;
        full.replace_extension(".full");
        check(fs::exists(full), what + ": a record of sliding layers lies beside that of the others");
      }
    }
  }
}

// The end of a prompt that found no room on the disk, and stays in memory, does not keep the rest there for good.
void newest_on_disk() {
  Folder folder;
  {
    Fixture fixture(false, 0, 0, {.root = folder.path(), .cap = 3'000}, 500'000);
    for (int i = 0; i < 8; i++) ask_for(fixture, tokens_of(300, 80 + i), 2, "more than the disk holds");
    fixture.flush();
  }
  Fixture fixture(false, 0, 0, {.root = folder.path(), .cap = 3'000});
  check(ask_for(fixture, tokens_of(300, 87), 2, "the newest") >= 4 * kBlock, "the newest prompt is on the disk");
}

// Requests reserve memory that kept prefixes have to give back, whoever else runs.
void memory_for_others() {
  constexpr uint64_t kCap = 6'000;
  Fixture fixture(false, 0, kCap, {}, 4'000);
  auto long_lived = tokens_of(200, 30);
  ask_for(fixture, long_lived, 2, "a prompt that is kept");
  Got first;
  fixture.start(first, ask(joined(long_lived, {1, 2, 3}), 100));
  for (int i = 0; i < 20; i++) fixture.batch.pass();
  Got second;
  check(fixture.start(second, ask(tokens_of(300, 31), 50)), "a second request fits");
  check(fixture.batch.reserved_bytes() <= kCap,
        "prefixes give way to requests: " + std::to_string(fixture.batch.reserved_bytes()));
  fixture.run();
  check(first.tokens == answer(joined(long_lived, {1, 2, 3}), 100), "the first answer is right");
  check(second.tokens == answer(tokens_of(300, 31), 50), "the second answer is right");
}

// Another model's records from the future do not push out this one's.
void clocks() {
  Folder folder;
  auto prompt = tokens_of(200, 40);
  remember_on_disk(folder, 0, prompt);
  auto other = folder.path() / to_hex(Key{7, 7});
  fs::create_directories(other);
  auto stamp = [](const fs::path& file, time_t time) {
    struct utimbuf times{time, time};
    ::utime(file.c_str(), &times);
  };
  auto foreign = other / record_name(Key{8, 8}, Kind::full);
  std::ofstream(foreign) << std::string(20'000, 'x');
  stamp(foreign, 4'000'000'000);
  for (const auto& file : folder.files(".full"))
    if (file != foreign) stamp(file, 0);
  Fixture fixture(false, 0, 0, {.root = folder.path(), .cap = 25'000});
  check(ask_for(fixture, prompt, 5, "files of 1970") >= 190, "files of 1970 are used");
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  for (int i = 0; i < 8; i++) ask_for(fixture, tokens_of(200, 41 + i), 5, "beside a file of the future");
  fixture.flush();
  uint64_t bytes = 0;
  for (const auto& file : folder.files()) bytes += fs::file_size(file);
  check(bytes <= 25'000, "the cap holds beside a file of the future");
  check(folder.files(".full").size() > 10 && !fs::exists(foreign), "a file of the future does not push out all others");
}

// What continues a block that is gone counts, and makes room, also while it may be of use to another process.
void orphans_under_a_smaller_cap() {
  Folder folder;
  remember_on_disk(folder, 0, tokens_of(350, 90));
  fs::remove(file_of(folder, 0, ".full"));
  {
    Fixture fixture(false, 0, 0, {.root = folder.path()});
    ask_for(fixture, {1, 2, 3}, 1, "beside orphans");
    fixture.flush();
    check(folder.files(".full").size() > 20, "what continues a block that is gone stays for a while");
  }
  auto prompt = tokens_of(100, 91);
  Fixture fixture(false, 0, 0, {.root = folder.path(), .cap = 2'500});
  ask_for(fixture, prompt, 2, "beside orphans");
  fixture.flush();
  uint64_t bytes = 0;
  for (const auto& file : folder.files()) bytes += fs::file_size(file);
  check(bytes <= 2'500, "the cap holds beside orphans: " + std::to_string(bytes));
  Fixture later(false, 0, 0, {.root = folder.path(), .cap = 2'500});
  check(ask_for(later, prompt, 2, "after orphans") >= 96, "orphans give way to what is new");
}

// A folder that others use as well keeps its permissions.
void shared_folder() {
  Folder folder;
  fs::create_directories(folder.path());
  fs::permissions(folder.path(), fs::perms::all);
  remember_on_disk(folder, 0, tokens_of(100, 60));
  check(fs::status(folder.path()).permissions() == fs::perms::all, "a folder that was there keeps its permissions");
  for (const auto& entry : fs::directory_iterator(folder.path()))
    check(fs::status(entry).permissions() == fs::perms::owner_all, "a model's folder is its owner's alone");
}

// Files of blocks of another size, from a start at which other chunks were faster, are still found to their end.
void other_blocks() {
  Folder folder;
  auto shared = tokens_of(40, 70);
  auto first = joined(shared, tokens_of(300, 71));
  auto second = joined(shared, tokens_of(300, 72));
  {
    Fixture fixture(false, {0, 6}, 0, {.root = folder.path()});
    ask_for(fixture, first, 5, "blocks of one size");
    fixture.flush();
  }
  {
    Fixture fixture(false, {0, 6}, 0, {.root = folder.path()}, 1U << 20U, 2 * kBlock);
    ask_for(fixture, second, 5, "blocks of another size");
    check(ask_for(fixture, joined(first, {1}), 5, "blocks of another size") >= 300, "longer blocks find shorter ones");
    fixture.flush();
  }
  Fixture fixture(false, {0, 6}, 0, {.root = folder.path()});
  check(ask_for(fixture, joined(first, {1}), 5, "blocks of both") >= 300, "a chain is found beside longer blocks");
  check(ask_for(fixture, joined(second, {1}), 5, "blocks of both") >= 300, "shorter blocks find longer ones");
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::pair<std::string, void (*)()>> tests{
      {"cancelled_after_damage", cancelled_after_damage},
      {"any_record", any_record},
      {"cancelled_behind_the_store", cancelled_behind_the_store},
      {"foreign_files", foreign_files},
      {"newer_version", newer_version},
      {"written_later", written_later},
      {"both_kinds_on_a_small_disk", both_kinds_on_a_small_disk},
      {"newest_on_disk", newest_on_disk},
      {"memory_for_others", memory_for_others},
      {"clocks", clocks},
      {"orphans_under_a_smaller_cap", orphans_under_a_smaller_cap},
      {"shared_folder", shared_folder},
      {"other_blocks", other_blocks},
  };
  for (const auto& [name, test] : tests)
    if (argc < 2 || name == argv[1]) test();
  return result();
}
