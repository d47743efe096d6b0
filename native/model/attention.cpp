// Attention, segment by segment against each segment's own cache: all other layers compute each token by itself.
#include "model/attention.h"

#include <limits>
#include <string>
#include <utility>

#include "cpu/ops/elementwise.h"
#include "model/hadamard.h"
#include "model/layers.h"

namespace tether {
namespace {

// Rows [begin, begin + count) of x: (N, heads * dim) -> (1, heads, count, dim)
mx::array split_heads(const mx::array& x, int begin, int count, int heads, int dim) {
  auto rows = x.shape(0) == count ? x : mx::slice(x, {begin, 0}, {begin + count, x.shape(1)});
  return mx::transpose(mx::reshape(rows, {1, count, heads, dim}), {0, 2, 1, 3});
}

// (1, heads, count, dim) -> (count, heads * dim)
mx::array join_heads(const mx::array& x) {
  return mx::reshape(mx::transpose(x, {0, 2, 1, 3}), {x.shape(2), x.shape(1) * x.shape(3)});
}

// -> (queries, slots): query i, at slot S - T + i, sees itself and the slots before it, at most window - 1 of them.
mx::array visible(int queries, int slots, int window) {
  auto slot = mx::arange(slots);
  auto at = mx::expand_dims(mx::arange(slots - queries, slots), 1);
  auto before = mx::less_equal(slot, at);
  if (!window) return before;
  return mx::logical_and(before, mx::greater(slot, mx::subtract(at, mx::array(window))));
}

// x: (1, kv_heads, R, in) times each head's slots, as a matrix or its transpose -> (1, kv_heads, R, out)
mx::array multiply_quantized(const mx::array& x, const Matrix& slots, bool transpose) {
  const auto& [mode, bits, group_size] = slots.quantization;
  return mx::quantized_matmul(x, slots.numbers, *slots.scales, slots.biases, transpose, group_size, bits,
                              mode_name(mode));
}

mx::array gather(std::vector<mx::array> outputs) {
  return outputs.size() == 1 ? outputs[0] : mx::concatenate(outputs, 0);
}

}  // namespace

mx::array Attention::own(const Rope& rope, const mx::array& q, const mx::array& k, const mx::array& v,
                         std::span<const Segment> segments, size_t index, std::vector<KVView>& seen) const {
  bool transformed = is_transformed((*segments[0].caches)[index].quantization());
  auto stored_v = transformed ? hadamard(v, head_dim, HadamardSide::stored, device) : v;
  std::vector<mx::array> outputs;
  int begin = 0;
  for (const auto& segment : segments) {
    auto& cache = (*segment.caches)[index];
    int offset = cache.offset();
    auto queries = rotate(q, begin, segment.length, heads, rope, offset);
    auto keys = rotate(k, begin, segment.length, kv_heads, rope, offset);
    if (transformed) keys = hadamard(keys, head_dim, HadamardSide::stored, device);
    auto values = split_heads(stored_v, begin, segment.length, kv_heads, head_dim);
    seen.push_back(cache.append(keys, values));
    outputs.push_back(attend(queries, seen.back(), rope));
    begin += segment.length;
  }
  return gather(std::move(outputs));
}

mx::array Attention::own_at_once(const Rope& rope, const mx::array& projections, const cpu::HeadNorms& norms,
                                 bool values_are_keys, std::span<const Segment> segments, size_t index,
                                 std::vector<KVView>* seen) const {
  cpu::HeadsForm form_of_heads{.queries = heads,
                               .keys = kv_heads,
                               .dim = head_dim,
                               .values_are_keys = values_are_keys,
                               .traditional = rope.traditional};
  std::vector<mx::array> outputs;
  int begin = 0;
  for (const auto& segment : segments) {
    auto& cache = (*segment.caches)[index];
    auto room = cache.room(segment.length);
    auto [mixed, keys, values] =
        cpu::append_and_attend(projections, begin, segment.length, rope.angles(cache.offset(), segment.length),
                               form_of_heads, norms, room, form(rope));
    cache.fill(room, segment.length, keys, values);
    if (seen) seen->push_back(cache.newest(segment.length));
    outputs.push_back(std::move(mixed));
    begin += segment.length;
  }
  return gather(std::move(outputs));
}

mx::array Attention::shared(const Rope& rope, const mx::array& q, std::span<const Segment> segments,
                            const std::vector<KVView>& seen) const {
  std::vector<mx::array> outputs;
  int begin = 0;
  for (size_t i = 0; i < segments.size(); i++) {
    int length = segments[i].length;
    auto queries = rotate(q, begin, length, heads, rope, seen[i].offset);
    outputs.push_back(attend(queries, seen[i], rope));
    begin += length;
  }
  return gather(std::move(outputs));
}

cpu::AttentionForm Attention::form(const Rope& rope) const {
  return {.scale = scale * rope.magnitude * rope.magnitude, .window = window, .softcap = softcap};
}

// Rows [begin, begin + count) of x: (N, heads_of_x * head_dim), rotated to positions from `offset` on
// -> (1, heads_of_x, count, head_dim)
mx::array Attention::rotate(const mx::array& x, int begin, int count, int heads_of_x, const Rope& rope,
                            int offset) const {
  if (device.own_kernels) return cpu::rotate(x, begin, count, heads_of_x, rope.angles(offset, count), rope.traditional);
  return rope(split_heads(x, begin, count, heads_of_x, head_dim), offset);
}

// q: (1, heads, T, head_dim) -> (T, heads * head_dim)
mx::array Attention::attend(const mx::array& q, const KVView& view, const Rope& rope) const {
  if (!is_transformed(view.keys.quantization)) return attend_stored(q, view, rope);
  auto transform = [&](const mx::array& x) { return hadamard(x, head_dim, HadamardSide::reading, device); };
  return transform(attend_stored(transform(q), view, rope));
}

// The same with queries and results as the keys and values are stored.
mx::array Attention::attend_stored(const mx::array& q, const KVView& view, const Rope& rope) const {
  if (device.own_kernels) return cpu::attend(q, view.keys, view.values, form(rope));
  float scores_scale = form(rope).scale;
  int queries = q.shape(2);
  int slots = view.slots();
  auto fused = [&](const std::string& mask, const std::optional<mx::array>& array) {
    return join_heads(mx::fast::scaled_dot_product_attention(q, view.keys.dequantized(), view.values.dequantized(),
                                                             scores_scale, mask, array));
  };
  if (queries == 1 && view.keys.quantized() && device.multiplies_packed_slots)
    return join_heads(attend_quantized(q, view, scores_scale));
  if (softcap > 0) return join_heads(attend_capped(q, view, scores_scale));
  if (queries == 1) return fused("", std::nullopt);
  if (!window || slots <= window) return fused("causal", std::nullopt);
  return fused("array", visible(queries, slots, window));
}

// Caps the scores before the softmax, which no fused kernel of MLX does.
mx::array Attention::attend_capped(const mx::array& q, const KVView& view, float scores_scale) const {
  int queries = q.shape(2);
  auto scaled = mx::multiply(q, mx::array(scores_scale, q.dtype()));
  auto grouped = mx::reshape(scaled, {1, kv_heads, heads / kv_heads, queries, head_dim});
  auto keys = mx::expand_dims(mx::swapaxes(view.keys.dequantized(), 2, 3), 2);
  auto scores = tether::softcap(mx::matmul(grouped, keys), softcap);
  if (queries > 1) {
    auto lowest = mx::array(-std::numeric_limits<float>::infinity(), scores.dtype());
    scores = mx::where(visible(queries, view.slots(), window), scores, lowest);
  }
  auto mixed = mx::matmul(mx::softmax(scores, -1, true), mx::expand_dims(view.values.dequantized(), 2));
  return mx::reshape(mixed, {1, heads, queries, head_dim});
}

// One query over quantized keys and values as they are stored: dequantizing would write and read them once more.
mx::array Attention::attend_quantized(const mx::array& q, const KVView& view, float scores_scale) const {
  auto scaled = mx::multiply(q, mx::array(scores_scale, q.dtype()));
  auto grouped = mx::reshape(scaled, {1, kv_heads, heads / kv_heads, head_dim});
  auto scores = tether::softcap(multiply_quantized(grouped, view.keys, true), softcap);
  auto mixed = multiply_quantized(mx::softmax(scores, -1, true), view.values, false);
  return mx::reshape(mixed, {1, heads, 1, head_dim});
}

}  // namespace tether
