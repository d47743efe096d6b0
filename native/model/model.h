// A model: token ids and KV caches in, hidden states and logits out. It starts no threads and schedules nothing.
#pragma once

#include <mlx/mlx.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "error.h"
#include "model/adapters.h"
#include "model/attention.h"
#include "model/balance.h"
#include "model/config.h"
#include "model/kv_cache.h"
#include "model/layers.h"
#include "model/weights.h"

namespace tether {

namespace mx = mlx::core;

// What one layer's cache costs.
struct CacheShape {
  int window;    // 0: full attention
  int elements;  // keys and values of one token
  int head_dim;  // of both
};

// All calls on the engine thread. Results are lazy: what no caller evaluates (the logits of a prefill chunk, the layers
// after the last cache) is never computed.
class Model {
 public:
  virtual ~Model() = default;

  // tokens: (N) int32, the segments' tokens one after another; N is the sum of their lengths.
  // -> (N, hidden), after the last norm. Extends every segment's caches.
  mx::array forward(const mx::array& tokens, std::span<const Segment> segments);
  // hidden: (R, hidden) -> (R, vocab)
  virtual mx::array logits(const mx::array& hidden) = 0;
  // tokens: (N) int32 -> (N, hidden), what the first layer is given. Only of families that have assistants.
  virtual mx::array embed(const mx::array& /*tokens*/) {
    throw Error("bad_config", "[model] no assistant drafts for models of this family");
  }
  // One per layer that has keys and values of its own, in layer order.
  virtual std::vector<CacheShape> cache_shapes() const = 0;

  // What the keys in a cache are multiplied by where they are transformed (balance.h). Only of families that have
  // assistants, which read them.
  virtual KeyFactors key_factors(size_t /*cache*/) const { return {}; }

  virtual int vocab_size() const = 0;
  // The window that the checkpoint was made for, in tokens.
  virtual int max_positions() const = 0;

  // kv_bits: bits in which keys and values are stored, as kv_quantization() takes them. Throws Error("bad_config") if
  // their head_dim does not allow it.
  std::vector<KVCache> new_caches(int kv_bits) const {
    std::vector<KVCache> caches;
    for (const auto& shape : cache_shapes())
      caches.emplace_back(shape.window, kv_quantization(kv_bits, shape.head_dim));
    return caches;
  }

  // Set by load_model(). A model without layers that adapters can change has none.
  std::shared_ptr<Adapters> adapters = nullptr;

 protected:
  // What forward() returns; the layers know by then which rows have which adapter.
  virtual mx::array compute(const mx::array& tokens, std::span<const Segment> segments) = 0;
};

// Finds the family by `model_type` and reads its tensors. Throws Error: unsupported_model, bad_config, bad_weights.
std::unique_ptr<Model> load_model(const Config& config, Weights& weights);

// One function per family, or two if wrappers differ, in a file of its own: llama.cpp (Mistral too), gemma2.cpp, …
std::unique_ptr<Model> load_llama(const Config& config, Weights& weights);
std::unique_ptr<Model> load_mistral3(const Config& config, Weights& weights);
std::unique_ptr<Model> load_gemma2(const Config& config, Weights& weights);
std::unique_ptr<Model> load_gemma3(const Config& config, Weights& weights);
std::unique_ptr<Model> load_gemma3n(const Config& config, Weights& weights);
std::unique_ptr<Model> load_gemma4(const Config& config, Weights& weights);

}  // namespace tether
