// Tests how groups of keys and values are packed in 4 bits, on every kind of processor that this machine can run.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "cpu/kernels.h"
#include "cpu/pick.h"
#include "test/check.h"

using namespace tether;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

float bell() {
  static std::mt19937 bits(5);
  static std::normal_distribution<float> numbers;
  return numbers(bits);
}

std::vector<float> noise_of(size_t count) {
  std::vector<float> all(count);
  std::ranges::generate(all, bell);
  return all;
}

constexpr size_t kGroup = 32;

struct Packed4 {
  std::vector<float> floats;  // as they are read
  std::vector<float> scales, biases;
};

Packed4 packed(const Kernels& kernel, const std::vector<float>& x) {
  std::vector<uint32_t> words(x.size() / 8);
  Packed4 to{.floats = {}, .scales = std::vector<float>(x.size() / kGroup), .biases = to.scales};
  kernel.pack(x.data(), static_cast<long>(x.size()), words.data(), to.scales.data(), to.biases.data());
  for (size_t i = 0; i < x.size(); i++) {
    auto step = static_cast<float>(words[i / 8] >> (i % 8 * 4) & 15U);
    to.floats.push_back(to.scales[i / kGroup] * step + to.biases[i / kGroup]);
  }
  return to;
}

double squared_error(const std::vector<float>& got, const std::vector<float>& want) {
  double sum = 0;
  for (size_t i = 0; i < want.size(); i++) sum += std::pow(double{got[i]} - want[i], 2);
  return sum;
}

// With a grid of 16 steps from the least number to the largest.
double error_between_extremes(const std::vector<float>& x) {
  auto [least, most] = std::ranges::minmax(x);
  double step = (double{most} - least) / 15;
  double sum = 0;
  for (float number : x) sum += std::pow(std::remainder(number - least, step), 2);
  return sum;
}

void packing(const Kernels& kernel) {
  std::string name = std::string(kernel.name) + ", packed: ";
  struct Row {
    std::string name;
    double most;  // of the error between extremes, on average
    std::function<float(size_t)> number;
  };
  auto noise = [](size_t) { return bell(); };
  for (const auto& [kind, most, number] : std::vector<Row>{
           {"a bell", 0.93, noise},
           {"a bell far from zero", 0.93, [](size_t) { return 30 + bell(); }},
           {"an outlier", 1, [](size_t i) { return i == 9 ? 20 : bell(); }},
           {"two numbers", 1, [](size_t i) { return i % 3 == 0 ? -2.5F : 4.25F; }},
           {"a ramp", 1, [](size_t i) { return static_cast<float>(i); }},
           {"small numbers", 0.93, [](size_t) { return 1e-20F * bell(); }},
           {"large numbers", 0.93, [](size_t) { return 1e30F * bell(); }},
       }) {
    double error = 0;
    double between_extremes = 0;
    for (int round = 0; round < 200; round++) {
      std::vector<float> x;
      for (size_t i = 0; i < kGroup; i++) x.push_back(number(i));
      // With what rounding to float adds.
      double wanted = error_between_extremes(x) * 1.001 + 1e-10 * std::pow(*std::ranges::max_element(x), 2);
      double got = squared_error(packed(kernel, x).floats, x);
      check(got <= wanted, name + kind + ", no group loses more than between its extremes");
      error += got;
      between_extremes += wanted;
    }
    check(error <= between_extremes * most, name + kind + " loses less");
  }
  for (float number : {0.0F, -3.25F, 1e-38F, 3e38F}) {
    std::vector<float> x(kGroup, number);
    check(packed(kernel, x).floats == x, name + "equal numbers stay as they are, " + std::to_string(number));
  }
  std::vector<float> tiny(kGroup, 0);
  tiny[4] = 1e-35F;
  check(squared_error(packed(kernel, tiny).floats, tiny) < 1e-60, name + "numbers that are almost equal become equal");
  for (float broken : {kNaN, kInfinity, -kInfinity, 3e38F}) {
    auto x = noise_of(2 * kGroup);
    auto whole = packed(kernel, x).floats;
    x[3] = broken;
    if (std::isfinite(broken)) x[4] = -broken;  // too far apart
    auto got = packed(kernel, x).floats;
    for (size_t i = 0; i < x.size(); i++)
      check(i < kGroup ? std::isnan(got[i]) : got[i] == whole[i],
            name + "of groups only one with " + std::to_string(broken) + " is no numbers");
  }
}

}  // namespace

int main() {
  for (const auto* kernel : runnable_kernels()) packing(*kernel);
  return result();
}
