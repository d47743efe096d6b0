// The file of a record: a header that says what it is, the tokens of its block, and the record's bytes.
//
// Little endian, as every device that MLX runs on. docs/prefix-cache.md has the layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/cache/key.h"
#include "engine/cache/record.h"

namespace tether {

// What a file says of its record. Positions and counts in tokens.
struct RecordHeader {
  Kind kind = Kind::full;
  Key key;
  Key parent;  // none: the block begins a prompt
  int begin = 0;
  int stored_begin = 0;
  uint32_t hits = 0;
  std::vector<int32_t> tokens;
  uint64_t bytes = 0;  // of the record
};

// Raised by 1 for each change of the format. Files of another version are left alone.
constexpr uint32_t kRecordVersion = 1;

// Names of files within the folder of a model.
std::string record_name(const Key& key, Kind kind);
// nullopt: not a record's name.
std::optional<std::pair<Key, Kind>> parse_record_name(const std::string& name);

// Whether a file is a record that a later or earlier version of tether wrote.
bool is_of_another_version(const std::filesystem::path& file);

// Bytes of a file whose block has so many tokens and whose record has so many bytes.
uint64_t record_file_bytes(size_t tokens, uint64_t bytes);

// Writes a file beside its place and then moves it there, so that a file is whole or not there; what a process leaves
// that is killed meanwhile is removed by remove_leftovers(). Readable by its owner only. Not forced out to the device:
// after a power failure the checksum finds what is missing. -> false if a file of another version or a folder has its
// place, which is left alone. Throws std::system_error.
bool write_record(const std::filesystem::path& folder, const RecordHeader& header, std::span<const std::byte> bytes);

// What a read found. `bytes` is only valid with Read::whole.
enum class ReadResult { whole, missing, damaged };

// Reads a record into the memory that `place` returns for its size. Damaged: too short, or not what `want` and the
// checksums say. Throws std::system_error for other faults.
ReadResult read_record(const std::filesystem::path& folder, const RecordHeader& want,
                       const std::function<std::byte*(uint64_t)>& place);

struct FoundRecord {
  RecordHeader header;
  uint64_t file_bytes = 0;
  int64_t used_at = 0;  // seconds since 1970
};
// Reads no record bytes. missing: not there, not readable, or of another version.
ReadResult find_record(const std::filesystem::path& file, FoundRecord& found);

// Notes in a file that it was used now, and how often so far. A file that is gone is ignored.
void touch_record(const std::filesystem::path& file, uint32_t hits) noexcept;

// Removes files that a process began and that no longer runs.
void remove_leftovers(const std::filesystem::path& folder);

}  // namespace tether
