// The two halves of a block: attention and a gated MLP, each with the norms and the sum around it.
#pragma once

#include <mlx/mlx.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/attention.h"
#include "model/balance.h"
#include "model/layers.h"
#include "model/weights.h"

// On a CPU, a pass of few rows computes attention in three operations and the MLP in one: each costs MLX some
// microseconds beside its work, which counts for small models. The numbers are the same.
namespace tether {

// What is around a half: residual + after(half(before(x))), each part only if it is there.
struct Around {
  const RMSNorm* before = nullptr;
  const RMSNorm* after = nullptr;
  const mx::array* residual = nullptr;  // (N, hidden)
  // Sums in float16 are clipped to its largest number.
  bool clips = false;
};

// What attention knows of the pass.
struct AttentionPass {
  const Rope& rope;
  std::span<const Segment> segments;
  size_t layer;  // of the caches
  // Filled by a layer that has keys and values of its own, read by one that shares them. null: none shares this one's.
  std::vector<KVView>* seen = nullptr;
  const mx::array* query_scale = nullptr;  // (N, 1), if queries are scaled
};

struct AttentionHalf {
  Attention core;
  Linear q_proj, o_proj;
  std::optional<Linear> k_proj = std::nullopt;   // none: it reads another layer's keys and values
  std::optional<Linear> v_proj = std::nullopt;   // none: the values are the keys
  std::optional<RMSNorm> q_norm = std::nullopt;  // of each head, as the others
  std::optional<RMSNorm> k_norm = std::nullopt;
  std::optional<RMSNorm> v_norm = std::nullopt;
  // Instead of the first two where keys are transformed. Layers that read the same keys have the same factors.
  std::optional<BalancedNorms> balanced_norms = std::nullopt;

  // x: (N, hidden) -> (N, hidden)
  mx::array operator()(const mx::array& x, const Around& around, const AttentionPass& pass) const;

 private:
  mx::array attended(const mx::array& x, const RMSNorm* before, const AttentionPass& pass) const;
  std::optional<mx::array> attended_at_once(const mx::array& x, const RMSNorm* before, const AttentionPass& pass) const;
};

struct GatedMLP {
  Linear gate_proj, up_proj, down_proj;
  GatedUnit gated;

  // x: (N, hidden) -> (N, hidden)
  mx::array operator()(const mx::array& x, const Around& around) const;
};

// The layers name.gate_proj, name.up_proj and name.down_proj.
GatedMLP gated_mlp(Weights& w, const std::string& name, int hidden, int width, Gate gate, bool bias = false);

}  // namespace tether
