// Rotary position embeddings, with every kind of scaling that config.json files name.
#pragma once

#include <mlx/mlx.h>

#include <map>
#include <optional>
#include <utility>

#include "model/config.h"

namespace tether {

namespace mx = mlx::core;

// Either a base or a table of wavelengths (dims / 2) that replaces it.
struct Rope {
  int dims = 0;
  bool traditional = false;
  std::optional<float> base;
  float scale = 1;
  std::optional<mx::array> freqs;
  float magnitude = 1;  // scale of rotated vectors; attention multiplies the scale of the scores by its square

  // x: (1, heads, T, head_dim), the first token at position `offset`
  mx::array operator()(const mx::array& x, int offset) const {
    return mx::fast::rope(x, dims, traditional, base, scale, offset, freqs);
  }

  // Cosines and sines for `count` tokens from position `offset` on: (2, count, dims / 2) float32. Computed eagerly and
  // cached, since all layers of a pass need the same ones. Engine thread only.
  mx::array angles(int offset, int count) const;

  // Without scaling.
  struct Plain {
    int dims;
    float base;
    bool traditional;
    int max_positions;
  };
  // `scaling` is `rope_scaling`, `rope_parameters`, or one entry of the latter. Throws Error("bad_config") for kinds
  // that are not supported and for invalid numbers.
  static Rope make(const Plain& plain, const std::optional<Config>& scaling);

  // By offset and count, of recent passes.
  mutable std::map<std::pair<int, int>, mx::array> cached_angles = {};
};

}  // namespace tether
