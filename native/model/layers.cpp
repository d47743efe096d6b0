// The pieces every family is made of: linear, embedding, norm, RoPE, attention over segments.
#include "model/layers.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "error.h"

namespace tether {
namespace {

// Frequencies of Llama 3.1's scaling (its config.json calls it "llama3"): long wavelengths are stretched by `factor`,
// short ones kept, those between interpolated. -> (dims / 2)
mx::array llama3_freqs(int dims, float base, const Config& scaling) {
  auto factor = static_cast<float>(scaling.number("factor", 1));
  auto low = static_cast<float>(scaling.number("low_freq_factor", 1));
  auto high = static_cast<float>(scaling.number("high_freq_factor", 4));
  auto context = static_cast<float>(scaling.number("original_max_position_embeddings", 8192));
  if (factor <= 0 || low <= 0 || high <= low || context <= 0)
    throw Error("bad_config", "[config] " + scaling.where() + ": llama3 scaling needs factor > 0 and " +
                                  "high_freq_factor > low_freq_factor > 0");
  std::vector<float> freqs;
  for (int i = 0; i < dims; i += 2) {
    float freq = std::pow(base, static_cast<float>(i) / static_cast<float>(dims));
    float wavelength = 2 * std::numbers::pi_v<float> * freq;
    if (wavelength > context / low) {
      freq *= factor;
    } else if (wavelength > context / high) {
      float smooth = (context / wavelength - low) / (high - low);
      freq = freq / ((1 - smooth) / factor + smooth);
    }
    freqs.push_back(freq);
  }
  return mx::array(freqs.data(), {static_cast<int>(freqs.size())}, mx::float32);
}

// Gemma 4's p-RoPE: only the first `rotated` dimensions turn; an infinite wavelength keeps the others still.
mx::array proportional_freqs(int dims, int rotated, float base, float factor) {
  std::vector<float> freqs;
  for (int i = 0; i < dims; i += 2)
    freqs.push_back(i < rotated ? factor * std::pow(base, static_cast<float>(i) / static_cast<float>(dims))
                                : std::numeric_limits<float>::infinity());
  return mx::array(freqs.data(), {static_cast<int>(freqs.size())}, mx::float32);
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

// q: (1, heads, T, dim) against S >= T slots whose last T are the queries' own.
mx::array attend(const mx::array& q, const KVCache::View& view, const Attention::Shape& shape) {
  int queries = q.shape(2);
  int slots = view.keys.shape(2);
  if (queries == 1) return mx::fast::scaled_dot_product_attention(q, view.keys, view.values, shape.scale);
  if (!shape.window || slots <= shape.window)
    return mx::fast::scaled_dot_product_attention(q, view.keys, view.values, shape.scale, "causal");
  // Query i sits at slot S - T + i and sees itself and the window - 1 slots before it.
  auto slot = mx::arange(slots);
  auto at = mx::expand_dims(mx::arange(slots - queries, slots), 1);
  auto mask = mx::logical_and(mx::less_equal(slot, at), mx::greater(slot, mx::subtract(at, mx::array(shape.window))));
  return mx::fast::scaled_dot_product_attention(q, view.keys, view.values, shape.scale, "array", mask);
}

mx::array gather(std::vector<mx::array> outputs) {
  return outputs.size() == 1 ? outputs[0] : mx::concatenate(outputs, 0);
}

}  // namespace

mx::array Linear::operator()(const mx::array& x) const {
  auto y = scales ? mx::quantized_matmul(x, weight, *scales, biases, true, quantization.group_size, quantization.bits)
                  : mx::matmul(x, *turned);
  return bias ? mx::add(y, *bias) : y;
}

mx::array Embedding::operator()(const mx::array& ids) const {
  auto rows = mx::take(table.weight, ids, 0);
  if (!table.scales) return rows;
  std::optional<mx::array> biases;
  if (table.biases) biases = mx::take(*table.biases, ids, 0);
  return mx::dequantize(rows, mx::take(*table.scales, ids, 0), biases, table.quantization.group_size,
                        table.quantization.bits);
}

Rope Rope::make(int dims, float base, bool traditional, const std::optional<Config>& scaling) {
  Rope rope{.dims = dims, .traditional = traditional, .base = base, .scale = 1, .freqs = std::nullopt};
  if (!scaling) return rope;
  auto kind = scaling->text("type", scaling->text("rope_type", "default"));
  auto factor = static_cast<float>(scaling->number("factor", 1));
  if (kind == "default") return rope;
  if (kind == "linear") {
    if (factor <= 0) throw Error("bad_config", "[config] " + scaling->where() + ": \"factor\" must be above 0");
    rope.scale = 1 / factor;
  } else if (kind == "llama3") {
    rope.freqs = llama3_freqs(dims, base, *scaling);
  } else if (kind == "proportional") {
    int rotated = static_cast<int>(dims * scaling->number("partial_rotary_factor", 1));
    rope.freqs = proportional_freqs(dims, rotated, base, factor);
  } else {
    throw Error("not_implemented", "[config] " + scaling->where() + ": rope type \"" + kind +
                                       "\" is not supported yet; supported: default, linear, llama3, proportional");
  }
  if (rope.freqs) rope.base = std::nullopt;
  return rope;
}

mx::array Attention::own(const Shape& shape, const Rope& rope, const mx::array& q, const mx::array& k,
                         const mx::array& v, std::span<const Segment> segments, size_t cache_index,
                         std::vector<Seen>& seen) {
  std::vector<mx::array> outputs;
  int begin = 0;
  for (const auto& segment : segments) {
    auto& cache = (*segment.caches)[cache_index];
    int offset = cache.offset();
    auto queries = rope(split_heads(q, begin, segment.length, shape.heads, shape.head_dim), offset);
    auto keys = rope(split_heads(k, begin, segment.length, shape.kv_heads, shape.head_dim), offset);
    auto values = split_heads(v, begin, segment.length, shape.kv_heads, shape.head_dim);
    seen.push_back({cache.append(keys, values), offset});
    outputs.push_back(join_heads(attend(queries, seen.back().view, shape)));
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
    auto queries = rope(split_heads(q, begin, length, shape.heads, shape.head_dim), seen[i].offset);
    outputs.push_back(join_heads(attend(queries, seen[i].view, shape)));
    begin += length;
  }
  return gather(std::move(outputs));
}

// 0.5 (1 + tanh(z)) is sigmoid(2 z), which saves a third of the operations: on a small model they are what a token
// costs.
mx::array gelu_tanh(const mx::array& x) {
  auto constant = [&](double value) { return mx::array(static_cast<float>(value), x.dtype()); };
  const double scale = 2 * std::sqrt(2 / std::numbers::pi);
  auto inner = mx::add(constant(scale), mx::multiply(constant(scale * 0.044715), mx::square(x)));
  return mx::multiply(x, mx::sigmoid(mx::multiply(x, inner)));
}

mx::array silu(const mx::array& x) { return mx::multiply(x, mx::sigmoid(x)); }

}  // namespace tether
