// Tests what adapters add to the rows of a pass, under the policies of a CPU and a GPU.
#include "model/adapters.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "test/check.h"

using namespace tether;

namespace {

constexpr int kIn = 40;
constexpr int kOut = 24;
constexpr int kRows = 70;

float distance(const mx::array& a, const mx::array& b) {
  return mx::max(mx::abs(mx::subtract(mx::astype(a, mx::float32), mx::astype(b, mx::float32)))).item<float>();
}

AdaptedLinear::Factors factors(const DevicePolicy& device, const mx::array& a, const mx::array& b, float scale) {
  if (!device.own_kernels) return {.a = a, .b = b, .scale = scale};
  auto own = mx::contiguous(mx::multiply(mx::transpose(a), mx::array(scale)));
  return {.a = own, .b = mx::contiguous(mx::transpose(b)), .scale = scale};
}

// Rows of two adapters, of one that does not change this layer, and of none, in one pass.
void rows_get_their_own(const DevicePolicy& device, const std::string& name) {
  auto rows = std::make_shared<std::vector<AdapterRows>>();
  AdaptedLinear layer(kOut, kIn, device, rows);
  std::vector<std::pair<mx::array, mx::array>> matrices;
  for (int adapter : {1, 2}) {
    int rank = adapter == 1 ? 1 : 6;
    matrices.emplace_back(mx::random::normal({kIn, rank}), mx::random::normal({rank, kOut}));
    layer.set(adapter, factors(device, matrices.back().first, matrices.back().second, 2.0F));
  }
  auto x = mx::random::normal({kRows, kIn});
  auto y = mx::random::normal({kRows, kOut});
  mx::eval(x, y);
  std::vector<std::vector<AdapterRows>> passes{
      {},
      {{.adapter = 1, .begin = 0, .end = kRows}},
      {{.adapter = 3, .begin = 0, .end = kRows}},
      {{.adapter = 1, .begin = 0, .end = 1}, {.adapter = 2, .begin = 1, .end = kRows}},
      {{.adapter = 2, .begin = 5, .end = 9}},
      {{.adapter = 1, .begin = 5, .end = 30},
       {.adapter = 3, .begin = 30, .end = 40},
       {.adapter = 2, .begin = 50, .end = kRows}}};
  for (const auto& pass : passes) {
    *rows = pass;
    bool changes = std::ranges::any_of(pass, [](const AdapterRows& part) { return part.adapter <= 2; });
    check(layer.adds() == changes,
          name + ": a layer knows whether " + std::to_string(pass.size()) + " parts change it");
    auto got = layer.added(x, y);
    auto wanted = y;
    for (const auto& [adapter, begin, end] : pass) {
      if (adapter > 2) continue;
      const auto& [a, b] = matrices[static_cast<size_t>(adapter - 1)];
      auto all = mx::multiply(mx::matmul(mx::matmul(x, a), b), mx::array(2.0F));
      auto at = mx::expand_dims(mx::arange(kRows), 1);
      auto inside = mx::logical_and(mx::greater_equal(at, mx::array(begin)), mx::less(at, mx::array(end)));
      wanted = mx::add(wanted, mx::where(inside, all, mx::array(0.0F)));
    }
    check(distance(got, wanted) < 1e-3F, name + ": " + std::to_string(pass.size()) + " parts of a pass get their own");
  }
}

// A float32 adapter makes no float32 of activations in half precision.
void half_stays_half() {
  auto rows = std::make_shared<std::vector<AdapterRows>>();
  AdaptedLinear layer(kOut, kIn, gpu_policy("metal"), rows);
  layer.set(1, {.a = mx::random::normal({kIn, 3}), .b = mx::random::normal({3, kOut}), .scale = 1});
  auto x = mx::astype(mx::random::normal({8, kIn}), mx::bfloat16);
  auto y = mx::astype(mx::random::normal({8, kOut}), mx::bfloat16);
  for (int end : {8, 5}) {
    *rows = {{.adapter = 1, .begin = 0, .end = end}};
    check(layer.added(x, y).dtype() == mx::bfloat16, "activations stay in half precision");
  }
}

void names() {
  for (const auto* prefix : {"", "model.", "language_model.model.", "base_model.model.model.language_model."})
    check(Adapters::short_name(prefix + std::string("layers.3.mlp.up_proj")) == "layers.3.mlp.up_proj",
          std::string(prefix) + ": a layer has one name in all checkpoints");
  check(Adapters::short_name("model.language_model.altup_projections.1") == "altup_projections.1",
        "so has a layer that is in none");
  check(Adapters::short_name("model.my_layers.0.x") == "my_layers.0.x", "layers are a word of their own");
}

}  // namespace

int main() {
  rows_get_their_own(device_policy(), "cpu");
  rows_get_their_own(gpu_policy("metal"), "gpu");
  half_stays_half();
  names();
  return result();
}
