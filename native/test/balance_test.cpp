// Tests balanced norms: queries and keys keep their dot products, and keys in 4 bits lose less.
#include "model/balance.h"

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "model/block_halves.h"
#include "model/sharing.h"
#include "test/check.h"

using namespace tether;
namespace mx = mlx::core;

namespace {

constexpr int kDim = 64;
constexpr int kHalf = kDim / 2;
constexpr int kHeads = 4;
constexpr int kHidden = 96;
constexpr int kTokens = 200;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

RMSNorm norm_of(const std::vector<float>& weight, const DevicePolicy& device, mx::Dtype dtype = mx::float32) {
  auto numbers = mx::astype(mx::array(weight.begin(), {kDim}, mx::float32), dtype);
  mx::eval(numbers);
  return {.weight = numbers, .eps = 1e-6F, .device = device};
}

std::vector<float> numbers_of(const RMSNorm& norm) {
  auto floats = mx::astype(*norm.weight, mx::float32);
  mx::eval(floats);
  return {floats.data<float>(), floats.data<float>() + kDim};
}

// Keys are large where queries are small.
std::vector<float> uneven(bool of_keys) {
  std::vector<float> weight(kDim, 1);
  for (size_t at : {size_t{3}, size_t{20}, size_t{kHalf + 20}}) weight[at] = of_keys ? 40 : 0.02F;
  return weight;
}

Linear random_linear(int out, int in, const DevicePolicy& device) {
  auto numbers = mx::multiply(mx::random::normal({out, in}), mx::array(1 / std::sqrt(static_cast<float>(in))));
  auto turned = mx::transpose(numbers);
  mx::eval(numbers, turned);
  return {.matrix = {.numbers = numbers}, .transposed = turned, .bias = std::nullopt, .device = device};
}

Rope plain_rope(bool traditional = false) {
  return Rope::make({.dims = kDim, .base = 10000, .traditional = traditional, .max_positions = 4096}, std::nullopt);
}

// Turns the first pairs alone, a quarter of them.
Rope partial_rope(bool traditional) {
  auto rope = plain_rope(traditional);
  std::vector<float> freqs(kHalf, kInfinity);
  for (size_t i = 0; i < kHalf / 4; i++) freqs[i] = std::pow(10000.0F, static_cast<float>(i) / kHalf);
  rope.freqs = mx::array(freqs.data(), {kHalf}, mx::float32);
  rope.base = std::nullopt;
  return rope;
}

// The layer's output for all tokens in one pass.
mx::array output(const AttentionHalf& attention, const mx::array& x, int kv_bits, const Rope& rope = plain_rope()) {
  std::vector<KVCache> caches;
  caches.emplace_back(0, kv_quantization(kv_bits, kDim));
  std::vector<Segment> segments{{.caches = &caches, .length = kTokens}};
  auto y = attention(x, {}, {.rope = rope, .segments = segments, .layer = 0});
  mx::eval(y);
  return y;
}

float distance(const mx::array& a, const mx::array& b) { return mx::mean(mx::abs(mx::subtract(a, b))).item<float>(); }

void attention_loses_less(const DevicePolicy& device, const std::string& name) {
  auto q_norm = norm_of(uneven(false), device);
  auto k_norm = norm_of(uneven(true), device);
  AttentionHalf plain{
      .core = {.heads = kHeads, .kv_heads = 2, .head_dim = kDim, .scale = 0.4F, .window = 0, .device = device},
      .q_proj = random_linear(kHeads * kDim, kHidden, device),
      .o_proj = random_linear(kHidden, kHeads * kDim, device),
      .k_proj = random_linear(2 * kDim, kHidden, device),
      .v_proj = random_linear(2 * kDim, kHidden, device),
      .q_norm = q_norm,
      .k_norm = k_norm};
  auto with = plain;
  with.balanced_norms = balanced(q_norm, k_norm, plain_rope());
  auto x = mx::random::normal({kTokens, kHidden});
  mx::eval(x);
  auto exact = output(plain, x, 0);
  float lost = distance(output(with, x, 4), exact);
  float lost_without = distance(output(plain, x, 4), exact);
  check(lost > 0 && lost < lost_without / 2, name + ": in 4 bits " + std::to_string(lost) +
                                                 " is lost with balanced norms, " + std::to_string(lost_without) +
                                                 " without");
  // The same dot products: with factors on one side only, all of the attention would be another.
  auto swapped = with;
  swapped.q_norm = with.balanced_norms->queries;
  swapped.k_norm = *with.balanced_norms->keys;
  check(distance(output(swapped, x, 0), exact) < 1e-5F, name + ": balanced norms keep the dot products");
  for (int bits : {0, 8, 16})
    check(mx::array_equal(output(with, x, bits), output(plain, x, bits)).item<bool>(),
          name + ": in " + std::to_string(bits) + " bits norms stay as they are");
}

// Whatever a checkpoint has, factors are powers of two in bounds, each the inverse of the other, alike within a pair.
void factors_are_exact() {
  auto device = gpu_policy("cuda");
  for (auto dtype : {mx::float32, mx::bfloat16, mx::float16}) {
    std::vector<float> q(kDim, 3);
    std::vector<float> k(kDim, -0.75F);
    q[0] = q[kHalf] = 0;
    k[1] = k[1 + kHalf] = 0;
    q[2] = k[2] = q[2 + kHalf] = k[2 + kHalf] = 0;
    q[3] = 1000;
    k[4] = 1000;
    auto norms = balanced(norm_of(q, device, dtype), norm_of(k, device, dtype), plain_rope());
    check(norms.queries.weight->dtype() == dtype && norms.keys->weight->dtype() == dtype, "norms keep their type");
    auto new_q = numbers_of(norms.queries);
    auto new_k = numbers_of(*norms.keys);
    auto factor = [&](size_t i) { return k[i] != 0 ? new_k[i] / k[i] : q[i] != 0 ? q[i] / new_q[i] : 1; };
    for (size_t i = 0; i < kDim; i++) {
      check(new_q[i] * new_k[i] == q[i] * k[i], "products stay exactly, " + std::to_string(i));
      check(factor(i) >= 1.0F / 16 && factor(i) <= 16, "factors have bounds, " + std::to_string(i));
      if (i < kHalf) check(factor(i) == factor(i + kHalf), "a pair has one factor, " + std::to_string(i));
    }
    check(factor(0) == 1.0F / 16, "keys that no query meets become small");
    check(factor(3) == 16 && factor(4) == 1.0F / 16 && factor(5) == 2, "factors follow the weights");
  }
  for (float broken : {std::nanf(""), kInfinity}) {
    std::vector<float> weight(kDim, 1);
    weight[7] = broken;
    auto norms = balanced(norm_of(weight, device), norm_of(std::vector<float>(kDim, 1), device), plain_rope());
    auto keys = numbers_of(*norms.keys);
    for (float number : keys) check(std::isfinite(number), "a broken weight of queries leaves keys finite");
    check(!std::isfinite(numbers_of(norms.queries)[7]), "a broken weight stays broken");
  }
}

std::vector<float> random_weight(unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> exponent(0, 2);
  std::vector<float> weight(kDim);
  for (auto& number : weight) number = std::exp2(exponent(random));
  return weight;
}

AttentionHalf random_layer(unsigned seed, const DevicePolicy& device) {
  return {.core = {.heads = kHeads, .kv_heads = 2, .head_dim = kDim, .scale = 0.02F, .window = 0, .device = device},
          .q_proj = random_linear(kHeads * kDim, kHidden, device),
          .o_proj = random_linear(kHidden, kHeads * kDim, device),
          .q_norm = norm_of(random_weight(seed), device),
          .v_norm = RMSNorm{std::nullopt, 1e-6F, device}};
}

// The outputs of a layer and of one that reads its keys and values.
std::vector<mx::array> outputs(const std::vector<AttentionHalf>& layers, const mx::array& x, int kv_bits,
                               const Rope& rope) {
  std::vector<KVCache> caches;
  caches.emplace_back(0, kv_quantization(kv_bits, kDim));
  std::vector<Segment> segments{{.caches = &caches, .length = kTokens}};
  std::vector<KVView> seen;
  std::vector<mx::array> made;
  for (size_t i = 0; i < layers.size(); i++)
    made.push_back(layers[i](x, {}, {.rope = rope, .segments = segments, .layer = i, .seen = &seen}));
  mx::eval(made);
  return made;
}

// Whatever RoPE turns together, and whether values are the keys before their norm.
void shared_keys_lose_less(const DevicePolicy& device, const Rope& rope, bool values_are_keys,
                           const std::string& name) {
  std::vector<AttentionHalf> plain{random_layer(1, device), random_layer(2, device)};
  plain[0].k_proj = random_linear(2 * kDim, kHidden, device);
  if (!values_are_keys) plain[0].v_proj = random_linear(2 * kDim, kHidden, device);
  plain[0].k_norm = norm_of(random_weight(3), device);
  auto with = plain;
  balance({&with[0], &with[1]}, {0, 0}, [&](size_t) -> const Rope& { return rope; });
  auto x = mx::random::normal({kTokens, kHidden});
  mx::eval(x);
  auto exact = outputs(plain, x, 0, rope);
  auto lost = outputs(with, x, 4, rope);
  auto lost_without = outputs(plain, x, 4, rope);
  auto swapped = with;
  for (auto& layer : swapped) layer.q_norm = layer.balanced_norms->queries;
  swapped[0].k_norm = *swapped[0].balanced_norms->keys;
  auto same = outputs(swapped, x, 0, rope);
  for (size_t i = 0; i < plain.size(); i++) {
    auto which = name + (i == 0 ? ": the layer that has keys" : ": one that reads them");
    check(distance(same[i], exact[i]) < 1e-5F, which + " keeps its dot products");
    auto [less, more] = std::pair(distance(lost[i], exact[i]), distance(lost_without[i], exact[i]));
    check(less > 0 && less < 0.9F * more,
          which + " loses " + std::to_string(less) + " in 4 bits, " + std::to_string(more) + " without");
  }
  for (int bits : {0, 8, 16})
    check(mx::array_equal(outputs(with, x, bits, rope)[1], outputs(plain, x, bits, rope)[1]).item<bool>(),
          name + ": in " + std::to_string(bits) + " bits norms stay as they are");
}

// Dimensions that are not turned have factors of their own.
void lone_dimensions() {
  auto device = gpu_policy("cuda");
  std::vector<float> q(kDim, 1);
  q[kHalf - 1] = 64;
  q[0] = 64;
  auto of = [&](const Rope& rope) {
    return balanced(norm_of(q, device), norm_of(std::vector<float>(kDim, 1), device), rope).factors;
  };
  auto apart = of(partial_rope(false));
  check(apart[0] == apart[kHalf] && apart[0] > 1, "a pair that is turned has one factor");
  check(apart[kHalf - 1] == 8 && apart[kDim - 1] == 1, "one that is not has two");
  auto neighbours = of(partial_rope(true));
  check(neighbours[0] == neighbours[1] && neighbours[0] > 1 && neighbours[kHalf] == 1, "neighbours may be a pair");
}

}  // namespace

int main() {
  mx::set_default_device(mx::Device::cpu);
  factors_are_exact();
  attention_loses_less(device_policy(), "own kernels");
  attention_loses_less(gpu_policy("cuda"), "MLX's operations");
  lone_dimensions();
  for (bool traditional : {false, true}) {
    for (bool values_are_keys : {false, true}) {
      auto name = std::string(traditional ? "neighbours" : "halves") + (values_are_keys ? ", values are keys" : "");
      shared_keys_lose_less(device_policy(), plain_rope(traditional), values_are_keys, name);
      shared_keys_lose_less(gpu_policy("cuda"), plain_rope(traditional), values_are_keys, name + ", MLX's operations");
      shared_keys_lose_less(device_policy(), partial_rope(traditional), values_are_keys, name + ", partly turned");
    }
  }
  return result();
}
