// Llama 2 and 3.x, and models of the same architecture: Mistral and Devstral, bare or inside an image checkpoint.
#include <cmath>
#include <string>

#include "error.h"
#include "model/block_halves.h"
#include "model/model.h"

namespace tether {
namespace {

struct LlamaConfig {
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
  bool rope_traditional;
  bool attention_bias;
  bool mlp_bias;
  bool tied;
  int sliding_window;
  std::vector<bool> sliding;  // by layer
  // Ministral 3 scales the query at position p by 1 + query_beta * log(1 + floor(p / query_period)).
  double query_beta = 0;
  int query_period = 0;

  explicit LlamaConfig(const Config& c)
      : hidden(c.positive("hidden_size")),
        layers(c.positive("num_hidden_layers")),
        intermediate(c.positive("intermediate_size")),
        heads(c.positive("num_attention_heads")),
        kv_heads(c.positive("num_key_value_heads", heads)),
        head_dim(c.positive("head_dim", heads ? hidden / heads : 0)),
        vocab(c.positive("vocab_size")),
        max_positions(c.positive("max_position_embeddings", 4096)),
        eps(static_cast<float>(c.number("rms_norm_eps", 1e-6))),
        rope_theta(static_cast<float>(c.number("rope_theta", 10000))),
        rope_traditional(c.flag("rope_traditional", false)),
        attention_bias(c.flag("attention_bias", false)),
        mlp_bias(c.flag("mlp_bias", false)),
        tied(c.flag("tie_word_embeddings", true)),
        sliding_window(c.integer("sliding_window", 0)),
        sliding(static_cast<size_t>(layers), false) {
    if (heads <= 0 || kv_heads <= 0 || head_dim <= 0 || heads % kv_heads != 0)
      throw Error("bad_config", "[config] " + c.where() +
                                    ": num_attention_heads must be a multiple of num_key_value_heads, both above 0");
    if (c.text("model_type", "") == "ministral3") {
      auto parameters = c.object("rope_parameters");
      if (!parameters) throw Error("bad_config", "[config] " + c.where() + " has no \"rope_parameters\"");
      query_beta = parameters->number("llama_4_scaling_beta", 0);
      query_period = parameters->positive("original_max_position_embeddings");
    }
    auto types = c.texts("layer_types");
    if (types.empty()) return;
    if (types.size() != sliding.size())
      throw Error("bad_config", "[config] " + c.where() + ": layer_types must have num_hidden_layers entries");
    for (size_t i = 0; i < types.size(); i++) sliding[i] = types[i] == "sliding_attention";
    if (std::ranges::find(sliding, true) != sliding.end() && sliding_window <= 0)
      throw Error("bad_config", "[config] " + c.where() + ": sliding layers need a sliding_window above 0");
  }

  Rope rope(const Config& c) const {
    Rope::Plain plain{
        .dims = head_dim, .base = rope_theta, .traditional = rope_traditional, .max_positions = max_positions};
    return Rope::make(plain, c.object("rope_scaling"));
  }
};

AttentionHalf llama_attention(const LlamaConfig& c, Weights& w, const std::string& name, bool sliding) {
  return {.core = {.heads = c.heads,
                   .kv_heads = c.kv_heads,
                   .head_dim = c.head_dim,
                   .scale = 1 / std::sqrt(static_cast<float>(c.head_dim)),
                   .window = sliding ? c.sliding_window : 0,
                   .device = w.device()},
          .q_proj = w.linear(name + ".q_proj", c.heads * c.head_dim, c.hidden, c.attention_bias),
          .o_proj = w.linear(name + ".o_proj", c.hidden, c.heads * c.head_dim, c.attention_bias),
          .k_proj = w.linear(name + ".k_proj", c.kv_heads * c.head_dim, c.hidden, c.attention_bias),
          .v_proj = w.linear(name + ".v_proj", c.kv_heads * c.head_dim, c.hidden, c.attention_bias)};
}

struct LlamaBlock {
  AttentionHalf attention;
  GatedMLP mlp;
  RMSNorm input_norm, post_norm;

  LlamaBlock(const LlamaConfig& c, Weights& w, const std::string& name, bool sliding)
      : attention(llama_attention(c, w, name + ".self_attn", sliding)),
        mlp(gated_mlp(w, name + ".mlp", c.hidden, c.intermediate, Gate::silu, c.mlp_bias)),
        input_norm(w.norm(name + ".input_layernorm", c.hidden, c.eps)),
        post_norm(w.norm(name + ".post_attention_layernorm", c.hidden, c.eps)) {}

  // x: (N, hidden) -> (N, hidden)
  mx::array operator()(const mx::array& x, const AttentionPass& pass) const {
    auto h = attention(x, {.before = &input_norm, .residual = &x}, pass);
    return mlp(h, {.before = &post_norm, .residual = &h});
  }
};

class Llama : public Model {
 public:
  Llama(const Config& text, Weights& w) : config_(text), rope_(config_.rope(text)) {
    auto prefix = w.prefix_of("embed_tokens.weight",
                              {"model.", "language_model.model.", "model.language_model.", "language_model.", ""});
    embedding_ = w.embedding(prefix + "embed_tokens", config_.vocab, config_.hidden);
    for (int i = 0; i < config_.layers; i++)
      blocks_.emplace_back(config_, w, prefix + "layers." + std::to_string(i), config_.sliding[static_cast<size_t>(i)]);
    norm_ = w.norm(prefix + "norm", config_.hidden, config_.eps);
    head_ = w.head({"", "language_model.", "model."}, config_.tied, config_.vocab, config_.hidden);
  }

  mx::array compute(const mx::array& tokens, std::span<const Segment> segments) override {
    auto x = (*embedding_)(tokens);
    auto scale = query_scale(segments, x.dtype());
    for (size_t i = 0; i < blocks_.size(); i++)
      x = blocks_[i](x, {.rope = rope_, .segments = segments, .layer = i, .query_scale = scale ? &*scale : nullptr});
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
  // -> (N, 1); nullopt if all scales are 1.
  std::optional<mx::array> query_scale(std::span<const Segment> segments, mx::Dtype dtype) const {
    if (config_.query_beta == 0) return std::nullopt;
    std::vector<float> scales;
    bool far = false;
    for (const auto& segment : segments) {
      int offset = (*segment.caches)[0].offset();
      far = far || offset + segment.length > config_.query_period;
      for (int at = offset; at < offset + segment.length; at++)
        scales.push_back(static_cast<float>(1 + config_.query_beta * std::log1p(at / config_.query_period)));
    }
    if (!far) return std::nullopt;
    return mx::astype(mx::array(scales.data(), {static_cast<int>(scales.size()), 1}, mx::float32), dtype);
  }

  LlamaConfig config_;
  Rope rope_;
  std::optional<Embedding> embedding_;
  std::vector<LlamaBlock> blocks_;
  RMSNorm norm_{};
  std::optional<Linear> head_;
};

}  // namespace

std::unique_ptr<Model> load_llama(const Config& config, Weights& weights) {
  return std::make_unique<Llama>(config, weights);
}

std::unique_ptr<Model> load_mistral3(const Config& config, Weights& weights) {
  auto text = config.object("text_config");
  if (!text)
    throw Error("bad_config", "[config] " + config.where() + " has no \"text_config\". Download config.json again.");
  auto type = text->text("model_type", "mistral");
  if (type != "mistral" && type != "ministral3" && type != "llama")
    throw Error("unsupported_model", R"([model] model_type "mistral3" around ")" + type +
                                         "\" is not supported. Supported: mistral, ministral3, llama.");
  return std::make_unique<Llama>(*text, weights);
}

}  // namespace tether
