// The pieces every family is made of: linear, embedding, norm, attention over segments.
#pragma once

#include <mlx/mlx.h>

#include <optional>
#include <span>
#include <vector>

#include "cpu/kernels.h"
#include "model/config.h"
#include "model/kv_cache.h"
#include "model/rope.h"

namespace tether {

// A (out, in) matrix, plain or quantized, with an optional bias (out).
struct Linear {
  mx::array weight;
  std::optional<mx::array> turned;  // (in, out): a view of a plain weight, made once and not with every token
  std::optional<mx::array> scales;
  std::optional<mx::array> biases;  // of an affine quantization
  std::optional<mx::array> bias;
  Quantization quantization;

  // x: (N, in) -> (N, out)
  mx::array operator()(const mx::array& x) const;
};

// A (out, in) matrix for each expert, plain or quantized.
struct ExpertLinear {
  mx::array weight;  // (experts, out, in)
  std::optional<mx::array> scales;
  std::optional<mx::array> biases;  // of an affine quantization
  Quantization quantization;

  // x: (..., 1, in), one row for each of the `experts` (...), or one that is broadcast to them -> (..., 1, out)
  // `sorted`: the experts are in ascending order, which lets a GPU read each of them once.
  mx::array operator()(const mx::array& x, const mx::array& experts, bool sorted) const;
};

// A (vocab, dim) table.
struct Embedding {
  Linear table;
  mx::Dtype dtype;  // of the rows

  // ids: (N) int32 -> (N, dim)
  mx::array operator()(const mx::array& ids) const;
  // x: (N, dim) -> (N, vocab), for tied heads
  mx::array as_linear(const mx::array& x) const { return table(x); }
};

struct RMSNorm {
  std::optional<mx::array> weight;  // absent: no scale
  float eps;

  // Along the last axis.
  mx::array operator()(const mx::array& x) const;
};

// Norms each head of x: (N, heads * dim) by itself.
mx::array norm_heads(const RMSNorm& norm, const mx::array& x, int heads);

// x cut smoothly to (-cap, cap); 0 leaves it.
mx::array softcap(const mx::array& x, float cap);

// `length` tokens of one sequence within a forward pass, and where that sequence's keys and values live.
struct Segment {
  std::vector<KVCache>* caches;  // one per layer that has its own keys and values
  int length;
};

// Attention segment by segment against each segment's own cache: the only part of a forward pass that is not per token.
// A layer that owns keys and values appends to caches[index]; one that shares them reads `shared`, the views that the
// owning layer's call returned.
class Attention {
 public:
  struct Shape {
    int heads;
    int kv_heads;
    int head_dim;
    float scale;
    int window;         // 0: full attention
    float softcap = 0;  // of the scores, before the softmax; 0: off
  };
  // A segment's keys and values as a layer saw them, and the position of its first query.
  struct Seen {
    KVCache::View view;
    int offset;
  };

  // q: (N, heads * head_dim); k, v: (N, kv_heads * head_dim), norms applied, RoPE not yet.
  // -> (N, heads * head_dim). Fills `seen` with one entry a segment.
  static mx::array own(const Shape& shape, const Rope& rope, const mx::array& q, const mx::array& k, const mx::array& v,
                       std::span<const Segment> segments, size_t cache_index, std::vector<Seen>& seen);
  // The same over keys and values that another layer has stored in this pass.
  static mx::array shared(const Shape& shape, const Rope& rope, const mx::array& q, std::span<const Segment> segments,
                          const std::vector<Seen>& seen);
};

// gate(a) * b. Gates: silu(x) is x * sigmoid(x); gelu_tanh(x) is gelu's tanh approximation, as torch's
// gelu(approximate="tanh").
mx::array gated(Gate gate, const mx::array& a, const mx::array& b);

}  // namespace tether
