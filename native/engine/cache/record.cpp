// A record: the keys and values of some tokens in all layers of a kind, as one flat array of bytes.
#include "engine/cache/record.h"

#include <algorithm>
#include <sstream>
#include <utility>

namespace tether {
namespace {

// Steps in which a record is copied together.
constexpr int kSteps = 8;

}  // namespace

size_t Layout::Part::bytes(int tokens) const {
  return static_cast<size_t>(heads) * static_cast<size_t>(tokens) * static_cast<size_t>(width) * mx::size_of(dtype);
}

Layout::Layout(Model& model, int kv_bits) {
  auto caches = model.new_caches(kv_bits);
  Segment segment{&caches, 1};
  model.forward(mx::zeros({1}, mx::int32), {&segment, 1});
  for (size_t i = 0; i < caches.size(); i++) {
    transformed_ = transformed_ || is_transformed(caches[i].quantization());
    Layer layer{.index = i, .parts = {}};
    for (const auto& buffer : caches[i].stored(0, 1))
      layer.parts.push_back({.dtype = buffer.dtype(), .heads = buffer.shape(1), .width = buffer.shape(3)});
    auto kind = caches[i].window() ? Kind::sliding : Kind::full;
    layers_.at(static_cast<size_t>(kind)).push_back(std::move(layer));
    window_ = std::max(window_, caches[i].window());
  }
}

size_t Layout::bytes(Kind kind, int tokens) const {
  size_t sum = 0;
  for (const auto& layer : layers(kind))
    for (const auto& part : layer.parts) sum += part.bytes(tokens);
  return sum;
}

int Layout::sliding_first(const std::vector<KVCache>& caches) const {
  int first = 0;
  for (const auto& layer : layers(Kind::sliding)) first = std::max(first, caches[layer.index].first());
  return first;
}

mx::array Layout::pack(const std::vector<KVCache>& caches, Kind kind, int begin, int end) const {
  // A record never shares memory with a cache: that would be written to, or kept alive as a whole. Each part is copied
  // twice, since a cache's slots do not lie one after another; some at a time, so that only those take memory twice.
  auto size = static_cast<int>(bytes(kind, end - begin));
  auto record = mx::zeros({size}, mx::uint8);
  int at = 0;
  int evaluated = 0;
  for (const auto& layer : layers(kind)) {
    for (const auto& buffer : caches[layer.index].stored(begin, end)) {
      auto part = mx::reshape(mx::view(buffer, mx::uint8), {-1});
      int next = at + static_cast<int>(part.size());
      record = mx::slice_update(record, part, mx::Shape{at}, mx::Shape{next});
      at = next;
      if (at - evaluated < size / kSteps) continue;
      mx::eval(record);
      evaluated = at;
    }
  }
  mx::eval(record);
  return record;
}

KVCache::Stored Layout::unpacked(const Layer& layer, size_t at, const Piece& piece) {
  KVCache::Stored slots;
  for (const auto& part : layer.parts) {
    auto size = part.bytes(piece.tokens);
    auto bytes = mx::slice(piece.record, {static_cast<int>(at)}, {static_cast<int>(at + size)});
    auto all = mx::reshape(mx::view(bytes, part.dtype), {1, part.heads, piece.tokens, part.width});
    slots.push_back(mx::slice(all, {0, 0, piece.begin, 0}, {1, part.heads, piece.end, part.width}));
    at += size;
  }
  return slots;
}

void Layout::append(std::vector<KVCache>& caches, const Piece& piece) const {
  size_t at = 0;
  for (const auto& layer : layers(Kind::full)) {
    caches[layer.index].append_stored(unpacked(layer, at, piece));
    for (const auto& part : layer.parts) at += part.bytes(piece.tokens);
  }
}

void Layout::restore_sliding(std::vector<KVCache>& caches, int first, const std::vector<Piece>& pieces) const {
  std::vector<size_t> at(pieces.size(), 0);
  for (const auto& layer : layers(Kind::sliding)) {
    std::vector<KVCache::Stored> runs(layer.parts.size());
    for (size_t i = 0; i < pieces.size(); i++) {
      auto slots = unpacked(layer, at[i], pieces[i]);
      for (size_t part = 0; part < slots.size(); part++) runs[part].push_back(std::move(slots[part]));
      for (const auto& part : layer.parts) at[i] += part.bytes(pieces[i].tokens);
    }
    KVCache::Stored whole;
    for (auto& run : runs) whole.push_back(run.size() == 1 ? run[0] : mx::concatenate(std::move(run), 2));
    caches[layer.index].restore(first, whole);
  }
}

std::string Layout::describe() const {
  std::ostringstream text;
  for (auto kind : kKinds) {
    text << (kind == Kind::full ? "full" : " sliding " + std::to_string(window_));
    for (const auto& layer : layers(kind))
      for (const auto& part : layer.parts)
        text << ' ' << part.heads << 'x' << part.width << ':' << static_cast<int>(part.dtype.val());
  }
  if (transformed_) text << " transformed, balanced for all readers";
  return text.str();
}

}  // namespace tether
