// Gemma 3n's text model: several streams of hidden states (AltUp), LAuReL, sparse MLPs, per-layer inputs, shared keys
// and values.
#include <algorithm>
#include <cmath>
#include <string>

#include "error.h"
#include "model/block_halves.h"
#include "model/model.h"
#include "model/per_layer.h"
#include "model/sharing.h"

namespace tether {
namespace {

// Names as in Hugging Face's Gemma3nTextConfig.
struct Gemma3nConfig {
  int hidden;
  int layers;
  int heads;
  int kv_heads;
  int head_dim;
  int vocab;
  int max_positions;
  int sliding_window;
  int shared_layers;  // the last layers, which have no keys and values of their own
  int per_layer_dim;
  int per_layer_vocab;
  int streams;
  int active;  // the stream that attention and MLP read
  int laurel_rank;
  float eps;
  float logit_softcap;  // 0: off
  std::optional<double> coefficient_clip;
  bool correct_scale;
  std::vector<int> intermediate;  // by layer
  std::vector<double> sparsity;   // by layer: the share of an MLP's gates that are closed
  std::vector<bool> sliding;      // by layer
  std::vector<size_t> sources;    // by layer: whose keys and values it reads

  explicit Gemma3nConfig(const Config& c)
      : hidden(c.positive("hidden_size")),
        layers(c.positive("num_hidden_layers")),
        heads(c.positive("num_attention_heads")),
        kv_heads(c.positive("num_key_value_heads")),
        head_dim(c.positive("head_dim")),
        vocab(c.positive("vocab_size")),
        max_positions(c.positive("max_position_embeddings", 32768)),
        sliding_window(c.positive("sliding_window")),
        shared_layers(c.integer("num_kv_shared_layers")),
        per_layer_dim(c.positive("hidden_size_per_layer_input")),
        per_layer_vocab(c.positive("vocab_size_per_layer_input")),
        streams(c.positive("altup_num_inputs")),
        active(c.integer("altup_active_idx")),
        laurel_rank(c.positive("laurel_rank")),
        eps(static_cast<float>(c.number("rms_norm_eps", 1e-6))),
        logit_softcap(static_cast<float>(c.optional_number("final_logit_softcapping", 30).value_or(0))),
        coefficient_clip(c.optional_number("altup_coef_clip", std::nullopt)),
        correct_scale(c.flag("altup_correct_scale", true)),
        sparsity(c.numbers("activation_sparsity_pattern")) {
    auto fail = [&](const std::string& what) { throw Error("bad_config", "[config] " + c.where() + ": " + what); };
    if (heads % kv_heads) fail("num_attention_heads must be a multiple of num_key_value_heads");
    if (active >= streams || streams < 2) fail("altup_active_idx must be below altup_num_inputs, and that above 1");
    for (double width : c.numbers("intermediate_size")) intermediate.push_back(static_cast<int>(width));
    if (intermediate.size() == 1) intermediate.assign(static_cast<size_t>(layers), intermediate[0]);
    if (sparsity.size() <= 1) sparsity.assign(static_cast<size_t>(layers), sparsity.empty() ? 0 : sparsity[0]);
    for (const auto& type : c.texts("layer_types")) sliding.push_back(type == "sliding_attention");
    auto count = static_cast<size_t>(layers);
    if (sliding.size() != count) fail("layer_types must have num_hidden_layers entries");
    sources = key_sources(sliding, shared_layers, c.where());
    if (intermediate.size() != count || std::ranges::min(intermediate) <= 0)
      fail("intermediate_size must be above 0, one or num_hidden_layers of them");
    if (sparsity.size() != count || std::ranges::min(sparsity) < 0 || std::ranges::max(sparsity) >= 1)
      fail("activation_sparsity_pattern must have num_hidden_layers numbers from 0 to below 1");
  }

  int own_layers() const { return layers - shared_layers; }
};

AttentionHalf gemma3n_attention(const Gemma3nConfig& c, Weights& w, const std::string& name, size_t layer) {
  Attention core{.heads = c.heads,
                 .kv_heads = c.kv_heads,
                 .head_dim = c.head_dim,
                 .scale = 1,
                 .window = c.sliding[layer] ? c.sliding_window : 0,
                 .device = w.device()};
  auto own = layer < static_cast<size_t>(c.own_layers()) ? OwnKeys::and_values : OwnKeys::none;
  return sharing_attention(w, name, core, {.hidden = c.hidden, .eps = c.eps, .own = own});
}

struct Gemma3nMLP {
  GatedMLP layers;
  std::optional<float> deviations;  // a gate opens that many standard deviations above the mean of all gates

  Gemma3nMLP(const Gemma3nConfig& c, Weights& w, const std::string& name, size_t layer)
      : layers(gated_mlp(w, name, c.hidden, c.intermediate[layer], Gate::gelu_tanh)) {
    if (c.sparsity[layer] > 0)
      deviations = std::sqrt(2.0F) * mx::erfinv(mx::array(static_cast<float>(2 * c.sparsity[layer] - 1))).item<float>();
  }

  // x: (N, hidden) -> x + after(mlp(before(x)))
  mx::array operator()(const mx::array& x, const RMSNorm& before, const RMSNorm& after) const {
    if (!deviations) return layers(x, {.before = &before, .after = &after, .residual = &x});
    auto y = before(x);
    auto gate = layers.gate_proj(y);
    auto cutoff =
        mx::add(mx::mean(gate, 1, true), mx::multiply(mx::std(gate, 1, true), mx::array(*deviations, gate.dtype())));
    gate = mx::maximum(mx::subtract(gate, cutoff), mx::array(0.0F, gate.dtype()));
    return mx::add(x, after(layers.down_proj(layers.gated(gate, layers.up_proj(y)))));
  }
};

// LAuReL: a low-rank path around attention.
struct Laurel {
  Linear left, right;
  RMSNorm norm;

  // x: (N, hidden) -> (N, hidden)
  mx::array operator()(const mx::array& x) const { return mx::add(x, norm(right(left(x)))); }
};

// AltUp: spreads a layer's output for the active stream to all streams, with coefficients that depend on the token.
struct AltUp {
  RMSNorm router_norm;
  Linear router;
  mx::array prediction;  // (streams, streams * streams), float32 and clipped
  mx::array correction;  // (streams, streams), likewise
  int streams;
  int active;

  AltUp(const Gemma3nConfig& c, Weights& w, const std::string& name)
      : router_norm(w.norm(name + ".router_norm", c.hidden, c.eps)),
        router(w.linear(name + ".modality_router", c.streams, c.hidden)),
        prediction(coefficients(c, w, name + ".prediction_coefs", c.streams * c.streams)),
        correction(coefficients(c, w, name + ".correction_coefs", c.streams)),
        streams(c.streams),
        active(c.active) {
    router_norm.weight =
        mx::multiply(*router_norm.weight, mx::array(1 / static_cast<float>(c.hidden), router_norm.weight->dtype()));
    mx::eval(*router_norm.weight);
  }

  // x: (streams, N, hidden) -> (streams, N, hidden)
  mx::array predict(const mx::array& x) const {
    auto rows = mx::matmul(modalities(mx::take(x, active, 0)), prediction);
    auto coefs = mx::swapaxes(mx::reshape(rows, {x.shape(1), streams, streams}), 1, 2);
    auto whole = mx::astype(x, mx::float32);
    auto mixed = mx::transpose(mx::matmul(mx::transpose(whole, {1, 2, 0}), coefs), {2, 0, 1});
    return mx::astype(mx::add(mixed, whole), x.dtype());
  }

  // predictions: (streams, N, hidden), activated: (N, hidden) -> (streams, N, hidden)
  mx::array correct(const mx::array& predictions, const mx::array& activated) const {
    auto coefs = mx::add(mx::matmul(modalities(activated), correction), mx::array(1.0F));
    auto innovation = mx::subtract(activated, mx::take(predictions, active, 0));
    auto spread = mx::multiply(mx::expand_dims(innovation, 0), mx::expand_dims(mx::transpose(coefs), 2));
    return mx::astype(mx::add(spread, predictions), activated.dtype());
  }

 private:
  // x: (N, hidden) -> (N, streams), float32
  mx::array modalities(const mx::array& x) const { return mx::tanh(mx::astype(router(router_norm(x)), mx::float32)); }

  static mx::array coefficients(const Gemma3nConfig& c, Weights& w, const std::string& name, int out) {
    auto weight = mx::transpose(mx::astype(w.tensor(name + ".weight", {out, c.streams}), mx::float32));
    if (c.coefficient_clip) {
      auto most = static_cast<float>(*c.coefficient_clip);
      weight = mx::clip(weight, mx::array(-most), mx::array(most));
    }
    mx::eval(weight);
    return weight;
  }
};

struct Gemma3nBlock {
  AttentionHalf attention;
  Gemma3nMLP mlp;
  AltUp altup;
  Laurel laurel;
  RMSNorm input_norm, post_attention_norm, pre_mlp_norm, post_mlp_norm, post_input_norm;
  Linear input_gate, input_projection;
  GatedUnit gated;
  std::optional<mx::array> correct_scale;  // (hidden)

  Gemma3nBlock(const Gemma3nConfig& c, Weights& w, const std::string& name, size_t layer)
      : attention(gemma3n_attention(c, w, name + ".self_attn", layer)),
        mlp(c, w, name + ".mlp", layer),
        altup(c, w, name + ".altup"),
        laurel{w.linear(name + ".laurel.linear_left", c.laurel_rank, c.hidden),
               w.linear(name + ".laurel.linear_right", c.hidden, c.laurel_rank),
               w.norm(name + ".laurel.post_laurel_norm", c.hidden, c.eps)},
        input_norm(w.norm(name + ".input_layernorm", c.hidden, c.eps)),
        post_attention_norm(w.norm(name + ".post_attention_layernorm", c.hidden, c.eps)),
        pre_mlp_norm(w.norm(name + ".pre_feedforward_layernorm", c.hidden, c.eps)),
        post_mlp_norm(w.norm(name + ".post_feedforward_layernorm", c.hidden, c.eps)),
        post_input_norm(w.norm(name + ".post_per_layer_input_norm", c.hidden, c.eps)),
        input_gate(w.linear(name + ".per_layer_input_gate", c.per_layer_dim, c.hidden)),
        input_projection(w.linear(name + ".per_layer_projection", c.hidden, c.per_layer_dim)),
        gated{Gate::gelu_tanh, w.device()} {
    auto scale = w.tensor(name + ".altup.correct_output_scale", {c.hidden});
    if (c.correct_scale) correct_scale = scale;
  }

  // x: (streams, N, hidden), input: (N, per_layer_dim) -> (streams, N, hidden)
  mx::array operator()(const mx::array& x, const AttentionPass& pass, const mx::array& input) const {
    auto predictions = altup.predict(x);
    auto active = mx::take(predictions, altup.active, 0);
    auto normed = input_norm(active);
    auto attended = attention(normed, {.after = &post_attention_norm, .residual = &active}, pass);
    auto both = mx::add(attended, laurel(normed));
    both = mx::multiply(both, mx::array(1 / std::sqrt(2.0F), both.dtype()));
    auto activated = mlp(both, pre_mlp_norm, post_mlp_norm);
    auto corrected = altup.correct(predictions, activated);

    auto first = mx::take(corrected, altup.active, 0);
    if (correct_scale) first = mx::multiply(first, *correct_scale);
    first = post_input_norm(input_projection(gated(input_gate(first), input)));
    auto head = mx::slice(corrected, {0, 0, 0}, {1, corrected.shape(1), corrected.shape(2)});
    auto rest = mx::slice(corrected, {1, 0, 0}, corrected.shape());
    return mx::concatenate({head, mx::add(rest, first)}, 0);
  }
};

class Gemma3n : public Model {
 public:
  Gemma3n(const Config& text, Weights& w) : config_(text) {
    auto prefix = w.prefix_of("embed_tokens.weight",
                              {"model.language_model.", "language_model.model.", "language_model.", "model."});
    sliding_rope_ = rope(text, "rope_local_base_freq", 10000);
    full_rope_ = rope(text, "rope_theta", 1000000);
    embedding_ = w.embedding(prefix + "embed_tokens", config_.vocab, config_.hidden);
    per_layer_.emplace(w, prefix,
                       PerLayerEmbedding::Shape{.rows = config_.per_layer_vocab,
                                                .vocab = config_.vocab,
                                                .layers = config_.layers,
                                                .dim = config_.per_layer_dim,
                                                .hidden = config_.hidden,
                                                .eps = config_.eps});
    for (size_t i = 0; i < static_cast<size_t>(config_.layers); i++)
      blocks_.emplace_back(config_, w, prefix + "layers." + std::to_string(i), i);
    std::vector<AttentionHalf*> attention;
    for (auto& block : blocks_) attention.push_back(&block.attention);
    balance(attention, config_.sources,
            [&](size_t i) -> const Rope& { return config_.sliding[i] ? sliding_rope_ : full_rope_; });
    for (int i = 0; i < config_.streams - 1; i++) {
      auto index = std::to_string(i);
      into_streams_.push_back(w.linear(prefix + "altup_projections." + index, config_.hidden, config_.hidden));
      out_of_streams_.push_back(
          w.linear(prefix + "altup_unembed_projections." + index, config_.hidden, config_.hidden));
    }
    norm_ = w.norm(prefix + "norm", config_.hidden, config_.eps);
    // It has no head of its own; some files repeat the embedding as one.
    w.head({"", "language_model.", "model."}, true, config_.vocab, config_.hidden);
  }

  mx::array compute(const mx::array& tokens, std::span<const Segment> segments) override {
    auto embedded = (*embedding_)(tokens);
    embedded = mx::multiply(embedded, mx::array(std::sqrt(static_cast<float>(config_.hidden)), embedded.dtype()));
    auto inputs = (*per_layer_)(tokens, embedded);
    auto size = magnitude(embedded);
    std::vector<mx::array> streams{embedded};
    for (const auto& project : into_streams_) streams.push_back(resized(project(embedded), size));
    auto x = mx::stack(streams, 0);
    std::vector<std::vector<KVView>> seen(blocks_.size());
    for (size_t i = 0; i < blocks_.size(); i++) {
      AttentionPass pass{.rope = config_.sliding[i] ? sliding_rope_ : full_rope_,
                         .segments = segments,
                         .layer = i,
                         .seen = &seen[config_.sources[i]]};
      x = blocks_[i](x, pass, mx::take(inputs, static_cast<int>(i), 1));
    }
    auto first = mx::take(x, 0, 0);
    size = magnitude(first);
    streams = {first};
    for (size_t i = 0; i < out_of_streams_.size(); i++)
      streams.push_back(resized(out_of_streams_[i](mx::take(x, static_cast<int>(i) + 1, 0)), size));
    return norm_(mx::mean(mx::stack(streams, 0), 0));
  }

  mx::array logits(const mx::array& hidden) override {
    return softcap(embedding_->as_linear(hidden), config_.logit_softcap);
  }

  std::vector<CacheShape> cache_shapes() const override {
    std::vector<CacheShape> shapes;
    for (int i = 0; i < config_.own_layers(); i++)
      shapes.push_back({blocks_[static_cast<size_t>(i)].attention.core.window, 2 * config_.kv_heads * config_.head_dim,
                        config_.head_dim});
    return shapes;
  }

  int vocab_size() const override { return config_.vocab; }
  int max_positions() const override { return config_.max_positions; }

 private:
  Rope rope(const Config& text, const std::string& key, double fallback) const {
    return Rope::make({.dims = config_.head_dim,
                       .base = static_cast<float>(text.number(key, fallback)),
                       .traditional = false,
                       .max_positions = config_.max_positions},
                      std::nullopt);
  }

  // The root mean square of each row: (N, hidden) -> (N, 1)
  static mx::array magnitude(const mx::array& x) { return mx::sqrt(mx::mean(mx::square(x), 1, true)); }

  static mx::array resized(const mx::array& x, const mx::array& size) {
    return mx::multiply(x, mx::divide(size, magnitude(x)));
  }

  Gemma3nConfig config_;
  Rope sliding_rope_, full_rope_;
  std::optional<Embedding> embedding_;
  std::optional<PerLayerEmbedding> per_layer_;
  std::vector<Gemma3nBlock> blocks_;
  std::vector<Linear> into_streams_, out_of_streams_;
  RMSNorm norm_{};
};

}  // namespace

std::unique_ptr<Model> load_gemma3n(const Config& config, Weights& weights) {
  auto text = config.object("text_config");
  return std::make_unique<Gemma3n>(text ? *text : config, weights);
}

}  // namespace tether
