// Logits to the next token of each sequence of a batch, on the device.
#include "engine/sampler.h"

#include <algorithm>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "cpu/ops/draws.h"
#include "engine/loop_guard.h"

namespace tether {
namespace {

// The window of the repetition penalty, in tokens.
constexpr int kRecent = 64;
constexpr float kNever = -std::numeric_limits<float>::infinity();

mx::array tail(const mx::array& ids, int most) {
  int count = ids.shape(0);
  return count <= most ? ids : mx::slice(ids, {count - most}, {count});
}

mx::array largest(const mx::array& logits) { return mx::astype(mx::argmax(logits, -1), mx::int32); }

// The ids of the `count` largest logits, largest first: (1, vocab) -> (1, count)
mx::array best(const mx::array& logits, int count) {
  auto negative = mx::negative(logits);
  if (count >= logits.shape(1)) return mx::argsort(negative, -1);
  auto some = mx::slice(mx::argpartition(negative, count - 1, -1), {0, 0}, {1, count});
  return mx::take_along_axis(some, mx::argsort(mx::take_along_axis(negative, some, -1), -1), -1);
}

// Sets the logits of tokens whose bit is not set to minus infinity, on the device from the packed bits.
mx::array masked(const mx::array& logits, std::span<const uint32_t> allowed) {
  auto words = static_cast<int>(allowed.size());
  mx::array packed(allowed.data(), {words, 1}, mx::uint32);
  auto one = mx::array(1U, mx::uint32);
  auto bits = mx::bitwise_and(mx::right_shift(packed, mx::arange(0, 32, mx::uint32)), one);
  auto keep = mx::slice(mx::reshape(bits, {1, words * 32}), {0, 0}, {1, logits.shape(1)});
  return mx::where(mx::equal(keep, one), logits, mx::array(kNever));
}

mx::array lowered(const mx::array& logits, int32_t token) {
  mx::Shape from{0, token};
  mx::Shape to{1, token + 1};
  auto less = mx::subtract(mx::slice(logits, from, to), mx::array(LoopGuard::kPenalty));
  return mx::slice_update(logits, less, from, to);
}

// A NaN anywhere makes the sum a NaN.
mx::array checked(const mx::array& logits, const mx::array& drawn) {
  return mx::where(mx::isnan(mx::sum(logits, -1)), mx::array(kNotANumber), drawn);
}

}  // namespace

Sampler::Sampler(const Sampling& sampling, std::span<const int32_t> prompt, const DevicePolicy& device)
    : sampling_(sampling), own_kernels_(device.own_kernels) {
  if (sampling_.temperature > 0) {
    std::random_device random;
    uint64_t drawn = (static_cast<uint64_t>(random()) << 32U) | random();
    state_ = sampling_.seed.value_or(drawn);
    if (!own_kernels_) key_ = mx::random::key(state_);
  }
  if (sampling_.repetition_penalty != 1) {
    auto last = prompt.last(std::min<size_t>(prompt.size(), kRecent));
    recent_ = mx::array(last.data(), {static_cast<int>(last.size())}, mx::int32);
  }
}

mx::array Sampler::penalized(const mx::array& logits) const {
  auto ids = mx::expand_dims(*recent_, 0);
  auto chosen = mx::take_along_axis(logits, ids, 1);
  auto penalty = mx::array(sampling_.repetition_penalty);
  auto lowered =
      mx::where(mx::less(chosen, mx::array(0.0F)), mx::multiply(chosen, penalty), mx::divide(chosen, penalty));
  return mx::put_along_axis(logits, ids, lowered, 1);
}

// SplitMix64 (Steele et al. 2014): a good number from any seed, and a state that costs nothing to keep for drafts.
double Sampler::chance() {
  state_ += 0x9e3779b97f4a7c15ULL;
  uint64_t z = state_;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  return static_cast<double>((z ^ (z >> 31U)) >> 11U) * 0x1p-53;
}

mx::array Sampler::drawn(const mx::array& logits, std::span<const uint32_t> allowed) {
  if (!own_kernels_) return drawn(allowed.empty() ? logits : masked(logits, allowed));
  cpu::Drawing how{.temperature = sampling_.temperature,
                   .top_p = sampling_.top_p,
                   .top_k = sampling_.top_k,
                   .min_p = sampling_.min_p,
                   .chance = sampling_.temperature > 0 ? chance() : 0};
  return cpu::drawn_token(logits, how, allowed);
}

mx::array Sampler::drawn(const mx::array& logits) {
  if (sampling_.temperature <= 0) return largest(logits);
  auto [now, later] = mx::random::split(*key_);
  key_ = later;
  int vocab = logits.shape(1);
  auto pick = [&](const mx::array& from) {
    return mx::random::categorical(mx::divide(from, mx::array(sampling_.temperature)), -1, now);
  };
  bool sorts = sampling_.top_p < 1 || (sampling_.top_k > 0 && sampling_.top_k < vocab);
  if (!sorts && sampling_.min_p <= 0) return mx::astype(pick(logits), mx::int32);
  auto p_of = [&](const mx::array& x) { return mx::exp(mx::subtract(x, mx::logsumexp(logits, -1, true))); };
  auto likely = [&](const mx::array& p) {
    return mx::greater_equal(p, mx::multiply(mx::max(p, -1, true), mx::array(sampling_.min_p)));
  };
  if (!sorts) return mx::astype(pick(mx::where(likely(p_of(logits)), logits, mx::array(kNever))), mx::int32);
  // Likeliest first: each filter keeps the beginning of the list, and always the first.
  auto ids = best(logits, sampling_.top_k > 0 ? sampling_.top_k : vocab);
  auto sorted = mx::take_along_axis(logits, ids, -1);
  auto p = p_of(sorted);
  auto keep = mx::equal(mx::expand_dims(mx::arange(sorted.shape(1)), 0), mx::array(0));
  auto in = mx::full({1, sorted.shape(1)}, true, mx::bool_);
  if (sampling_.top_p < 1) in = mx::less(mx::subtract(mx::cumsum(p, -1), p), mx::array(sampling_.top_p));
  if (sampling_.min_p > 0) in = mx::logical_and(in, likely(p));
  auto place = mx::expand_dims(pick(mx::where(mx::logical_or(keep, in), sorted, mx::array(kNever))), 1);
  return mx::astype(mx::squeeze(mx::take_along_axis(ids, place, -1), 1), mx::int32);
}

mx::array Sampler::operator()(mx::array logits, std::span<const uint32_t> allowed) {
  if (recent_) logits = penalized(logits);
  auto next = drawn(logits, allowed);
  if (recent_) recent_ = tail(mx::concatenate({*recent_, next}, 0), kRecent);
  return next;
}

mx::array row_of(const mx::array& x, int row) { return mx::slice(x, {row, 0}, {row + 1, x.shape(1)}); }

mx::array draw_largest(const mx::array& raw, const DevicePolicy& device) {
  auto logits = mx::astype(raw, mx::float32);
  return device.own_kernels ? cpu::largest_tokens(logits) : checked(logits, largest(logits));
}

mx::array draw(const mx::array& raw, std::span<const Draw> draws, const DevicePolicy& device) {
  auto only_largest = [](const Draw& one) { return one.sampler->plain() && one.allowed.empty() && !one.discouraged; };
  if (std::ranges::all_of(draws, only_largest)) return draw_largest(raw, device);
  auto logits = mx::astype(raw, mx::float32);
  std::vector<mx::array> each;
  for (int i = 0; i < static_cast<int>(draws.size()); i++) {
    const auto& [sampler, allowed, discouraged] = draws[static_cast<size_t>(i)];
    auto own = draws.size() == 1 ? logits : row_of(logits, i);
    if (discouraged) own = lowered(own, *discouraged);
    each.push_back((*sampler)(own, allowed));
  }
  auto next = each.size() == 1 ? each[0] : mx::concatenate(each, 0);
  return device.own_kernels ? next : checked(logits, next);
}

mx::array removed_probability(const mx::array& raw, int row, std::span<const uint32_t> allowed,
                              const DevicePolicy& device) {
  auto logits = mx::astype(raw.shape(0) == 1 ? raw : row_of(raw, row), mx::float32);
  if (device.own_kernels) return cpu::forbidden_share(logits, allowed);
  auto kept = mx::subtract(mx::logsumexp(masked(logits, allowed), -1), mx::logsumexp(logits, -1));
  return mx::subtract(mx::array(1.0F), mx::exp(kept));
}

}  // namespace tether
