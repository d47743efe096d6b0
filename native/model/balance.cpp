// Norms of queries and keys that share out between them which dimensions of a head are large.
#include "model/balance.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

namespace tether {
namespace {

// Factors stay between 1/16 and 16, so that keys in float16 do not overflow.
constexpr float kMostExponent = 4;

std::vector<float> numbers_of(const mx::array& weight) {
  auto floats = mx::contiguous(mx::astype(weight, mx::float32));
  mx::eval(floats);
  return {floats.data<float>(), floats.data<float>() + floats.size()};
}

// Of the factor of keys: the square root of how many times larger queries are.
float exponent_of(float queries, float keys) {
  float exponent = std::round(std::log2(queries / keys) / 2);
  return std::isnan(exponent) ? 0 : std::clamp(exponent, -kMostExponent, kMostExponent);
}

RMSNorm multiplied(const RMSNorm& norm, const std::vector<float>& factors) {
  auto by = mx::array(factors.begin(), norm.weight->shape(), mx::float32);
  auto weight = mx::multiply(*norm.weight, mx::astype(by, norm.weight->dtype()));
  mx::eval(weight);
  return {.weight = weight, .eps = norm.eps, .device = norm.device};
}

// For each dimension the one that RoPE turns it together with; those that it does not turn stand alone.
std::vector<size_t> partners(const Rope& rope, size_t head_dim) {
  std::vector<size_t> others(head_dim);
  std::iota(others.begin(), others.end(), size_t{0});
  auto turned = static_cast<size_t>(rope.dims / 2);
  for (size_t pair = 0; pair < turned; pair++) {
    // An endless wavelength.
    if (rope.freqs && std::isinf(rope.freqs->data<float>()[pair])) continue;
    size_t one = rope.traditional ? 2 * pair : pair;
    size_t other = rope.traditional ? one + 1 : pair + turned;
    std::swap(others[one], others[other]);
  }
  return others;
}

KeyFactors inverse(KeyFactors factors) {
  for (auto& factor : factors) factor = 1 / factor;
  return factors;
}

}  // namespace

KeyFactors key_factors(std::span<const RMSNorm> queries, const RMSNorm& keys, const Rope& rope) {
  auto k = numbers_of(*keys.weight);
  std::vector<float> q(k.size());
  for (const auto& norm : queries) {
    auto numbers = numbers_of(*norm.weight);
    for (size_t i = 0; i < q.size(); i++) q[i] = std::hypot(q[i], numbers[i]);
  }
  auto readers = std::sqrt(static_cast<float>(queries.size()));
  auto others = partners(rope, k.size());
  KeyFactors factors;
  for (size_t i = 0; i < k.size(); i++) {
    size_t other = others[i];
    factors.push_back(std::exp2(exponent_of(std::hypot(q[i], q[other]) / readers, std::hypot(k[i], k[other]))));
  }
  return factors;
}

BalancedNorms balanced(const RMSNorm& queries, const KeyFactors& factors) {
  return {.queries = multiplied(queries, inverse(factors)), .keys = std::nullopt, .factors = factors};
}

BalancedNorms balanced(const RMSNorm& queries, const RMSNorm& keys, const KeyFactors& factors) {
  return {.queries = multiplied(queries, inverse(factors)), .keys = multiplied(keys, factors), .factors = factors};
}

BalancedNorms balanced(const RMSNorm& queries, const RMSNorm& keys, const Rope& rope) {
  return balanced(queries, keys, key_factors({&queries, 1}, keys, rope));
}

}  // namespace tether
