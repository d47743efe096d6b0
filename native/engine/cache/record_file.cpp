// The file of a record: a header that says what it is, the tokens of its block, and the record's bytes.
#include "engine/cache/record_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <random>
#include <string>
#include <system_error>

namespace tether {
namespace {

constexpr std::array<char, 8> kMagic{'t', 'e', 't', 'h', 'e', 'r', 'K', 'V'};
constexpr uint64_t kAlign = 64;
constexpr const char* kLeftover = ".tmp-";
// No block is as long; a damaged header must not ask for more memory.
constexpr uint32_t kMostTokens = 1U << 20U;

// As it lies in the file: no padding between the fields.
struct Fixed {
  std::array<char, 8> magic = kMagic;
  uint32_t version = kRecordVersion;
  uint32_t kind = 0;
  uint32_t begin = 0;
  uint32_t count = 0;
  uint32_t stored_begin = 0;
  uint32_t hits = 0;
  uint64_t key_high = 0, key_low = 0;
  uint64_t parent_high = 0, parent_low = 0;
  uint64_t bytes = 0;
  uint64_t bytes_sum = 0;
  uint64_t header_sum = 0;
};
static_assert(sizeof(Fixed) == 88);

class File {
 public:
  explicit File(int handle) : handle_(handle) {}
  ~File() {
    if (handle_ >= 0) ::close(handle_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool open() const { return handle_ >= 0; }
  int handle() const { return handle_; }

 private:
  int handle_;
};

[[noreturn]] void failed(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

template <typename T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

// Not a link, and nothing that could hold the caller, such as a pipe: those are not ours.
int open_ours(const std::filesystem::path& path, int flags) {
  int handle = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);  // NOLINT: POSIX's flags are ints
  struct stat status{};
  if (handle < 0 || (::fstat(handle, &status) == 0 && S_ISREG(status.st_mode))) return handle;
  ::close(handle);
  errno = ENOENT;
  return -1;
}

void write_all(int handle, std::span<const std::byte> bytes) {
  // Some systems write no more than 2 GB at a time.
  constexpr size_t kMost = size_t{1} << 28U;
  while (!bytes.empty()) {
    auto written = ::write(handle, bytes.data(), std::min(bytes.size(), kMost));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) failed("write");
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

// -> whether all of it was there.
bool read_all(int handle, std::span<std::byte> bytes, uint64_t at) {
  constexpr size_t kMost = size_t{1} << 28U;
  while (!bytes.empty()) {
    auto got = ::pread(handle, bytes.data(), std::min(bytes.size(), kMost), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) failed("read");
    if (got == 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(got));
    at += static_cast<uint64_t>(got);
  }
  return true;
}

// Over all that must not change: the hits are written in place.
uint64_t header_sum(Fixed fixed, std::span<const int32_t> tokens) {
  fixed.hits = 0;
  fixed.header_sum = checksum(std::as_bytes(tokens));
  return checksum(bytes_of(fixed));
}

uint64_t record_offset(uint64_t count) {
  uint64_t end = sizeof(Fixed) + count * sizeof(int32_t);
  return (end + kAlign - 1) / kAlign * kAlign;
}

// missing: of another version.
ReadResult read_header(int handle, Fixed& fixed, RecordHeader& header) {
  if (!read_all(handle, std::as_writable_bytes(std::span(&fixed, 1)), 0)) return ReadResult::damaged;
  if (fixed.magic != kMagic) return ReadResult::damaged;
  if (fixed.version != kRecordVersion) return ReadResult::missing;
  if (fixed.kind > 1 || fixed.count == 0 || fixed.count > kMostTokens) return ReadResult::damaged;
  header.tokens.resize(fixed.count);
  if (!read_all(handle, std::as_writable_bytes(std::span(header.tokens)), sizeof(Fixed))) return ReadResult::damaged;
  if (header_sum(fixed, header.tokens) != fixed.header_sum) return ReadResult::damaged;
  header.kind = static_cast<Kind>(fixed.kind);
  header.key = {fixed.key_high, fixed.key_low};
  header.parent = {fixed.parent_high, fixed.parent_low};
  header.begin = static_cast<int>(fixed.begin);
  header.stored_begin = static_cast<int>(fixed.stored_begin);
  header.hits = fixed.hits;
  header.bytes = fixed.bytes;
  return ReadResult::whole;
}

// What this process calls its unfinished files: a later process may have the same number.
const std::string& own_leftovers() {
  static const std::string name =
      kLeftover + std::to_string(::getpid()) + "-" + std::to_string(std::random_device{}()) + "-";
  return name;
}

std::filesystem::path temporary(const std::filesystem::path& folder) {
  static std::atomic<uint64_t> next{0};
  return folder / (own_leftovers() + std::to_string(next++));
}

// Whether something has a record's place that is not ours to replace.
bool is_taken(const std::filesystem::path& place) {
  struct stat status{};
  return (::lstat(place.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) || is_of_another_version(place);
}

}  // namespace

std::string record_name(const Key& key, Kind kind) { return to_hex(key) + (kind == Kind::full ? ".full" : ".sliding"); }

std::optional<std::pair<Key, Kind>> parse_record_name(const std::string& name) {
  auto dot = name.find('.');
  if (dot == std::string::npos) return std::nullopt;
  auto key = key_from_hex(std::string_view(name).substr(0, dot));
  auto ending = name.substr(dot);
  if (!key || (ending != ".full" && ending != ".sliding")) return std::nullopt;
  return std::pair{*key, ending == ".full" ? Kind::full : Kind::sliding};
}

bool is_of_another_version(const std::filesystem::path& path) {
  File file(open_ours(path, O_RDONLY));
  Fixed fixed;
  auto start = std::as_writable_bytes(std::span(&fixed, 1)).first(offsetof(Fixed, kind));
  try {
    return file.open() && read_all(file.handle(), start, 0) && fixed.magic == kMagic && fixed.version != kRecordVersion;
  } catch (const std::system_error&) {
    return false;
  }
}

uint64_t record_file_bytes(size_t tokens, uint64_t bytes) { return record_offset(tokens) + bytes; }

bool write_record(const std::filesystem::path& folder, const RecordHeader& header, std::span<const std::byte> bytes) {
  auto place = folder / record_name(header.key, header.kind);
  if (is_taken(place)) return false;
  Fixed fixed;
  fixed.kind = static_cast<uint32_t>(header.kind);
  fixed.begin = static_cast<uint32_t>(header.begin);
  fixed.count = static_cast<uint32_t>(header.tokens.size());
  fixed.stored_begin = static_cast<uint32_t>(header.stored_begin);
  fixed.hits = header.hits;
  fixed.key_high = header.key.high;
  fixed.key_low = header.key.low;
  fixed.parent_high = header.parent.high;
  fixed.parent_low = header.parent.low;
  fixed.bytes = bytes.size();
  fixed.bytes_sum = checksum(bytes);
  fixed.header_sum = header_sum(fixed, header.tokens);

  auto name = temporary(folder);
  File file(::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.open()) failed("open");
  try {
    std::array<std::byte, kAlign> padding{};
    auto tokens = std::as_bytes(std::span(header.tokens));
    write_all(file.handle(), bytes_of(fixed));
    write_all(file.handle(), tokens);
    write_all(file.handle(), std::span(padding).first(record_offset(fixed.count) - sizeof(Fixed) - tokens.size()));
    write_all(file.handle(), bytes);
    if (::rename(name.c_str(), place.c_str()) != 0) failed("rename");
  } catch (...) {
    ::unlink(name.c_str());
    throw;
  }
  return true;
}

ReadResult read_record(const std::filesystem::path& folder, const RecordHeader& want,
                       const std::function<std::byte*(uint64_t)>& place) {
  File file(open_ours(folder / record_name(want.key, want.kind), O_RDONLY));
  if (!file.open() && errno == ENOENT) return ReadResult::missing;
  if (!file.open()) failed("open");
  Fixed fixed;
  RecordHeader header;
  auto result = read_header(file.handle(), fixed, header);
  if (result != ReadResult::whole) return result;
  if (header.kind != want.kind || header.key != want.key || header.parent != want.parent ||
      header.begin != want.begin || header.tokens != want.tokens)
    return ReadResult::damaged;
  // Another process has replaced it.
  if (header.stored_begin != want.stored_begin || header.bytes != want.bytes) return ReadResult::missing;
  std::span<std::byte> bytes(place(header.bytes), header.bytes);
  if (!read_all(file.handle(), bytes, record_offset(fixed.count))) return ReadResult::damaged;
  return checksum(bytes) == fixed.bytes_sum ? ReadResult::whole : ReadResult::damaged;
}

ReadResult find_record(const std::filesystem::path& name, FoundRecord& found) {
  File file(open_ours(name, O_RDONLY));
  struct stat status{};
  if (!file.open() || ::fstat(file.handle(), &status) != 0) return ReadResult::missing;
  Fixed fixed;
  auto result = ReadResult::missing;
  try {
    result = read_header(file.handle(), fixed, found.header);
  } catch (const std::system_error&) {
    return ReadResult::missing;
  }
  found.file_bytes = static_cast<uint64_t>(status.st_size);
  found.used_at = static_cast<int64_t>(status.st_mtime);
  // A file that was cut short is known by its size.
  if (result == ReadResult::whole && found.file_bytes != record_file_bytes(fixed.count, fixed.bytes))
    return ReadResult::damaged;
  return result;
}

void touch_record(const std::filesystem::path& name, uint32_t hits) noexcept {
  File file(open_ours(name, O_WRONLY));
  if (!file.open()) return;
  if (::pwrite(file.handle(), &hits, sizeof(hits), offsetof(Fixed, hits)) < 0) return;
  ::futimens(file.handle(), nullptr);
}

void remove_leftovers(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    auto name = entry.path().filename().string();
    if (!name.starts_with(kLeftover)) continue;
    if (name.starts_with(own_leftovers())) continue;
    pid_t owner = 0;
    auto digits = std::string_view(name).substr(std::strlen(kLeftover));
    std::from_chars(digits.data(), digits.data() + digits.size(), owner);
    if (owner > 0 && owner != ::getpid() && (::kill(owner, 0) == 0 || errno == EPERM)) continue;
    std::filesystem::remove(entry.path(), ignored);
  }
}

}  // namespace tether
