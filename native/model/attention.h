// Attention, segment by segment against each segment's own cache: all other layers compute each token by itself.
#pragma once

#include <mlx/mlx.h>

#include <span>
#include <vector>

#include "cpu/ops/attention.h"
#include "model/device.h"
#include "model/kv_cache.h"
#include "model/rope.h"

namespace tether {

// `length` tokens of one sequence within a forward pass, that sequence's KV caches, and its adapter (0: none).
struct Segment {
  std::vector<KVCache>* caches;  // one per layer that has its own keys and values
  int length;
  int adapter = 0;
};

// A layer that has its own keys and values calls own(), which appends to caches[index] and returns the views in `seen`;
// one that shares those of another layer calls shared() with the views that the other layer's call returned.
struct Attention {
  int heads;
  int kv_heads;
  int head_dim;
  float scale;
  int window;         // 0: full attention
  float softcap = 0;  // cap of the scores, before the softmax; 0: off
  DevicePolicy device;

  // q: (N, heads * head_dim); k, v: (N, kv_heads * head_dim), norms applied, RoPE not yet.
  // -> (N, heads * head_dim). Adds one view per segment to `seen`.
  mx::array own(const Rope& rope, const mx::array& q, const mx::array& k, const mx::array& v,
                std::span<const Segment> segments, size_t index, std::vector<KVView>& seen) const;
  // The same as one operation for each segment, with own kernels and keys and values kept as they are computed.
  // projections: (N, …), queries, keys and values of a token side by side, or no values where they are the keys; their
  // norms not applied yet. seen: null if no layer shares this one's.
  mx::array own_at_once(const Rope& rope, const mx::array& projections, const cpu::HeadNorms& norms,
                        bool values_are_keys, std::span<const Segment> segments, size_t index,
                        std::vector<KVView>* seen) const;
  // q: as above. `seen`: one view per segment. -> (N, heads * head_dim)
  mx::array shared(const Rope& rope, const mx::array& q, std::span<const Segment> segments,
                   const std::vector<KVView>& seen) const;

 private:
  cpu::AttentionForm form(const Rope& rope) const;
  mx::array rotate(const mx::array& x, int begin, int count, int heads_of_x, const Rope& rope, int offset) const;
  mx::array attend(const mx::array& q, const KVView& view, const Rope& rope) const;
  mx::array attend_stored(const mx::array& q, const KVView& view, const Rope& rope) const;
  mx::array attend_capped(const mx::array& q, const KVView& view, float scores_scale) const;
  mx::array attend_quantized(const mx::array& q, const KVView& view, float scores_scale) const;
};

}  // namespace tether
