// Gemma 2: soft caps on attention scores and logits, norms before and after each half of a block.
#include <cmath>
#include <string>

#include "error.h"
#include "model/block_halves.h"
#include "model/model.h"

namespace tether {
namespace {

// Names and defaults as in mlx-lm, where every layer has full attention despite config.json's sliding window (4096 in
// published checkpoints, half of the window they were trained for).
struct Gemma2Config {
  int hidden;
  int layers;
  int intermediate;
  int heads;
  int kv_heads;
  int head_dim;
  int vocab;
  int max_positions;
  float eps;
  float rope_theta;
  float attention_softcap;  // 0: off
  float logit_softcap;      // 0: off
  float scale;
  bool rope_traditional;
  bool tied;

  explicit Gemma2Config(const Config& c)
      : hidden(c.positive("hidden_size")),
        layers(c.positive("num_hidden_layers")),
        intermediate(c.positive("intermediate_size")),
        heads(c.positive("num_attention_heads")),
        kv_heads(c.positive("num_key_value_heads", 4)),
        head_dim(c.positive("head_dim", 256)),
        vocab(c.positive("vocab_size")),
        max_positions(c.positive("max_position_embeddings", 8192)),
        eps(static_cast<float>(c.number("rms_norm_eps", 1e-6))),
        rope_theta(static_cast<float>(c.number("rope_theta", 10000))),
        attention_softcap(static_cast<float>(c.optional_number("attn_logit_softcapping", 50).value_or(0))),
        logit_softcap(static_cast<float>(c.optional_number("final_logit_softcapping", 30).value_or(0))),
        scale(static_cast<float>(1 / std::sqrt(c.number("query_pre_attn_scalar", 144)))),
        rope_traditional(c.flag("rope_traditional", false)),
        tied(c.flag("tie_word_embeddings", true)) {
    if (heads % kv_heads)
      throw Error("bad_config",
                  "[config] " + c.where() + ": num_attention_heads must be a multiple of num_key_value_heads");
    if (!std::isfinite(scale))
      throw Error("bad_config", "[config] " + c.where() + ": \"query_pre_attn_scalar\" must be above 0");
  }
};

AttentionHalf gemma2_attention(const Gemma2Config& c, Weights& w, const std::string& name) {
  return {.core = {.heads = c.heads,
                   .kv_heads = c.kv_heads,
                   .head_dim = c.head_dim,
                   .scale = c.scale,
                   .window = 0,
                   .softcap = c.attention_softcap,
                   .device = w.device()},
          .q_proj = w.linear(name + ".q_proj", c.heads * c.head_dim, c.hidden),
          .o_proj = w.linear(name + ".o_proj", c.hidden, c.heads * c.head_dim),
          .k_proj = w.linear(name + ".k_proj", c.kv_heads * c.head_dim, c.hidden),
          .v_proj = w.linear(name + ".v_proj", c.kv_heads * c.head_dim, c.hidden)};
}

struct Gemma2Block {
  AttentionHalf attention;
  GatedMLP mlp;
  RMSNorm input_norm, post_attention_norm, pre_mlp_norm, post_mlp_norm;

  Gemma2Block(const Gemma2Config& c, Weights& w, const std::string& name)
      : attention(gemma2_attention(c, w, name + ".self_attn")),
        mlp(gated_mlp(w, name + ".mlp", c.hidden, c.intermediate, Gate::gelu_tanh)),
        input_norm(w.norm_beyond_one(name + ".input_layernorm", c.hidden, c.eps)),
        post_attention_norm(w.norm_beyond_one(name + ".post_attention_layernorm", c.hidden, c.eps)),
        pre_mlp_norm(w.norm_beyond_one(name + ".pre_feedforward_layernorm", c.hidden, c.eps)),
        post_mlp_norm(w.norm_beyond_one(name + ".post_feedforward_layernorm", c.hidden, c.eps)) {}

  // x: (N, hidden) -> (N, hidden)
  mx::array operator()(const mx::array& x, const AttentionPass& pass) const {
    auto h = attention(x, {.before = &input_norm, .after = &post_attention_norm, .residual = &x}, pass);
    return mlp(h, {.before = &pre_mlp_norm, .after = &post_mlp_norm, .residual = &h});
  }
};

class Gemma2 : public Model {
 public:
  Gemma2(const Config& json, Weights& w)
      : config_(json),
        rope_(Rope::make({.dims = config_.head_dim,
                          .base = config_.rope_theta,
                          .traditional = config_.rope_traditional,
                          .max_positions = config_.max_positions},
                         json.object("rope_scaling"))),
        prefix_(w.prefix_of("embed_tokens.weight", {"model.", "language_model.model.", ""})),
        embedding_(w.embedding(prefix_ + "embed_tokens", config_.vocab, config_.hidden)) {
    for (int i = 0; i < config_.layers; i++) blocks_.emplace_back(config_, w, prefix_ + "layers." + std::to_string(i));
    norm_ = w.norm_beyond_one(prefix_ + "norm", config_.hidden, config_.eps);
    head_ = w.head({"", "language_model.", "model."}, config_.tied, config_.vocab, config_.hidden);
  }

  mx::array compute(const mx::array& tokens, std::span<const Segment> segments) override {
    auto x = embedding_(tokens);
    x = mx::multiply(x, mx::array(std::sqrt(static_cast<float>(config_.hidden)), x.dtype()));
    for (size_t i = 0; i < blocks_.size(); i++) x = blocks_[i](x, {.rope = rope_, .segments = segments, .layer = i});
    return norm_(x);
  }

  mx::array logits(const mx::array& hidden) override {
    return softcap(head_ ? (*head_)(hidden) : embedding_.as_linear(hidden), config_.logit_softcap);
  }

  std::vector<CacheShape> cache_shapes() const override {
    return std::vector<CacheShape>(blocks_.size(), {0, 2 * config_.kv_heads * config_.head_dim, config_.head_dim});
  }

  int vocab_size() const override { return config_.vocab; }
  int max_positions() const override { return config_.max_positions; }

 private:
  Gemma2Config config_;
  Rope rope_;
  std::string prefix_;
  Embedding embedding_;
  std::vector<Gemma2Block> blocks_;
  RMSNorm norm_{};
  std::optional<Linear> head_;
};

}  // namespace

std::unique_ptr<Model> load_gemma2(const Config& config, Weights& weights) {
  return std::make_unique<Gemma2>(config, weights);
}

}  // namespace tether
