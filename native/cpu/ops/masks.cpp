// What a mask over the vocabulary does to logits, in one pass over them.
#include "cpu/ops/masks.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "cpu/kernels.h"
#include "cpu/ops/operation.h"

namespace tether::cpu {
namespace {

constexpr long kBits = 32;
// Logits that a thread takes at a time: their sum in float32 is exact enough.
constexpr long kPart = 4096;

using Words = std::vector<uint32_t>;

bool is_allowed(const Words& allowed, long token) {
  auto bit = static_cast<unsigned>(token % kBits);
  return (allowed[static_cast<size_t>(token / kBits)] >> bit & 1U) != 0;
}

// The sum of `weights`, of tokens from `begin` on, that are not allowed.
float forbidden_sum(const float* weights, long begin, long end, const Words& allowed) {
  float sum = 0;
  for (long token = begin; token < end; token += kBits) {
    uint32_t word = allowed[static_cast<size_t>(token / kBits)];
    if (word == ~0U) continue;
    long last = std::min(end, token + kBits);
    for (long i = token; i < last; i++)
      if (word == 0 || !is_allowed(allowed, i)) sum += weights[i - begin];
  }
  return sum;
}

// The tokens [begin, end) of one word. Whole words are the rule.
void mask_word(const float* x, float* to, long begin, long end, const Words& allowed) {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  uint32_t word = allowed[static_cast<size_t>(begin / kBits)];
  if (word == ~0U) {
    std::copy(x + begin, x + end, to + begin);
  } else if (word == 0) {
    std::fill(to + begin, to + end, kNever);
  } else {
    for (long i = begin; i < end; i++) to[i] = is_allowed(allowed, i) ? x[i] : kNever;
  }
}

}  // namespace

mx::array masked(const mx::array& logits, std::span<const uint32_t> allowed) {
  return operation({.name = "masked"}, logits.shape(), {logits},
                   [allowed = Words(allowed.begin(), allowed.end())](const Inputs& in, mx::array& out) {
                     const float* x = Rows(in[0])[0];
                     auto* to = out.data<float>();
                     auto count = static_cast<long>(out.size());
                     in_parts(ceil_div(count, kBits), kBits, [&](long begin, long end) {
                       for (long word = begin; word < end; word++)
                         mask_word(x, to, word * kBits, std::min(count, (word + 1) * kBits), allowed);
                     });
                   });
}

mx::array forbidden_share(const mx::array& logits, std::span<const uint32_t> allowed) {
  return operation({.name = "forbidden_share"}, {1}, {logits},
                   [allowed = Words(allowed.begin(), allowed.end())](const Inputs& in, mx::array& out) {
                     Rows rows(in[0]);
                     const float* x = rows[0];
                     long count = rows.width();
                     long parts = ceil_div(count, kPart);
                     float most = kernels().largest(x, count);
                     std::vector<float> all(static_cast<size_t>(parts));
                     std::vector<float> forbidden(static_cast<size_t>(parts));
                     in_parts(parts, kPart, [&](long first, long last) {
                       auto* weights = scratch<Words>(kPart);
                       for (long part = first; part < last; part++) {
                         long begin = part * kPart;
                         long end = std::min(count, begin + kPart);
                         std::copy(x + begin, x + end, weights);
                         all[static_cast<size_t>(part)] = kernels().exp_sum(weights, end - begin, most);
                         forbidden[static_cast<size_t>(part)] = forbidden_sum(weights, begin, end, allowed);
                       }
                     });
                     auto sum = [](const std::vector<float>& of) { return std::accumulate(of.begin(), of.end(), 0.0); };
                     *out.data<float>() = static_cast<float>(sum(forbidden) / sum(all));
                   });
}

}  // namespace tether::cpu
