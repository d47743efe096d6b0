// Tests how tokens are drawn: greedy, filters, seeds, penalty, mask, NaN, and that the rows of a batch do not mix.
#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "test/check.h"

using tether::check;
using tether::Draw;
using tether::Sampler;
using tether::Sampling;
namespace mx = mlx::core;

namespace {

// The one that a test runs with: all run with tether's own operations and with MLX's.
tether::DevicePolicy device{};

mx::array rows(const std::vector<std::vector<float>>& logits) {
  std::vector<float> flat;
  for (const auto& row : logits) flat.insert(flat.end(), row.begin(), row.end());
  return mx::array(flat.begin(), {static_cast<int>(logits.size()), static_cast<int>(logits[0].size())}, mx::float32);
}

std::vector<int32_t> drawn(const mx::array& logits, std::vector<Draw> draws) {
  auto tokens = tether::draw(logits, draws, device);
  tokens.eval();
  return {tokens.data<int32_t>(), tokens.data<int32_t>() + tokens.size()};
}

// The tokens that many draws from the same row give.
std::set<int32_t> seen(const std::vector<float>& logits, Sampling sampling, int times = 300) {
  sampling.seed = 1;
  Sampler sampler(sampling, {}, device);
  std::set<int32_t> tokens;
  for (int i = 0; i < times; i++) tokens.insert(drawn(rows({logits}), {{&sampler, {}}})[0]);
  return tokens;
}

// Probabilities 0.5, 0.25, 0.15, 0.07, 0.03, out of order.
std::vector<float> row_of_five() {
  return {std::log(0.15F), std::log(0.5F), std::log(0.03F), std::log(0.25F), std::log(0.07F)};
}

void greedy() {
  Sampler sampler({}, {}, device);
  check(drawn(rows({row_of_five(), {5, 1, 1, 1, 1}}), {{&sampler, {}}, {&sampler, {}}}) == std::vector<int32_t>{1, 0},
        "greedy takes the largest of each row");
}

void filters() {
  using Set = std::set<int32_t>;
  check(seen(row_of_five(), {.temperature = 1}).size() == 5, "without a filter every token is drawn");
  check(seen(row_of_five(), {.temperature = 1, .top_k = 2}) == Set{1, 3}, "top_k keeps the two largest");
  check(seen(row_of_five(), {.temperature = 1, .top_k = 50}).size() == 5,
        "a top_k above the vocabulary keeps all tokens");
  // A token is kept if the likelier ones sum to less than top_p: 0.5 and 0.75 do, 0.9 does not.
  check(seen(row_of_five(), {.temperature = 1, .top_p = 0.8F}) == Set{0, 1, 3},
        "top_p keeps the smallest head that reaches it");
  check(seen(row_of_five(), {.temperature = 1, .top_p = 0}) == Set{1}, "top_p 0 keeps the likeliest token");
  check(seen(row_of_five(), {.temperature = 1, .min_p = 0.2F}) == Set{0, 1, 3}, "min_p is relative to the largest");
  check(seen(row_of_five(), {.temperature = 1, .top_p = 0.8F, .top_k = 4, .min_p = 0.4F}) == Set{1, 3},
        "filters apply together");
  // Filters see the probabilities at temperature 1.
  check(seen(row_of_five(), {.temperature = 100, .top_p = 0.8F}) == Set{0, 1, 3},
        "the temperature is applied after the filters");
}

void frequencies() {
  Sampler sampler({.temperature = 1, .seed = 3}, {}, device);
  constexpr int kTimes = 4000;
  std::vector<int> count(5);
  for (int i = 0; i < kTimes; i++) count[static_cast<size_t>(drawn(rows({row_of_five()}), {{&sampler, {}}})[0])]++;
  for (size_t i = 0; i < count.size(); i++) {
    double wanted = std::exp(row_of_five()[i]);
    check(std::abs(count[i] / static_cast<double>(kTimes) - wanted) < 0.03,
          "token " + std::to_string(i) + " is drawn as often as its probability says");
  }
}

// The tokens that the filters leave of a row, counted in double, and their probabilities at this temperature.
std::map<int32_t, double> left_of(const std::vector<float>& row, const Sampling& how) {
  std::vector<int32_t> ids(row.size());
  std::iota(ids.begin(), ids.end(), 0);
  auto at = [&](int32_t id) { return static_cast<double>(row[static_cast<size_t>(id)]); };
  std::ranges::sort(ids, std::greater(), at);
  double whole = 0;
  for (auto id : ids) whole += std::exp(at(id) - at(ids[0]));
  std::map<int32_t, double> left;
  double before = 0;
  double sum = 0;
  for (auto id : ids) {
    double p = std::exp(at(id) - at(ids[0]));
    bool first = left.empty();
    if (!first && (before >= how.top_p * whole || p < how.min_p)) break;
    if (how.top_k > 0 && left.size() == static_cast<size_t>(how.top_k)) break;
    before += p;
    left[id] = std::exp((at(id) - at(ids[0])) / how.temperature);
    sum += left[id];
  }
  for (auto& [id, p] : left) p /= sum;
  return left;
}

// A vocabulary of many parts, with every kind of filter: only what they leave is drawn, as often as it should be.
void wide_rows() {
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> row(9001);
  for (auto& logit : row) logit = normal(random);
  const std::vector<Sampling> ways{{.temperature = 1},
                                   {.temperature = 0.5F, .top_p = 0.9F},
                                   {.temperature = 1, .top_p = 0.3F},
                                   {.temperature = 2, .top_k = 40},
                                   {.temperature = 1, .top_k = 3000},
                                   {.temperature = 1, .min_p = 0.05F},
                                   {.temperature = 0.7F, .top_p = 0.95F, .top_k = 64, .min_p = 0.01F}};
  for (auto how : ways) {
    how.seed = 11;
    auto wanted = left_of(row, how);
    Sampler sampler(how, {}, device);
    std::map<int32_t, int> count;
    constexpr int kTimes = 1500;
    for (int i = 0; i < kTimes; i++) count[drawn(rows({row}), {{&sampler, {}}})[0]]++;
    double off = 0;
    for (const auto& [id, times] : count) {
      bool is_left = wanted.contains(id);
      check(is_left, "token " + std::to_string(id) + " is left by the filters");
      // Rare tokens together, since each is drawn seldom.
      if (is_left && wanted[id] > 0.02) off += std::abs(times / static_cast<double>(kTimes) - wanted[id]);
    }
    check(off < 0.12, "what filters leave is drawn as often as it should be, off by " + std::to_string(off));
  }
}

// Rows whose tokens are all alike, and temperatures near 0 where logits are large.
void flat_rows() {
  std::vector<float> flat(5000, -3.5F);
  Sampler half({.temperature = 1, .top_p = 0.5F, .seed = 2}, {}, device);
  std::set<int32_t> tokens;
  for (int i = 0; i < 50; i++) tokens.insert(drawn(rows({flat}), {{&half, {}}})[0]);
  check(tokens.size() > 40, "of equal tokens all are drawn");
  flat[4321] = 2000;
  flat[17] = 1999.5F;
  for (float temperature : {1e-3F, 1e-6F, 1e-20F}) {
    Sampler cold({.temperature = temperature, .seed = 2}, {}, device);
    check(drawn(rows({flat}), {{&cold, {}}})[0] == 4321, "a temperature near 0 draws the largest");
  }
}

void seeds_and_neighbours() {
  auto sequence = [](uint64_t seed, bool neighbour) {
    Sampler sampler({.temperature = 1, .seed = seed}, {}, device);
    Sampler other({.temperature = 2, .top_k = 3, .seed = 99}, {}, device);
    std::vector<int32_t> tokens;
    for (int i = 0; i < 30; i++)
      tokens.push_back(neighbour ? drawn(rows({row_of_five(), row_of_five()}), {{&other, {}}, {&sampler, {}}})[1]
                                 : drawn(rows({row_of_five()}), {{&sampler, {}}})[0]);
    return tokens;
  };
  check(sequence(7, false) == sequence(7, false), "the same seed draws the same tokens");
  check(sequence(7, false) != sequence(8, false), "another seed draws other tokens");
  check(sequence(7, false) == sequence(7, true), "another row in the batch does not change what is drawn");
}

void penalty() {
  std::vector<int32_t> prompt{1};
  Sampler sampler({.repetition_penalty = 3}, prompt, device);
  std::vector<float> row{1.5F, 2, -1, 1.4F, 0};
  check(drawn(rows({row}), {{&sampler, {}}})[0] == 0, "the repetition penalty counts tokens of the prompt");
  check(drawn(rows({row}), {{&sampler, {}}})[0] == 3, "the repetition penalty counts tokens that were drawn");
}

void mask() {
  Sampler sampler({}, {}, device);
  check(drawn(rows({row_of_five()}), {{&sampler, {0b10100}}})[0] == 4, "only tokens that the mask allows are drawn");
  check(drawn(rows({row_of_five(), row_of_five()}), {{&sampler, {0b00100}}, {&sampler, {}}}) ==
            std::vector<int32_t>{2, 1},
        "a mask applies to its own row");
  std::vector<float> wide(70, 0);
  wide[69] = 1;
  wide[40] = 2;
  wide[3] = 3;
  check(drawn(rows({wide}), {{&sampler, {0, 0, 1U << 5U}}})[0] == 69, "the third word of a mask is tokens 64 to 95");
  Sampler hot({.temperature = 1, .seed = 1}, {}, device);
  for (int i = 0; i < 50; i++)
    check(drawn(rows({row_of_five()}), {{&hot, {0b01001}}})[0] % 3 == 0, "a mask applies above temperature 0, too");
}

void not_a_number() {
  Sampler sampler({}, {}, device);
  Sampler hot({.temperature = 1, .top_k = 2}, {}, device);
  auto bad = row_of_five();
  bad[4] = std::numeric_limits<float>::quiet_NaN();
  check(drawn(rows({bad, row_of_five(), bad}), {{&sampler, {}}, {&sampler, {}}, {&hot, {}}}) ==
            std::vector<int32_t>{tether::kNotANumber, 1, tether::kNotANumber},
        "a NaN in the logits is reported in its own row");
  check(drawn(rows({bad}), {{&sampler, {0b1}}})[0] == tether::kNotANumber, "a mask does not hide a NaN");
}

}  // namespace

int main() {
  mx::set_default_device(mx::Device::cpu);
  mx::disable_compile();
  for (const auto& policy : {tether::device_policy(), tether::gpu_policy("metal")}) {
    device = policy;
    greedy();
    filters();
    frequencies();
    wide_rows();
    flat_rows();
    seeds_and_neighbours();
    penalty();
    mask();
    not_a_number();
  }
  return tether::result();
}
