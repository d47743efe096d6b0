// Logits to the next token, on the device.
#include "engine/sampler.h"

#include <algorithm>
#include <limits>
#include <random>

namespace tether {
namespace {

// Tokens that the repetition penalty looks back on.
constexpr int kRecent = 64;

mx::array tail(const mx::array& ids, int most) {
  int count = ids.shape(0);
  return count <= most ? ids : mx::slice(ids, {count - most}, {count});
}

}  // namespace

Sampler::Sampler(const Sampling& sampling, std::span<const int32_t> prompt) : sampling_(sampling) {
  if (sampling_.temperature > 0) {
    std::random_device device;
    uint64_t drawn = (static_cast<uint64_t>(device()) << 32U) | device();
    key_ = mx::random::key(sampling_.seed.value_or(drawn));
  }
  if (sampling_.repetition_penalty != 1) {
    auto last = prompt.last(std::min<size_t>(prompt.size(), kRecent));
    recent_ = mx::array(last.data(), {static_cast<int>(last.size())}, mx::int32);
  }
}

mx::array Sampler::penalized(const mx::array& logits) const {
  auto ids = mx::expand_dims(*recent_, 0);
  auto chosen = mx::take_along_axis(logits, ids, 1);
  auto penalty = mx::array(sampling_.repetition_penalty, logits.dtype());
  auto lowered = mx::where(mx::less(chosen, mx::array(0.0F, logits.dtype())), mx::multiply(chosen, penalty),
                           mx::divide(chosen, penalty));
  return mx::put_along_axis(logits, ids, lowered, 1);
}

mx::array Sampler::operator()(const mx::array& raw) {
  auto logits = mx::astype(raw, mx::float32);
  if (recent_) logits = penalized(logits);
  auto next = mx::array(0);
  if (sampling_.temperature <= 0) {
    next = mx::astype(mx::argmax(logits, -1), mx::int32);
  } else {
    auto [now, later] = mx::random::split(*key_);
    key_ = later;
    auto scaled = [&](const mx::array& x) { return mx::divide(x, mx::array(sampling_.temperature)); };
    if (sampling_.top_p >= 1 && sampling_.top_k <= 0 && sampling_.min_p <= 0) {
      next = mx::astype(mx::random::categorical(scaled(logits), -1, now), mx::int32);
    } else {
      // Sorted once, most likely first; each filter then keeps a head of the list, and the first is always in it.
      auto order = mx::argsort(mx::negative(logits), -1);
      auto sorted = mx::take_along_axis(logits, order, -1);
      auto p = mx::softmax(sorted, -1, true);
      auto rank = mx::expand_dims(mx::arange(sorted.shape(1)), 0);
      auto keep = mx::less(rank, mx::array(sampling_.top_k > 0 ? sampling_.top_k : sorted.shape(1)));
      if (sampling_.top_p < 1)
        keep = mx::logical_and(keep, mx::less(mx::subtract(mx::cumsum(p, -1), p), mx::array(sampling_.top_p)));
      if (sampling_.min_p > 0) {
        auto floor = mx::multiply(mx::max(p, -1, true), mx::array(sampling_.min_p));
        keep = mx::logical_and(keep, mx::greater_equal(p, floor));
      }
      keep = mx::logical_or(keep, mx::equal(rank, mx::array(0)));
      auto kept = mx::where(keep, scaled(sorted), mx::array(-std::numeric_limits<float>::infinity()));
      auto drawn = mx::expand_dims(mx::random::categorical(kept, -1, now), 1);
      next = mx::astype(mx::squeeze(mx::take_along_axis(order, drawn, -1), 1), mx::int32);
    }
  }
  if (recent_) recent_ = tail(mx::concatenate({*recent_, next}, 0), kRecent);
  return next;
}

}  // namespace tether
