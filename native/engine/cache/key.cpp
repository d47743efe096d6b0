// Keys of blocks: a hash chain over everything before a block, so that a key names a whole prefix.
#include "engine/cache/key.h"

#include <array>
#include <bit>
#include <cstring>

namespace tether {
namespace {

// Odd constants without structure: the fractional parts of the square roots of 2, 3, 5 and 7.
constexpr uint64_t kTwo = 0x6a09e667f3bcc909;
constexpr uint64_t kThree = 0xbb67ae8584caa73b;
constexpr uint64_t kFive = 0x3c6ef372fe94f82b;
constexpr uint64_t kSeven = 0xa54ff53a5f1d36f1;

// Every bit of the input changes about half the bits of the result; invertible, so it loses nothing.
uint64_t mixed(uint64_t x) {
  x ^= x >> 32U;
  x *= kThree;
  x ^= x >> 29U;
  x *= kSeven;
  return x ^ (x >> 32U);
}

// Two lanes that are fed the same words and stirred differently.
struct Lanes {
  uint64_t a = kTwo;
  uint64_t b = kFive;

  void add(uint64_t word) {
    a = mixed(std::rotl(a, 23) ^ word) + kFive;
    b = mixed(std::rotl(b, 41) + word * kTwo) ^ a;
  }
  Key key() const {
    Key key{mixed(a + b), mixed(b ^ std::rotl(a, 17))};
    if (key.is_none()) key.low = 1;
    return key;
  }
};

template <typename Ids>
Key chain(const Key& parent, const Ids& ids) {
  Lanes lanes;
  lanes.add(parent.high);
  lanes.add(parent.low);
  lanes.add(ids.size());
  for (auto id : ids) lanes.add(static_cast<uint64_t>(id));
  return lanes.key();
}

constexpr std::string_view kDigits = "0123456789abcdef";

}  // namespace

Key chained(const Key& parent, std::span<const uint64_t> ids) { return chain(parent, ids); }

Key chained(const Key& parent, std::span<const int32_t> tokens) { return chain(parent, tokens); }

Key key_of(std::string_view bytes) {
  Lanes lanes;
  lanes.add(bytes.size());
  for (size_t i = 0; i < bytes.size(); i += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min(sizeof(word), bytes.size() - i));
    lanes.add(word);
  }
  return lanes.key();
}

// Four lanes, so that the multiplications of neighbouring words do not wait for each other.
uint64_t checksum(std::span<const std::byte> bytes) {
  std::array<uint64_t, 4> lanes{kTwo, kThree, kFive, kSeven};
  constexpr size_t kStep = sizeof(lanes);
  size_t at = 0;
  std::array<uint64_t, 4> words{};
  auto add = [&] {
    for (size_t i = 0; i < lanes.size(); i++) {
      lanes[i] = std::rotl(lanes[i] ^ words[i], 29) * kThree;
    }
  };
  for (; at + kStep <= bytes.size(); at += kStep) {
    std::memcpy(words.data(), bytes.data() + at, kStep);
    add();
  }
  words = {};
  if (at < bytes.size()) std::memcpy(words.data(), bytes.data() + at, bytes.size() - at);
  add();
  uint64_t sum = bytes.size();
  for (uint64_t lane : lanes) sum = mixed(sum ^ lane);
  return sum;
}

std::string to_hex(const Key& key) {
  std::string hex;
  for (uint64_t part : {key.high, key.low})
    for (unsigned shift = 64; shift > 0; shift -= 4) hex += kDigits[(part >> (shift - 4)) & 15U];
  return hex;
}

std::optional<Key> key_from_hex(std::string_view hex) {
  if (hex.size() != 32) return std::nullopt;
  std::array<uint64_t, 2> parts{};
  for (size_t i = 0; i < hex.size(); i++) {
    auto digit = kDigits.find(hex[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    parts[i / 16] = parts[i / 16] << 4U | digit;
  }
  return Key{parts[0], parts[1]};
}

}  // namespace tether
