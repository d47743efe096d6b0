// Keys of blocks: a hash chain over everything before a block, so that a key names a whole prefix.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tether {

// 128 bits. Not against an attacker: the tokens themselves are compared as well wherever a block is used.
struct Key {
  uint64_t high = 0;
  uint64_t low = 0;

  auto operator<=>(const Key&) const = default;
  bool is_none() const { return high == 0 && low == 0; }
};

// The key of a block that holds `ids` after the block of `parent`. Ids have 64 bits: a token is its id, and an image
// can be given ids beyond those of any vocabulary.
Key chained(const Key& parent, std::span<const uint64_t> ids);
Key chained(const Key& parent, std::span<const int32_t> tokens);

Key key_of(std::string_view bytes);

// 64 bits over bytes, to notice damage.
uint64_t checksum(std::span<const std::byte> bytes);

// 32 hex digits, and back; nullopt for anything else.
std::string to_hex(const Key& key);
std::optional<Key> key_from_hex(std::string_view hex);

}  // namespace tether
