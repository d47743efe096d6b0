// How a token is drawn from logits on a CPU, in one or two passes over them.
#include "cpu/ops/draws.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "cpu/kernels.h"
#include "cpu/ops/operation.h"

namespace tether::cpu {
namespace {

constexpr long kBits = 32;
// Logits that are looked at together: their sum in float32 is exact enough, and they stay in the first-level cache.
constexpr long kPart = 1024;
constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr int kNotANumber = -1;

using Words = std::vector<uint32_t>;
const Words kAll;

// The logits of one row, part by part, as far as they may be drawn.
class Row {
 public:
  // allowed: empty, or as in draws.h
  Row(const float* logits, long count, const Words& allowed) : logits_(logits), count_(count), allowed_(allowed) {}

  long parts() const { return ceil_div(count_, kPart); }
  long begin(long part) const { return part * kPart; }
  long size(long part) const { return std::min(kPart, count_ - begin(part)); }
  long count() const { return count_; }
  float at(long token) const { return logits_[token]; }

  bool allows(long token) const {
    auto bit = static_cast<unsigned>(token % kBits);
    return allowed_.empty() || (allowed_[static_cast<size_t>(token / kBits)] >> bit & 1U) != 0;
  }

  // A part with minus infinity where a token is not allowed. Of this thread, until the next call.
  float* copy(long part) const {
    auto* to = scratch<Row>(kPart);
    const float* from = logits_ + begin(part);
    if (allowed_.empty())
      std::copy(from, from + size(part), to);
    else
      kernels().mask(from, words(part), kNever, to, size(part));
    return to;
  }

  // The largest logit of each part that may be drawn. -> whether all are numbers, also those that may not be drawn
  bool find_largest(std::vector<float>& largest) const {
    largest.resize(static_cast<size_t>(parts()));
    std::vector<char> good(largest.size());
    in_parts(parts(), kPart, [&](long first, long last) {
      for (long part = first; part < last; part++) {
        auto i = static_cast<size_t>(part);
        const float* raw = logits_ + begin(part);
        good[i] = static_cast<char>(!kernels().has_nan(raw, size(part)));
        largest[i] = kernels().largest(allowed_.empty() ? raw : copy(part), size(part));
      }
    });
    return std::ranges::all_of(good, [](char one) { return one != 0; });
  }

  // exp((logit - most) / temperature), summed over each part. -> the sum of all
  double sum(std::vector<float>& sums, float most, float temperature) const {
    sums.resize(static_cast<size_t>(parts()));
    in_parts(parts(), kPart, [&](long first, long last) {
      for (long part = first; part < last; part++)
        sums[static_cast<size_t>(part)] = weigh(copy(part), size(part), most, temperature);
    });
    return std::accumulate(sums.begin(), sums.end(), 0.0);
  }

  // The probability of the tokens that are not allowed.
  double forbidden_share() const {
    Row whole(logits_, count_, kAll);
    std::vector<float> sums;
    if (!whole.find_largest(sums)) return std::numeric_limits<double>::quiet_NaN();
    float most = *std::ranges::max_element(sums);
    std::vector<float> kept(sums.size());
    in_parts(parts(), kPart, [&](long first, long last) {
      for (long part = first; part < last; part++) {
        auto* weights = whole.copy(part);
        sums[static_cast<size_t>(part)] = weigh(weights, size(part), most, 1);
        kept[static_cast<size_t>(part)] = kernels().masked_sum(weights, words(part), size(part));
      }
    });
    double all = std::accumulate(sums.begin(), sums.end(), 0.0);
    return std::max(0.0, 1 - std::accumulate(kept.begin(), kept.end(), 0.0) / all);
  }

  static float weigh(float* logits, long count, float most, float temperature) {
    if (temperature == 1) return kernels().exp_sum(logits, count, most);
    // What is multiplied must be a difference: of large numbers nothing would be left of it.
    for (long i = 0; i < count; i++) logits[i] = (logits[i] - most) / temperature;
    return kernels().exp_sum(logits, count, 0);
  }

 private:
  const uint32_t* words(long part) const { return allowed_.data() + begin(part) / kBits; }

  const float* logits_;
  long count_;
  const Words& allowed_;
};

// The index at which `left`, a share of the weights' sum, is used up; rounding may leave some: then the last weight.
template <class Weight>
long walk(double& left, long count, const Weight& weight) {
  long last = 0;
  for (long i = 0; i < count; i++) {
    double of = weight(i);
    if (of <= 0) continue;
    if (left < of) return i;
    left -= of;
    last = i;
  }
  left = std::numeric_limits<double>::infinity();
  return last;
}

struct Candidate {
  float logit;
  int token;
};

// Draws one token from a row.
class Pick {
 public:
  Pick(const Row& row, const Drawing& how) : row_(row), how_(how) {}

  int token() {
    if (!row_.find_largest(largest_)) return kNotANumber;
    most_ = *std::ranges::max_element(largest_);
    if (how_.temperature <= 0 || std::isinf(most_)) return first_largest();
    bool counts = how_.top_k > 0 && how_.top_k < row_.count();
    if (!counts && how_.top_p >= 1 && how_.min_p <= 0) return of_all();
    auto left = counts ? likeliest(how_.top_k) : likely();
    return of(filtered(std::move(left)));
  }

 private:
  int first_largest() const {
    auto part = std::ranges::find(largest_, most_) - largest_.begin();
    long token = row_.begin(part);
    while (row_.at(token) != most_ || !row_.allows(token)) {
      // Nothing is allowed, which a caller does not ask for.
      if (token + 1 == row_.count()) break;
      token++;
    }
    return static_cast<int>(token);
  }

  // A token of any, by two steps: its part by the sums of the parts, then within the part.
  int of_all() {
    std::vector<float> sums;
    double left = how_.chance * row_.sum(sums, most_, how_.temperature);
    long part = walk(left, row_.parts(), [&](long i) { return sums[static_cast<size_t>(i)]; });
    auto* weights = row_.copy(part);
    Row::weigh(weights, row_.size(part), most_, how_.temperature);
    return static_cast<int>(row_.begin(part) + walk(left, row_.size(part), [&](long i) { return weights[i]; }));
  }

  std::vector<Candidate> from(float bound) const {
    std::vector<Candidate> all;
    for (long part = 0; part < row_.parts(); part++) {
      if (largest_[static_cast<size_t>(part)] < bound) continue;
      for (long token = row_.begin(part); token < row_.begin(part) + row_.size(part); token++)
        if (row_.at(token) >= bound && row_.allows(token) && row_.at(token) != kNever)
          all.push_back({row_.at(token), static_cast<int>(token)});
    }
    return all;
  }

  // At least the `count` largest that there are: as many parts have a logit of `bound` or more.
  std::vector<Candidate> likeliest(int count) const {
    auto bounds = largest_;
    auto at = static_cast<size_t>(count - 1);
    if (at >= bounds.size()) return cut(from(kNever), count);
    std::ranges::nth_element(bounds, bounds.begin() + static_cast<long>(at), std::greater());
    return cut(from(bounds[at]), count);
  }

  static std::vector<Candidate> cut(std::vector<Candidate> all, int count) {
    if (all.size() <= static_cast<size_t>(count)) return all;
    std::ranges::nth_element(all, all.begin() + count, std::greater(), &Candidate::logit);
    all.resize(static_cast<size_t>(count));
    return all;
  }

  // All that top_p may leave: steps down until those above the bound have enough together.
  std::vector<Candidate> likely() {
    float least = how_.min_p > 0 ? most_ + std::log(how_.min_p) : kNever;
    if (how_.top_p >= 1) return from(least);
    std::vector<float> sums;
    double wanted = how_.top_p * whole(sums);
    for (float step : {4.0F, 8.0F, 12.0F}) {
      auto some = from(std::max(least, most_ - step));
      double mass = 0;
      for (const auto& one : some) mass += std::exp(one.logit - most_);
      if (mass >= wanted || most_ - step <= least) return some;
    }
    return from(least);
  }

  double whole(std::vector<float>& sums) {
    if (!whole_) whole_ = row_.sum(sums, most_, 1);
    return *whole_;
  }

  // What top_p and min_p leave, likeliest first; always the first.
  std::vector<Candidate> filtered(std::vector<Candidate> left) {
    std::ranges::sort(left, std::greater(), &Candidate::logit);
    std::vector<float> sums;
    double wanted = how_.top_p < 1 ? how_.top_p * whole(sums) : std::numeric_limits<double>::infinity();
    double before = 0;
    size_t kept = 0;
    for (; kept < left.size(); kept++) {
      double weight = std::exp(left[kept].logit - most_);
      if (kept > 0 && (before >= wanted || weight < how_.min_p)) break;
      before += weight;
    }
    left.resize(kept);
    return left;
  }

  int of(const std::vector<Candidate>& left) const {
    std::vector<double> weights;
    weights.reserve(left.size());
    for (const auto& one : left) weights.push_back(std::exp((one.logit - most_) / how_.temperature));
    double share = how_.chance * std::accumulate(weights.begin(), weights.end(), 0.0);
    auto at = walk(share, static_cast<long>(left.size()), [&](long i) { return weights[static_cast<size_t>(i)]; });
    return left[static_cast<size_t>(at)].token;
  }

  const Row& row_;
  const Drawing& how_;
  std::vector<float> largest_;
  float most_ = kNever;
  std::optional<double> whole_;  // the sum of all weights at temperature 1
};

mx::array tokens(const mx::array& logits, const Drawing& how, Words allowed) {
  return operation({.name = "drawn", .dtype = mx::int32}, {logits.shape(0)}, {logits},
                   [how, allowed = std::move(allowed)](const Inputs& in, mx::array& out) {
                     Rows rows(in[0]);
                     for (long i = 0; i < static_cast<long>(out.size()); i++)
                       out.data<int32_t>()[i] = Pick(Row(rows[i], rows.width(), allowed), how).token();
                   });
}

}  // namespace

mx::array largest_tokens(const mx::array& logits) { return tokens(logits, {}, {}); }

mx::array drawn_token(const mx::array& logits, const Drawing& how, std::span<const uint32_t> allowed) {
  return tokens(logits, how, Words(allowed.begin(), allowed.end()));
}

mx::array forbidden_share(const mx::array& logits, std::span<const uint32_t> allowed) {
  return operation({.name = "forbidden_share"}, {1}, {logits},
                   [allowed = Words(allowed.begin(), allowed.end())](const Inputs& in, mx::array& out) {
                     Rows rows(in[0]);
                     *out.data<float>() = static_cast<float>(Row(rows[0], rows.width(), allowed).forbidden_share());
                   });
}

}  // namespace tether::cpu
