// Gemma 4's text model: sliding and full layers, shared keys and values, per-layer inputs, experts, p-RoPE, softcap.
#include <cmath>
#include <string>

#include "model/gemma4_blocks.h"
#include "model/model.h"
#include "model/per_layer.h"

namespace tether {
namespace {

class Gemma4 : public Model {
 public:
  Gemma4(const Config& json, const Config& text, Weights& w) : config_(text) {
    // Published checkpoints come bare or wrapped, and wrapped ones in two spellings.
    auto prefix = w.prefix_of("embed_tokens.weight", {"language_model.model.", "model.language_model.", "model.", ""});
    auto parameters = text.object("rope_parameters");
    if (!parameters) parameters = json.object("rope_parameters");
    sliding_rope_ = gemma4_rope(config_, "sliding_attention", parameters);
    full_rope_ = gemma4_rope(config_, "full_attention", parameters);
    embedding_ = w.embedding(prefix + "embed_tokens", config_.vocab, config_.hidden);
    if (config_.per_layer_dim) {
      per_layer_.emplace(w, prefix,
                         PerLayerEmbedding::Shape{.rows = config_.per_layer_vocab,
                                                  .vocab = config_.vocab,
                                                  .layers = config_.layers,
                                                  .dim = config_.per_layer_dim,
                                                  .hidden = config_.hidden,
                                                  .eps = config_.eps});
    }
    for (size_t i = 0; i < static_cast<size_t>(config_.layers); i++)
      blocks_.emplace_back(config_, w, prefix + "layers." + std::to_string(i), i);
    std::vector<AttentionHalf*> attention;
    for (auto& block : blocks_) attention.push_back(&block.attention);
    balance(attention, config_.sources,
            [&](size_t i) -> const Rope& { return config_.sliding[i] ? sliding_rope_ : full_rope_; });
    norm_ = w.norm(prefix + "norm", config_.hidden, config_.eps);
    head_ = w.head({"language_model.", "", "model."}, config_.tied, config_.vocab, config_.hidden);
  }

  mx::array compute(const mx::array& tokens, std::span<const Segment> segments) override {
    auto x = embed(tokens);
    std::optional<mx::array> inputs;
    if (per_layer_) inputs = (*per_layer_)(tokens, x);
    std::vector<std::vector<KVView>> seen(blocks_.size());
    for (size_t i = 0; i < blocks_.size(); i++) {
      std::optional<mx::array> input;
      if (inputs) input = mx::take(*inputs, static_cast<int>(i), 1);
      AttentionPass pass{.rope = config_.sliding[i] ? sliding_rope_ : full_rope_,
                         .segments = segments,
                         .layer = i,
                         .seen = &seen[config_.sources[i]]};
      x = blocks_[i](x, pass, input);
    }
    return norm_(x);
  }

  mx::array embed(const mx::array& tokens) override {
    auto x = (*embedding_)(tokens);
    return mx::multiply(x, mx::array(std::sqrt(static_cast<float>(config_.hidden)), x.dtype()));
  }

  mx::array logits(const mx::array& hidden) override {
    return softcap(head_ ? (*head_)(hidden) : embedding_->as_linear(hidden), config_.softcap);
  }

  std::vector<CacheShape> cache_shapes() const override {
    std::vector<CacheShape> shapes;
    for (int i = 0; i < config_.own_layers(); i++) {
      const auto& core = blocks_[static_cast<size_t>(i)].attention.core;
      shapes.push_back({core.window, 2 * core.kv_heads * core.head_dim, core.head_dim});
    }
    return shapes;
  }

  KeyFactors key_factors(size_t cache) const override { return blocks_[cache].attention.balanced_norms->factors; }

  int vocab_size() const override { return config_.vocab; }
  int max_positions() const override { return config_.max_positions; }

 private:
  Gemma4Config config_;
  Rope sliding_rope_, full_rope_;
  std::optional<Embedding> embedding_;
  std::optional<PerLayerEmbedding> per_layer_;
  std::vector<Gemma4Block> blocks_;
  RMSNorm norm_{};
  std::optional<Linear> head_;
};

}  // namespace

std::unique_ptr<Model> load_gemma4(const Config& config, Weights& weights) {
  auto text = config.object("text_config");
  return std::make_unique<Gemma4>(config, text ? *text : config, weights);
}

}  // namespace tether
