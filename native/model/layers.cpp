// The pieces every family is made of: linear, embedding, norm, RoPE, attention over segments.
#include "model/layers.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "cpu/ops.h"
#include "error.h"
#include "model/device.h"

namespace tether {
namespace {

// Whether tether's own kernels compute with x.
bool by_own_kernels(const mx::array& x) { return x.dtype() == mx::float32 && cpu::in_use(); }

PackedMatrix::Format format_of(const mx::array& weight, const Quantization& quantization, bool packed) {
  using Format = PackedMatrix::Format;
  if (packed && quantization.mode == "mxfp4") return Format::mxfp4;
  if (packed && quantization.mode == "mxfp8") return Format::mxfp8;
  if (packed && quantization.mode == "nvfp4") return Format::nvfp4;
  if (packed) return Format::affine;
  if (weight.dtype() == mx::bfloat16) return Format::bf16;
  return weight.dtype() == mx::float16 ? Format::f16 : Format::f32;
}

cpu::Matrix to_matrix(const mx::array& weight, const std::optional<mx::array>& scales,
                      const std::optional<mx::array>& biases, const Quantization& quantization) {
  bool packed = scales.has_value();
  int bits = packed ? quantization.bits : static_cast<int>(weight.dtype().size()) * 8;
  PackedMatrix form{.format = format_of(weight, quantization, packed),
                    .bits = bits,
                    .group = packed ? quantization.group_size : 1,
                    .width = static_cast<long>(weight.shape(-1)) * (packed ? 32 : bits) / bits};
  return {weight, scales, biases, form};
}

cpu::Cache to_cache(const StoredSlots& slots) {
  return {.numbers = slots.numbers, .scales = slots.scales, .biases = slots.biases, .bits = slots.bits};
}

cpu::Matrix to_matrix(const Linear& linear) {
  return to_matrix(linear.weight, linear.scales, linear.biases, linear.quantization);
}

// rows [begin, begin + count) of x: (N, heads * dim) -> (1, heads, count, dim)
mx::array split_heads(const mx::array& x, int begin, int count, int heads, int dim) {
  auto rows = x.shape(0) == count ? x : mx::slice(x, {begin, 0}, {begin + count, x.shape(1)});
  return mx::transpose(mx::reshape(rows, {1, count, heads, dim}), {0, 2, 1, 3});
}

// (1, heads, count, dim) -> (count, heads * dim)
mx::array join_heads(const mx::array& x) {
  return mx::reshape(mx::transpose(x, {0, 2, 1, 3}), {x.shape(2), x.shape(1) * x.shape(3)});
}

// (queries, slots): query i sits at slot S - T + i and sees itself and the slots before it, window - 1 of them at most.
mx::array visible(int queries, int slots, int window) {
  auto slot = mx::arange(slots);
  auto at = mx::expand_dims(mx::arange(slots - queries, slots), 1);
  auto before = mx::less_equal(slot, at);
  if (!window) return before;
  return mx::logical_and(before, mx::greater(slot, mx::subtract(at, mx::array(window))));
}

// Scores that are capped before the softmax, which no fused kernel knows.
mx::array attend_capped(const mx::array& q, const KVCache::View& view, const Attention::Shape& shape, float scale) {
  int queries = q.shape(2);
  int slots = view.keys.count();
  int repeats = shape.heads / shape.kv_heads;
  auto scaled = mx::multiply(q, mx::array(scale, q.dtype()));
  auto grouped = mx::reshape(scaled, {1, shape.kv_heads, repeats, queries, shape.head_dim});
  auto keys = mx::expand_dims(mx::swapaxes(view.keys.unpacked(), 2, 3), 2);
  auto scores = softcap(mx::matmul(grouped, keys), shape.softcap);
  if (queries > 1) {
    auto lowest = mx::array(-std::numeric_limits<float>::infinity(), scores.dtype());
    scores = mx::where(visible(queries, slots, shape.window), scores, lowest);
  }
  auto mixed = mx::matmul(mx::softmax(scores, -1, true), mx::expand_dims(view.values.unpacked(), 2));
  return mx::reshape(mixed, {1, shape.heads, queries, shape.head_dim});
}

// x: (1, kv_heads, R, in) by each head's slots, as a matrix or its transpose -> (1, kv_heads, R, out)
mx::array by_slots(const mx::array& x, const StoredSlots& slots, int head_dim, bool transpose) {
  return mx::quantized_matmul(x, slots.numbers, *slots.scales, slots.biases, transpose,
                              head_dim / slots.scales->shape(3), slots.bits);
}

// One query over packed keys and values, which are read as they are: unpacked they would be written and read once more.
mx::array attend_packed(const mx::array& q, const KVCache::View& view, const Attention::Shape& shape, float scale) {
  auto scaled = mx::multiply(q, mx::array(scale, q.dtype()));
  auto grouped = mx::reshape(scaled, {1, shape.kv_heads, shape.heads / shape.kv_heads, shape.head_dim});
  auto scores = softcap(by_slots(grouped, view.keys, shape.head_dim, true), shape.softcap);
  auto mixed = by_slots(mx::softmax(scores, -1, true), view.values, shape.head_dim, false);
  return mx::reshape(mixed, {1, shape.heads, 1, shape.head_dim});
}

// q: (1, heads, T, dim) against S >= T slots whose last T are the queries' own -> (T, heads * dim)
mx::array attend(const mx::array& q, const KVCache::View& view, const Attention::Shape& shape, const Rope& rope) {
  float scale = shape.scale * rope.magnitude * rope.magnitude;
  if (by_own_kernels(q))
    return cpu::attend(q, to_cache(view.keys), to_cache(view.values),
                       {.scale = scale, .window = shape.window, .softcap = shape.softcap});
  int queries = q.shape(2);
  int slots = view.keys.count();
  auto fused = [&](const std::string& mask, const std::optional<mx::array>& array) {
    return join_heads(
        mx::fast::scaled_dot_product_attention(q, view.keys.unpacked(), view.values.unpacked(), scale, mask, array));
  };
  if (queries == 1 && view.keys.bits && multiplies_packed_slots())
    return join_heads(attend_packed(q, view, shape, scale));
  if (shape.softcap > 0) return join_heads(attend_capped(q, view, shape, scale));
  if (queries == 1) return fused("", std::nullopt);
  if (!shape.window || slots <= shape.window) return fused("causal", std::nullopt);
  return fused("array", visible(queries, slots, shape.window));
}

// The heads of `count` rows of x: (N, heads * dim) from `begin` on, turned to their positions -> (1, heads, count, dim)
mx::array turn(const mx::array& x, int begin, int count, int heads, int dim, const Rope& rope, int offset) {
  if (by_own_kernels(x)) return cpu::rotate(x, begin, count, heads, rope.angles(offset, count), rope.traditional);
  return rope(split_heads(x, begin, count, heads, dim), offset);
}

mx::array gather(std::vector<mx::array> outputs) {
  return outputs.size() == 1 ? outputs[0] : mx::concatenate(outputs, 0);
}

}  // namespace

mx::array Linear::operator()(const mx::array& x) const {
  auto plain = [&] { return turned ? *turned : mx::transpose(weight); };
  auto product = [&] {
    if (by_own_kernels(x)) return cpu::product(x, to_matrix(*this));
    if (!scales) return mx::matmul(x, plain());
    return mx::quantized_matmul(x, weight, *scales, biases, true, quantization.group_size, quantization.bits,
                                quantization.mode);
  };
  if (!bias) return product();
  // In one product: in half precision a sum of its own would be rounded once more.
  if (!scales && !by_own_kernels(x)) return mx::addmm(*bias, x, plain());
  return mx::add(product(), *bias);
}

mx::array ExpertLinear::operator()(const mx::array& x, const mx::array& experts, bool sorted) const {
  if (by_own_kernels(x)) return cpu::expert_product(x, experts, to_matrix(weight, scales, biases, quantization));
  if (!scales) return mx::gather_mm(x, mx::swapaxes(weight, 1, 2), std::nullopt, experts, sorted);
  return mx::gather_qmm(x, weight, *scales, biases, std::nullopt, experts, true, quantization.group_size,
                        quantization.bits, quantization.mode, std::nullopt, sorted);
}

mx::array Embedding::operator()(const mx::array& ids) const {
  if (dtype == mx::float32 && cpu::in_use()) return cpu::rows_of(to_matrix(table), ids);
  auto rows = mx::take(table.weight, ids, 0);
  if (!table.scales) return rows;
  std::optional<mx::array> biases;
  if (table.biases) biases = mx::take(*table.biases, ids, 0);
  return mx::dequantize(rows, mx::take(*table.scales, ids, 0), biases, table.quantization.group_size,
                        table.quantization.bits, table.quantization.mode, std::nullopt, dtype);
}

mx::array RMSNorm::operator()(const mx::array& x) const {
  return by_own_kernels(x) ? cpu::rms_norm(x, weight, eps) : mx::fast::rms_norm(x, weight, eps);
}

mx::array norm_heads(const RMSNorm& norm, const mx::array& x, int heads) {
  return mx::reshape(norm(mx::reshape(x, {x.shape(0), heads, x.shape(1) / heads})), x.shape());
}

mx::array softcap(const mx::array& x, float cap) {
  if (cap <= 0) return x;
  auto limit = mx::array(cap, x.dtype());
  return mx::multiply(mx::tanh(mx::divide(x, limit)), limit);
}

mx::array Attention::own(const Shape& shape, const Rope& rope, const mx::array& q, const mx::array& k,
                         const mx::array& v, std::span<const Segment> segments, size_t cache_index,
                         std::vector<Seen>& seen) {
  std::vector<mx::array> outputs;
  int begin = 0;
  for (const auto& segment : segments) {
    auto& cache = (*segment.caches)[cache_index];
    int offset = cache.offset();
    auto queries = turn(q, begin, segment.length, shape.heads, shape.head_dim, rope, offset);
    auto keys = turn(k, begin, segment.length, shape.kv_heads, shape.head_dim, rope, offset);
    auto values = split_heads(v, begin, segment.length, shape.kv_heads, shape.head_dim);
    seen.push_back({cache.append(keys, values), offset});
    outputs.push_back(attend(queries, seen.back().view, shape, rope));
    begin += segment.length;
  }
  return gather(std::move(outputs));
}

mx::array Attention::shared(const Shape& shape, const Rope& rope, const mx::array& q, std::span<const Segment> segments,
                            const std::vector<Seen>& seen) {
  std::vector<mx::array> outputs;
  int begin = 0;
  for (size_t i = 0; i < segments.size(); i++) {
    int length = segments[i].length;
    auto queries = turn(q, begin, length, shape.heads, shape.head_dim, rope, seen[i].offset);
    outputs.push_back(attend(queries, seen[i].view, shape, rope));
    begin += length;
  }
  return gather(std::move(outputs));
}

mx::array gated(Gate gate, const mx::array& a, const mx::array& b) {
  if (by_own_kernels(a)) return cpu::gated(gate, a, b);
  if (gate == Gate::silu) return mx::multiply(mx::multiply(a, mx::sigmoid(a)), b);
  // 0.5 (1 + tanh(z)) is sigmoid(2 z), which saves a third of the operations.
  auto constant = [&](double value) { return mx::array(static_cast<float>(value), a.dtype()); };
  const double scale = 2 * std::sqrt(2 / std::numbers::pi);
  auto inner = mx::add(constant(scale), mx::multiply(constant(scale * 0.044715), mx::square(a)));
  return mx::multiply(mx::multiply(a, mx::sigmoid(mx::multiply(a, inner))), b);
}

}  // namespace tether
