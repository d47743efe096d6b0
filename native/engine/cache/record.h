// A record: the keys and values of some tokens in all layers of a kind, as one flat array of bytes.
#pragma once

#include <mlx/mlx.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "model/kv_cache.h"
#include "model/model.h"

namespace tether {

namespace mx = mlx::core;

// Layers that attend to everything, and those that slide. A block has at most one record of each kind.
enum class Kind : uint8_t { full, sliding };
inline constexpr std::array kKinds{Kind::full, Kind::sliding};

// What the records of a model look like. Engine thread only.
class Layout {
 public:
  // For a model without caches.
  Layout() = default;
  // Runs the model lazily on one token, which computes nothing.
  Layout(Model& model, int kv_bits);

  // Whether the model has layers of that kind.
  bool has(Kind kind) const { return !layers(kind).empty(); }
  size_t bytes(Kind kind, int tokens) const;
  // The largest window of the sliding layers; 0 if there are none.
  int window() const { return window_; }

  // The oldest position that all sliding layers hold.
  int sliding_first(const std::vector<KVCache>& caches) const;

  // The slots of the positions [begin, end), which all caches of the kind hold, evaluated. -> (bytes) uint8, a copy
  mx::array pack(const std::vector<KVCache>& caches, Kind kind, int begin, int end) const;

  // A run of slots within a record.
  struct Piece {
    mx::array record;  // of pack()
    int tokens;        // that it holds
    int begin;         // the slots [begin, end) of it are meant
    int end;
  };
  // Appends the slots of a record of full layers to their caches. Lazy.
  void append(std::vector<KVCache>& caches, const Piece& piece) const;
  // Makes the pieces, oldest first, all that the sliding layers hold. first: position of the first slot. Lazy.
  void restore_sliding(std::vector<KVCache>& caches, int first, const std::vector<Piece>& pieces) const;

  // One line: two layouts with the same line can read each other's records.
  std::string describe() const;

 private:
  // One buffer of a cache: (1, heads, T, width).
  struct Part {
    mx::Dtype dtype;
    int heads;
    int width;

    size_t bytes(int tokens) const;
  };
  struct Layer {
    size_t index;  // among the model's caches
    std::vector<Part> parts;
  };

  const std::vector<Layer>& layers(Kind kind) const { return layers_.at(static_cast<size_t>(kind)); }
  // The slots of `layer`, which begins at byte `at` of the piece's record.
  static KVCache::Stored unpacked(const Layer& layer, size_t at, const Piece& piece);

  std::array<std::vector<Layer>, 2> layers_;
  int window_ = 0;
  bool transformed_ = false;  // some keys and values are (hadamard.h)
};

}  // namespace tether
