// Norms of queries and keys that share out between them which dimensions of a head are large.
#include "model/balance.h"

#include <algorithm>
#include <cmath>
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

}  // namespace

BalancedNorms balanced(const RMSNorm& queries, const RMSNorm& keys) {
  auto q = numbers_of(*queries.weight);
  auto k = numbers_of(*keys.weight);
  size_t half = q.size() / 2;
  std::vector<float> of_queries(q.size());
  std::vector<float> of_keys(q.size());
  for (size_t i = 0; i < q.size(); i++) {
    size_t pair = i % half;
    float exponent = exponent_of(std::hypot(q[pair], q[pair + half]), std::hypot(k[pair], k[pair + half]));
    of_queries[i] = std::exp2(-exponent);
    of_keys[i] = std::exp2(exponent);
  }
  return {.queries = multiplied(queries, of_queries), .keys = multiplied(keys, of_keys)};
}

}  // namespace tether
