// Gemma 3's text model, bare or inside an image checkpoint: sliding and full layers, norms on queries and keys.
#include <algorithm>
#include <cmath>
#include <string>

#include "error.h"
#include "model/block_halves.h"
#include "model/model.h"

namespace tether {
namespace {

// Defaults for fields that a text_config may lack.
struct Gemma3Defaults {
  int heads;
  int kv_heads;
  int vocab;
  int max_positions;
};

// Names and defaults as in mlx-lm.
struct Gemma3Config {
  int hidden;
  int layers;
  int intermediate;
  int heads;
  int kv_heads;
  int head_dim;
  int vocab;
  int max_positions;
  int sliding_window;
  float eps;
  float scale;
  std::vector<bool> sliding;  // by layer

  Gemma3Config(const Config& c, const Gemma3Defaults& defaults)
      : hidden(c.positive("hidden_size", 1152)),
        layers(c.positive("num_hidden_layers", 26)),
        intermediate(c.positive("intermediate_size", 6912)),
        heads(c.positive("num_attention_heads", defaults.heads)),
        kv_heads(c.positive("num_key_value_heads", defaults.kv_heads)),
        head_dim(c.positive("head_dim", 256)),
        vocab(defaults.vocab ? defaults.vocab : c.positive("vocab_size", 262144)),
        max_positions(c.positive("max_position_embeddings", defaults.max_positions)),
        sliding_window(c.positive("sliding_window", 512)),
        eps(static_cast<float>(c.number("rms_norm_eps", 1e-6))),
        scale(static_cast<float>(1 / std::sqrt(c.number("query_pre_attn_scalar", 256)))) {
    if (heads % kv_heads)
      throw Error("bad_config",
                  "[config] " + c.where() + ": num_attention_heads must be a multiple of num_key_value_heads");
    if (!std::isfinite(scale))
      throw Error("bad_config", "[config] " + c.where() + ": \"query_pre_attn_scalar\" must be above 0");
    auto types = c.texts("layer_types");
    int pattern = c.positive("sliding_window_pattern", 6);
    if (types.empty()) {
      for (int i = 0; i < layers; i++) sliding.push_back((i + 1) % pattern != 0);
    } else {
      for (const auto& type : types) sliding.push_back(type == "sliding_attention");
    }
    if (sliding.size() != static_cast<size_t>(layers))
      throw Error("bad_config", "[config] " + c.where() + ": layer_types must have num_hidden_layers entries");
  }
};

AttentionHalf gemma3_attention(const Gemma3Config& c, Weights& w, const std::string& name, bool sliding,
                               const Rope& rope) {
  auto q_norm = w.norm_beyond_one(name + ".q_norm", c.head_dim, c.eps);
  auto k_norm = w.norm_beyond_one(name + ".k_norm", c.head_dim, c.eps);
  return {.core = {.heads = c.heads,
                   .kv_heads = c.kv_heads,
                   .head_dim = c.head_dim,
                   .scale = c.scale,
                   .window = sliding ? c.sliding_window : 0,
                   .device = w.device()},
          .q_proj = w.linear(name + ".q_proj", c.heads * c.head_dim, c.hidden),
          .o_proj = w.linear(name + ".o_proj", c.hidden, c.heads * c.head_dim),
          .k_proj = w.linear(name + ".k_proj", c.kv_heads * c.head_dim, c.hidden),
          .v_proj = w.linear(name + ".v_proj", c.kv_heads * c.head_dim, c.hidden),
          .q_norm = q_norm,
          .k_norm = k_norm,
          .balanced_norms = balanced(q_norm, k_norm, rope)};
}

struct Gemma3Block {
  AttentionHalf attention;
  GatedMLP mlp;
  RMSNorm input_norm, post_attention_norm, pre_mlp_norm, post_mlp_norm;

  Gemma3Block(const Gemma3Config& c, Weights& w, const std::string& name, bool sliding, const Rope& rope)
      : attention(gemma3_attention(c, w, name + ".self_attn", sliding, rope)),
        mlp(gated_mlp(w, name + ".mlp", c.hidden, c.intermediate, Gate::gelu_tanh)),
        input_norm(w.norm_beyond_one(name + ".input_layernorm", c.hidden, c.eps)),
        post_attention_norm(w.norm_beyond_one(name + ".post_attention_layernorm", c.hidden, c.eps)),
        pre_mlp_norm(w.norm_beyond_one(name + ".pre_feedforward_layernorm", c.hidden, c.eps)),
        post_mlp_norm(w.norm_beyond_one(name + ".post_feedforward_layernorm", c.hidden, c.eps)) {}

  // x: (N, hidden) -> (N, hidden). In float16 the sums would overflow.
  mx::array operator()(const mx::array& x, const AttentionPass& pass) const {
    auto h = attention(x, {.before = &input_norm, .after = &post_attention_norm, .residual = &x, .clips = true}, pass);
    return mlp(h, {.before = &pre_mlp_norm, .after = &post_mlp_norm, .residual = &h, .clips = true});
  }
};

class Gemma3 : public Model {
 public:
  Gemma3(const Config& text, const Gemma3Defaults& defaults, Weights& w)
      : config_(text, defaults),
        // In training the scale of embeddings was a bfloat16.
        embedding_scale_(static_cast<float>(mx::bfloat16_t(std::sqrt(static_cast<float>(config_.hidden))))) {
    auto prefix = w.prefix_of("embed_tokens.weight", {"language_model.model.", "model.language_model.", "model.", ""});
    make_ropes(text);
    embedding_ = w.embedding(prefix + "embed_tokens", config_.vocab, config_.hidden);
    for (int i = 0; i < config_.layers; i++) {
      bool sliding = config_.sliding[static_cast<size_t>(i)];
      blocks_.emplace_back(config_, w, prefix + "layers." + std::to_string(i), sliding,
                           sliding ? sliding_rope_ : full_rope_);
    }
    norm_ = w.norm_beyond_one(prefix + "norm", config_.hidden, config_.eps);
    head_ = w.head({"language_model.", "", "model."}, text.flag("tie_word_embeddings", true), config_.vocab,
                   config_.hidden);
  }

  mx::array compute(const mx::array& tokens, std::span<const Segment> segments) override {
    auto x = (*embedding_)(tokens);
    x = mx::multiply(x, mx::array(embedding_scale_, x.dtype()));
    for (size_t i = 0; i < blocks_.size(); i++)
      x = blocks_[i](x, {.rope = config_.sliding[i] ? sliding_rope_ : full_rope_, .segments = segments, .layer = i});
    return norm_(x);
  }

  mx::array logits(const mx::array& hidden) override {
    return head_ ? (*head_)(hidden) : embedding_->as_linear(hidden);
  }

  std::vector<CacheShape> cache_shapes() const override {
    std::vector<CacheShape> shapes;
    for (bool sliding : config_.sliding)
      shapes.push_back(
          {sliding ? config_.sliding_window : 0, 2 * config_.kv_heads * config_.head_dim, config_.head_dim});
    return shapes;
  }

  int vocab_size() const override { return config_.vocab; }
  int max_positions() const override { return config_.max_positions; }

 private:
  void make_ropes(const Config& text) {
    auto parameters = text.object("rope_parameters");
    auto plain = [&](const char* key, double fallback) {
      return Rope::Plain{.dims = config_.head_dim,
                         .base = static_cast<float>(text.number(key, fallback)),
                         .traditional = false,
                         .max_positions = config_.max_positions};
    };
    sliding_rope_ = Rope::make(plain("rope_local_base_freq", 10000),
                               parameters ? parameters->object("sliding_attention") : std::nullopt);
    full_rope_ = Rope::make(plain("rope_theta", 1000000), text.object("rope_scaling"));
  }

  Gemma3Config config_;
  float embedding_scale_;
  Rope sliding_rope_, full_rope_;
  std::optional<Embedding> embedding_;
  std::vector<Gemma3Block> blocks_;
  RMSNorm norm_{};
  std::optional<Linear> head_;
};

}  // namespace

std::unique_ptr<Model> load_gemma3(const Config& config, Weights& weights) {
  if (auto text = config.object("text_config")) {
    int vocab = config.positive("vocab_size", text->positive("vocab_size", 262208));
    Gemma3Defaults defaults{.heads = 8, .kv_heads = 4, .vocab = vocab, .max_positions = 131072};
    return std::make_unique<Gemma3>(*text, defaults, weights);
  }
  return std::make_unique<Gemma3>(config, Gemma3Defaults{.heads = 4, .kv_heads = 1, .vocab = 0, .max_positions = 32768},
                                  weights);
}

}  // namespace tether
