// Rotary positions: every kind of scaling that config.json files ask for.
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
  float magnitude = 1;  // of rotated vectors; attention folds its square into the scale of the scores

  // x: (1, heads, T, head_dim), the first token at position `offset`
  mx::array operator()(const mx::array& x, int offset) const {
    return mx::fast::rope(x, dims, traditional, base, scale, offset, freqs);
  }

  // Cosines and sines for `count` tokens from position `offset` on: (2, count, dims / 2) float32. Computed at once and
  // remembered, since the layers of a model ask for the same ones. Engine thread only.
  mx::array angles(int offset, int count) const;

  // What a family reads of config.json besides the scaling.
  struct Plain {
    int dims;
    float base;
    bool traditional;
    int max_positions;
  };
  // `scaling` is `rope_scaling`, `rope_parameters`, or one entry of the latter. Throws bad_config for kinds that are
  // not known and for numbers that make no sense.
  static Rope make(const Plain& plain, const std::optional<Config>& scaling);

  // By offset and count, of the last passes.
  mutable std::map<std::pair<int, int>, mx::array> remembered = {};
};

}  // namespace tether
