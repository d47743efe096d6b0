// The layers of Gemma 4's text model, and of the assistants that draft for it.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "error.h"
#include "model/block_halves.h"
#include "model/model.h"
#include "model/sharing.h"

namespace tether {

// Names and defaults as in Hugging Face's Gemma4TextConfig.
struct Gemma4Config {
  int hidden;
  int layers;
  int intermediate;
  int heads;
  int kv_heads;
  int head_dim;
  int global_kv_heads;
  int global_head_dim;
  int vocab;
  int max_positions;
  int sliding_window;
  int shared_layers;  // the last layers, which have no keys and values of their own
  int per_layer_dim;  // 0: no per-layer inputs
  int per_layer_vocab;
  int experts;  // 0: no experts beside the MLP
  int experts_per_token = 0;
  int expert_intermediate = 0;
  float eps;
  float softcap;  // 0: off
  bool rope_traditional;
  bool k_eq_v;
  bool double_wide;
  bool tied;
  std::vector<bool> sliding;    // by layer
  std::vector<size_t> sources;  // by layer: whose keys and values it reads

  // borrows: no layer has keys and values of its own, as in an assistant.
  explicit Gemma4Config(const Config& c, bool borrows = false)
      : hidden(c.positive("hidden_size", 1536)),
        layers(c.positive("num_hidden_layers", 35)),
        intermediate(c.positive("intermediate_size", 6144)),
        heads(c.positive("num_attention_heads", 8)),
        kv_heads(c.positive("num_key_value_heads", 1)),
        head_dim(c.positive("head_dim", 256)),
        global_kv_heads(kv_heads),
        global_head_dim(c.optional_integer("global_head_dim", 512).value_or(0)),
        vocab(c.positive("vocab_size", 262144)),
        max_positions(c.positive("max_position_embeddings", 131072)),
        sliding_window(c.positive("sliding_window", 512)),
        shared_layers(borrows ? layers : c.optional_integer("num_kv_shared_layers", 20).value_or(0)),
        per_layer_dim(borrows ? 0 : c.optional_integer("hidden_size_per_layer_input", 256).value_or(0)),
        per_layer_vocab(c.positive("vocab_size_per_layer_input", vocab)),
        experts(c.flag("enable_moe_block", false) ? c.positive("num_experts") : 0),
        eps(static_cast<float>(c.number("rms_norm_eps", 1e-6))),
        softcap(static_cast<float>(c.optional_number("final_logit_softcapping", 30.0).value_or(0))),
        rope_traditional(c.flag("rope_traditional", false)),
        k_eq_v(c.flag("attention_k_eq_v", false)),
        double_wide(c.flag("use_double_wide_mlp", true)),
        tied(c.flag("tie_word_embeddings", true)) {
    if (experts) {
      experts_per_token = c.positive("top_k_experts");
      expert_intermediate = c.positive("moe_intermediate_size");
      if (experts_per_token > experts)
        throw Error("bad_config", "[config] " + c.where() + ": top_k_experts must not be above num_experts");
    }
    if (!global_head_dim) global_head_dim = head_dim;
    if (k_eq_v) global_kv_heads = c.positive("num_global_key_value_heads", kv_heads);
    if (heads <= 0 || kv_heads <= 0 || global_kv_heads <= 0 || heads % kv_heads || heads % global_kv_heads)
      throw Error("bad_config", "[config] " + c.where() +
                                    ": num_attention_heads must be a multiple of the key-value heads, all above 0");
    auto types = c.texts("layer_types");
    if (types.empty()) {
      int pattern = std::max(1, c.integer("sliding_window_pattern", 5));
      for (int i = 0; i < layers; i++) sliding.push_back((i + 1) % pattern != 0);
    } else {
      for (const auto& type : types) sliding.push_back(type == "sliding_attention");
    }
    if (sliding.size() != static_cast<size_t>(layers))
      throw Error("bad_config", "[config] " + c.where() + ": layer_types must have num_hidden_layers entries");
    if (!borrows) sources = key_sources(sliding, shared_layers, c.where());
  }

  int own_layers() const { return layers - shared_layers; }
};

inline AttentionHalf gemma4_attention(const Gemma4Config& c, Weights& w, const std::string& name, size_t layer) {
  bool sliding = c.sliding[layer];
  Attention core{.heads = c.heads,
                 .kv_heads = sliding ? c.kv_heads : c.global_kv_heads,
                 .head_dim = sliding ? c.head_dim : c.global_head_dim,
                 .scale = 1,
                 .window = sliding ? c.sliding_window : 0,
                 .device = w.device()};
  auto own = c.k_eq_v && !sliding ? OwnKeys::as_values : OwnKeys::and_values;
  if (layer >= static_cast<size_t>(c.own_layers())) own = OwnKeys::none;
  return sharing_attention(w, name, core, {.hidden = c.hidden, .eps = c.eps, .own = own});
}

// Picks the experts of each token and their shares.
struct Gemma4Router {
  RMSNorm norm;
  Linear proj;
  mx::array expert_scale;  // (experts)
  int chosen;

  Gemma4Router(const Gemma4Config& c, Weights& w, const std::string& name)
      : norm{w.tensor(name + ".scale", {c.hidden}), c.eps, w.device()},
        proj(w.linear(name + ".proj", c.experts, c.hidden)),
        expert_scale(w.tensor(name + ".per_expert_scale", {c.experts})),
        chosen(c.experts_per_token) {
    norm.weight =
        mx::multiply(*norm.weight, mx::array(1 / std::sqrt(static_cast<float>(c.hidden)), norm.weight->dtype()));
    mx::eval(*norm.weight);
  }

  // x: (N, hidden) -> the experts (N, chosen) and their shares (N, chosen)
  std::pair<mx::array, mx::array> operator()(const mx::array& x) const {
    auto scores = proj(norm(x));
    int experts = scores.shape(1);
    auto order = mx::argpartition(scores, -chosen, 1);
    auto best = mx::slice(order, {0, experts - chosen}, order.shape());
    auto shares = mx::softmax(mx::take_along_axis(scores, best, 1), 1);
    return {best, mx::multiply(shares, mx::take(expert_scale, best, 0))};
  }
};

struct Gemma4Experts {
  std::optional<ExpertLinear> gate_proj, up_proj, down_proj;
  GatedUnit gated;

  Gemma4Experts(const Gemma4Config& c, Weights& w, const std::string& name) : gated{Gate::gelu_tanh, w.device()} {
    if (w.has(name + ".gate_up_proj")) {  // as Google publishes it
      auto both = w.tensor(name + ".gate_up_proj", {c.experts, 2 * c.expert_intermediate, c.hidden});
      auto parts = mx::split(both, 2, 1);
      for (auto& part : parts) part = mx::contiguous(part);
      mx::eval(parts);
      gate_proj = ExpertLinear{{.numbers = parts[0]}, w.device()};
      up_proj = ExpertLinear{{.numbers = parts[1]}, w.device()};
      auto down = w.tensor(name + ".down_proj", {c.experts, c.hidden, c.expert_intermediate});
      down_proj = ExpertLinear{{.numbers = down}, w.device()};
    } else {
      gate_proj = w.experts(name + ".switch_glu.gate_proj", c.experts, c.expert_intermediate, c.hidden);
      up_proj = w.experts(name + ".switch_glu.up_proj", c.experts, c.expert_intermediate, c.hidden);
      down_proj = w.experts(name + ".switch_glu.down_proj", c.experts, c.hidden, c.expert_intermediate);
    }
  }

  // x: (N, hidden), experts and shares: (N, chosen) -> (N, hidden)
  mx::array operator()(const mx::array& x, const mx::array& experts, const mx::array& shares) const {
    // From this many on it pays to sort the tokens by expert.
    constexpr size_t kSort = 64;
    int hidden = x.shape(1);
    int chosen = experts.shape(1);
    auto weigh = [&](const mx::array& y) {  // (N, chosen, hidden) -> (N, hidden)
      return mx::sum(mx::multiply(mx::expand_dims(shares, 2), y), 1);
    };
    if (experts.size() < kSort) {
      auto y = run(mx::expand_dims(x, {1, 2}), experts, false);
      return weigh(mx::squeeze(y, 2));
    }
    auto flat = mx::flatten(experts);
    auto order = mx::argsort(flat);
    auto rows = mx::take(x, mx::floor_divide(order, mx::array(chosen, order.dtype())), 0);
    auto y = run(mx::expand_dims(rows, 1), mx::take(flat, order, 0), true);
    return weigh(mx::reshape(mx::take(y, mx::argsort(order), 0), {x.shape(0), chosen, hidden}));
  }

 private:
  mx::array run(const mx::array& x, const mx::array& experts, bool sorted) const {
    return (*down_proj)(gated((*gate_proj)(x, experts, sorted), (*up_proj)(x, experts, sorted)), experts, sorted);
  }
};

// The experts beside each layer's MLP, as in 26B-A4B.
struct Gemma4Mixture {
  Gemma4Router router;
  Gemma4Experts experts;
  RMSNorm post_mlp_norm, pre_experts_norm, post_experts_norm;

  Gemma4Mixture(const Gemma4Config& c, Weights& w, const std::string& name)
      : router(c, w, name + ".router"),
        experts(c, w, name + ".experts"),
        post_mlp_norm(w.norm(name + ".post_feedforward_layernorm_1", c.hidden, c.eps)),
        pre_experts_norm(w.norm(name + ".pre_feedforward_layernorm_2", c.hidden, c.eps)),
        post_experts_norm(w.norm(name + ".post_feedforward_layernorm_2", c.hidden, c.eps)) {}

  // x, mlp (the MLP's output for x): (N, hidden) -> (N, hidden)
  mx::array operator()(const mx::array& x, const mx::array& mlp) const {
    auto [chosen, shares] = router(x);
    return mx::add(post_mlp_norm(mlp), post_experts_norm(experts(pre_experts_norm(x), chosen, shares)));
  }
};

// What E2B and E4B add to each layer: a gated small embedding of the token.
struct PerLayerInput {
  Linear gate, projection;
  RMSNorm norm;
  GatedUnit gated;

  // x: (N, hidden), input: (N, per_layer_dim) -> (N, hidden)
  mx::array operator()(const mx::array& x, const mx::array& input) const {
    return mx::add(x, norm(projection(gated(gate(x), input))));
  }
};

struct Gemma4Block {
  AttentionHalf attention;
  GatedMLP mlp;
  RMSNorm input_norm, post_attention_norm, pre_mlp_norm, post_mlp_norm;
  std::optional<Gemma4Mixture> mixture;
  std::optional<PerLayerInput> per_layer;
  std::optional<mx::array> scalar;  // (1)

  Gemma4Block(const Gemma4Config& c, Weights& w, const std::string& name, size_t layer)
      : attention(gemma4_attention(c, w, name + ".self_attn", layer)),
        mlp(gated_mlp(w, name + ".mlp", c.hidden, mlp_width(c, layer), Gate::gelu_tanh)),
        input_norm(w.norm(name + ".input_layernorm", c.hidden, c.eps)),
        post_attention_norm(w.norm(name + ".post_attention_layernorm", c.hidden, c.eps)),
        pre_mlp_norm(w.norm(name + ".pre_feedforward_layernorm", c.hidden, c.eps)),
        post_mlp_norm(w.norm(name + ".post_feedforward_layernorm", c.hidden, c.eps)) {
    if (c.experts) mixture.emplace(c, w, name);
    if (c.per_layer_dim)
      per_layer = PerLayerInput{w.linear(name + ".per_layer_input_gate", c.per_layer_dim, c.hidden),
                                w.linear(name + ".per_layer_projection", c.hidden, c.per_layer_dim),
                                w.norm(name + ".post_per_layer_input_norm", c.hidden, c.eps),
                                GatedUnit{Gate::gelu_tanh, w.device()}};
    if (w.has(name + ".layer_scalar")) scalar = w.tensor(name + ".layer_scalar", {1});
  }

  // x: (N, hidden) -> (N, hidden)
  mx::array operator()(const mx::array& x, const AttentionPass& pass, const std::optional<mx::array>& input) const {
    auto h = attention(x, {.before = &input_norm, .after = &post_attention_norm, .residual = &x}, pass);
    if (mixture)
      h = mx::add(h, post_mlp_norm((*mixture)(h, mlp(h, {.before = &pre_mlp_norm}))));
    else
      h = mlp(h, {.before = &pre_mlp_norm, .after = &post_mlp_norm, .residual = &h});
    if (per_layer) h = (*per_layer)(h, *input);
    return scalar ? mx::multiply(h, *scalar) : h;
  }

 private:
  static int mlp_width(const Gemma4Config& c, size_t layer) {
    bool wide = c.double_wide && c.shared_layers && layer >= static_cast<size_t>(c.own_layers());
    return c.intermediate * (wide ? 2 : 1);
  }
};

// kind: sliding_attention or full_attention.
inline Rope gemma4_rope(const Gemma4Config& c, const std::string& kind, const std::optional<Config>& parameters) {
  bool full = kind == "full_attention";
  // Without rope_parameters: the values of the published models.
  static const Json kFull{
      Json::Object{{"rope_type", {std::string("proportional")}}, {"partial_rotary_factor", {0.25}}}};
  Rope::Plain plain{.dims = full ? c.global_head_dim : c.head_dim,
                    .base = full ? 1000000.0F : 10000.0F,
                    .traditional = c.rope_traditional,
                    .max_positions = c.max_positions};
  if (!parameters) {
    std::optional<Config> scaling;
    if (full) scaling = Config(kFull, "the default rope_parameters");
    return Rope::make(plain, scaling);
  }
  auto entry = parameters->object(kind);
  plain.base = static_cast<float>(entry ? entry->number("rope_theta", 10000) : 10000);
  return Rope::make(plain, entry);
}

}  // namespace tether
