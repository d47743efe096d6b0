// The two halves of a block: attention and a gated MLP, each with the norms and the sum around it.
#include "model/block_halves.h"

#include <algorithm>
#include <initializer_list>

#include "cpu/ops/stages.h"

namespace tether {
namespace {

std::optional<cpu::Norm> as_stage_norm(const RMSNorm* norm) {
  if (!norm) return std::nullopt;
  return cpu::Norm{.weight = norm->weight, .eps = norm->eps};
}

std::optional<cpu::Norm> as_stage_norm(const std::optional<RMSNorm>& norm) {
  return as_stage_norm(norm ? &*norm : nullptr);
}

// Whether the layers can be computed as one stage of x, which is rounded once for all of them.
bool make_a_stage(const mx::array& x, std::initializer_list<const Linear*> layers) {
  const auto& first = **layers.begin();
  return first.device.own_kernels && x.shape(0) <= kFewRows && std::ranges::all_of(layers, [&](const auto* layer) {
           return layer->bare() && layer->matrix.quantization == first.matrix.quantization &&
                  layer->matrix.interleaved == first.matrix.interleaved;
         });
}

mx::array normed(const RMSNorm* norm, const mx::array& x) { return norm ? (*norm)(x) : x; }

mx::array summed(const mx::array& y, const Around& around) {
  auto after = normed(around.after, y);
  if (!around.residual) return after;
  if (!around.clips || after.dtype() != mx::float16) return mx::add(*around.residual, after);
  constexpr float kMost = 65504;
  auto sum = mx::add(mx::astype(*around.residual, mx::float32), mx::astype(after, mx::float32));
  return mx::astype(mx::clip(sum, mx::array(-kMost), mx::array(kMost)), mx::float16);
}

std::optional<mx::array> residual_of(const Around& around) {
  return around.residual ? std::optional(*around.residual) : std::nullopt;
}

// layer(before(x))
mx::array projected(const Linear& layer, const RMSNorm* before, const mx::array& x) {
  if (!make_a_stage(x, {&layer})) return layer(normed(before, x));
  return cpu::in_stages(x, {{.before = as_stage_norm(before), .matrices = {&layer.matrix}}}, std::nullopt,
                        layer.device.activations);
}

// residual + after(layer(x))
mx::array finished(const Linear& layer, const mx::array& x, const Around& around) {
  if (!make_a_stage(x, {&layer})) return summed(layer(x), around);
  return cpu::in_stages(x, {{.matrices = {&layer.matrix}, .after = as_stage_norm(around.after)}}, residual_of(around),
                        layer.device.activations);
}

}  // namespace

mx::array AttentionHalf::operator()(const mx::array& x, const Around& around, const AttentionPass& pass) const {
  auto mixed = attended_at_once(x, around.before, pass);
  return finished(o_proj, mixed ? *mixed : attended(x, around.before, pass), around);
}

// (N, hidden) -> (N, heads * head_dim)
mx::array AttentionHalf::attended(const mx::array& x, const RMSNorm* before, const AttentionPass& pass) const {
  auto heads = [](const std::optional<RMSNorm>& norm, const mx::array& all, int count) {
    return norm ? norm_heads(*norm, all, count) : all;
  };
  auto stored = [&] {
    return k_proj ? (*pass.segments[0].caches)[pass.layer].quantization() : pass.seen->front().keys.quantization;
  };
  bool balances = balanced_norms && is_transformed(stored());
  auto queries = [&](const mx::array& q) {
    return heads(balances ? std::optional(balanced_norms->queries) : q_norm,
                 pass.query_scale ? mx::multiply(q, *pass.query_scale) : q, core.heads);
  };
  if (!k_proj) return core.shared(pass.rope, queries(projected(q_proj, before, x)), pass.segments, *pass.seen);
  auto y = normed(before, x);
  auto q = q_proj(y);
  auto k = (*k_proj)(y);
  auto v = v_proj ? (*v_proj)(y) : k;
  std::vector<KVView> unread;
  return core.own(pass.rope, queries(q), heads(balances ? balanced_norms->keys : k_norm, k, core.kv_heads),
                  heads(v_norm, v, core.kv_heads), pass.segments, pass.layer, pass.seen ? *pass.seen : unread);
}

// nullopt: not in this pass.
std::optional<mx::array> AttentionHalf::attended_at_once(const mx::array& x, const RMSNorm* before,
                                                         const AttentionPass& pass) const {
  if (!k_proj || pass.query_scale) return std::nullopt;
  bool fits = v_proj ? make_a_stage(x, {&q_proj, &*k_proj, &*v_proj}) : make_a_stage(x, {&q_proj, &*k_proj});
  if (!fits || (*pass.segments[0].caches)[pass.layer].quantization().mode != QuantMode::none) return std::nullopt;
  cpu::Stage stage{.before = as_stage_norm(before), .matrices = {&q_proj.matrix, &k_proj->matrix}};
  if (v_proj) stage.matrices.push_back(&v_proj->matrix);
  auto projections = cpu::in_stages(x, {stage}, std::nullopt, q_proj.device.activations);
  cpu::HeadNorms norms{
      .queries = as_stage_norm(q_norm), .keys = as_stage_norm(k_norm), .values = as_stage_norm(v_norm)};
  return core.own_at_once(pass.rope, projections, norms, !v_proj, pass.segments, pass.layer, pass.seen);
}

mx::array GatedMLP::operator()(const mx::array& x, const Around& around) const {
  if (make_a_stage(x, {&gate_proj, &up_proj}) && make_a_stage(x, {&down_proj}))
    return cpu::in_stages(
        x,
        {{.before = as_stage_norm(around.before), .matrices = {&gate_proj.matrix, &up_proj.matrix}, .gate = gated.gate},
         {.matrices = {&down_proj.matrix}, .after = as_stage_norm(around.after)}},
        residual_of(around), gate_proj.device.activations);
  auto y = normed(around.before, x);
  return summed(down_proj(gated(gate_proj(y), up_proj(y))), around);
}

GatedMLP gated_mlp(Weights& w, const std::string& name, int hidden, int width, Gate gate, bool bias) {
  return {.gate_proj = w.linear(name + ".gate_proj", width, hidden, bias),
          .up_proj = w.linear(name + ".up_proj", width, hidden, bias),
          .down_proj = w.linear(name + ".down_proj", hidden, width, bias),
          .gated = {gate, w.device()}};
}

}  // namespace tether
