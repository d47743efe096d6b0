// Tests the kernels of every kind of processor that this machine can run, against plain arithmetic.
#include "cpu/kernels.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "cpu/pick.h"
#include "test/check.h"
#include "test/halves.h"

using namespace tether;

namespace {

std::mt19937& random_bits() {
  static std::mt19937 bits(5);
  return bits;
}

std::vector<float> numbers(size_t count, float from = -1, float to = 1) {
  std::uniform_real_distribution<float> value(from, to);
  std::vector<float> all(count);
  for (float& one : all) one = value(random_bits());
  return all;
}

bool near(double got, double want, double tolerance = 2e-6) {
  if (std::isnan(want)) return std::isnan(got);
  if (std::isinf(want)) return got == want;
  return std::abs(got - want) <= tolerance * (1 + std::abs(want));
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Lengths around multiples of the number of lanes.
constexpr std::array<size_t, 14> kLengths{1, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 100, 257};

void products(const Kernels& kernel) {
  for (int m : {1, 2, 3, 4, 5, 6, 7, 8, 12, 16})
    for (int n : {1, 2, 5, 8})
      for (size_t k : kLengths)
        for (float beta : {0.0F, 0.5F}) {
          auto rows = static_cast<size_t>(m);
          auto columns = static_cast<size_t>(n);
          auto a = numbers(rows * (k + 3));
          Halves halves(kernel, numbers(columns * (k + 1)));
          const auto& b = halves.floats;
          auto c = beta == 0 ? std::vector<float>(rows * columns, kNaN) : numbers(rows * columns);
          auto before = c;
          auto of_halves = c;
          kernel.few_rows_f16(m, n, static_cast<long>(k), 2, a.data(), static_cast<long>(k) + 3, halves.bits.data(),
                              static_cast<long>(k) + 1, beta, of_halves.data(), n);
          kernel.few_rows_f32(m, n, static_cast<long>(k), 2, a.data(), static_cast<long>(k) + 3, b.data(),
                              static_cast<long>(k) + 1, beta, c.data(), n);
          for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < columns; j++) {
              double want = beta == 0 ? 0 : beta * before[i * columns + j];
              for (size_t l = 0; l < k; l++) want += 2.0 * a[i * (k + 3) + l] * b[j * (k + 1) + l];
              auto name = std::string(kernel.name) + ": product of " + std::to_string(m) + " rows by " +
                          std::to_string(n) + ", " + std::to_string(k) + " wide";
              check(near(c[i * columns + j], want, 1e-5), name);
              check(near(of_halves[i * columns + j], want, 1e-5), name + ", in float16");
            }
        }
}

// Packed as in MLX: the numbers of a row follow one another, the first in the lowest bits.
struct Packed {
  std::vector<uint8_t> bytes;
  std::vector<float> scales;
  std::vector<float> biases;
  std::vector<float> wanted;
  MatrixView matrix;
};

Packed affine(int bits, int group, size_t rows, size_t width) {
  Packed packed;
  auto row_bytes = width * static_cast<size_t>(bits) / 8;
  packed.bytes.assign(rows * row_bytes, 0);
  packed.scales = numbers(rows * width / static_cast<size_t>(group));
  packed.biases = numbers(packed.scales.size());
  for (size_t row = 0; row < rows; row++)
    for (size_t i = 0; i < width; i++) {
      auto number = random_bits()() & ((1U << static_cast<unsigned>(bits)) - 1);
      for (size_t bit = 0; bit < static_cast<size_t>(bits); bit++) {
        auto at = i * static_cast<size_t>(bits) + bit;
        if (number >> bit & 1U) packed.bytes[row * row_bytes + at / 8] |= static_cast<uint8_t>(1U << (at % 8));
      }
      auto of = (row * width + i) / static_cast<size_t>(group);
      packed.wanted.push_back(static_cast<float>(number) * packed.scales[of] + packed.biases[of]);
    }
  packed.matrix = {.quantization = {.mode = QuantMode::affine, .bits = bits, .group_size = group},
                   .width = static_cast<long>(width),
                   .row_bytes = static_cast<long>(row_bytes),
                   .numbers = packed.bytes.data(),
                   .scales = packed.scales.data(),
                   .biases = packed.biases.data()};
  return packed;
}

void packed_matrices(const Kernels& kernel) {
  constexpr size_t kRows = 7;
  for (int bits : {2, 3, 4, 5, 6, 8})
    for (int group : {32, 64, 128})
      for (size_t width : {size_t{128}, size_t{1152}, size_t{4224}}) {
        auto packed = affine(bits, group, kRows, width);
        auto name = std::string(kernel.name) + ": " + std::to_string(bits) + " bits in groups of " +
                    std::to_string(group) + ", " + std::to_string(width) + " wide";
        std::vector<float> row(width);
        for (size_t i = 0; i < kRows; i++) {
          kernel.expand(packed.matrix, static_cast<long>(i), 0, static_cast<long>(width), row.data());
          for (size_t j = 0; j < width; j++) check(near(row[j], packed.wanted[i * width + j]), name + ", expanded");
        }
        for (int m : {1, 2, 3, 4, 7, 16}) {
          auto x = numbers(static_cast<size_t>(m) * width);
          std::vector<float> y(static_cast<size_t>(m) * kRows, kNaN);
          // Columns 1 to 6: the others are not written.
          kernel.few_rows(m, x.data(), static_cast<long>(width), packed.matrix, 1, kRows, y.data(), kRows);
          for (size_t i = 0; i < static_cast<size_t>(m); i++) {
            check(std::isnan(y[i * kRows]), name + ", writes no other column");
            for (size_t j = 1; j < kRows; j++) {
              double want = 0;
              double all = 0;
              for (size_t l = 0; l < width; l++) {
                double term = double{x[i * width + l]} * packed.wanted[j * width + l];
                want += term;
                all += std::abs(term);
              }
              check(std::abs(y[i * kRows + j] - want) < 1e-6 * all, name + ", times " + std::to_string(m) + " rows");
            }
          }
        }
      }
}

// A number as round_rows() rounds it, and how far the other neighbour is if it lies halfway between two.
struct Nearest {
  double value;
  double doubt;
};

// In each group to multiples of a fraction of its largest number.
std::vector<Nearest> rounded(const std::vector<float>& x, int group, double most) {
  std::vector<Nearest> all;
  for (auto begin = x.begin(); begin != x.end(); begin += group) {
    double largest = 0;
    for (auto one = begin; one != begin + group; ++one) largest = std::max<double>(largest, std::abs(*one));
    double step = largest / most;
    for (auto one = begin; one != begin + group; ++one) {
      double steps = largest == 0 ? 0 : *one / step;
      bool is_halfway = std::abs(std::abs(steps - std::nearbyint(steps)) - 0.5) < 0.01;
      all.push_back({.value = step * std::nearbyint(steps), .doubt = is_halfway ? step : 0});
    }
  }
  return all;
}

// Rows as round_rows() makes them, and their product with columns [1, rows) of a matrix.
std::vector<float> product_of_rounded(const Kernels& kernel, Activations of, int m, const float* x, const MatrixView& w,
                                      long rows) {
  auto count = static_cast<size_t>(m * w.width);
  const long groups = w.width / w.quantization.group_size;
  const long stride = (groups + RoundedRows::kPadding - 1) / RoundedRows::kPadding * RoundedRows::kPadding;
  std::vector<int16_t> numbers(count);
  std::vector<float> factors(static_cast<size_t>(2 * (m * stride)), kNaN);
  RoundedRows to{
      .numbers = numbers.data(), .factors = factors.data(), .sums = factors.data() + m * stride, .stride = stride};
  kernel.round_rows(of, m, x, w.width, w, to);
  std::vector<float> y(static_cast<size_t>(m * rows), kNaN);
  kernel.few_rounded(of, m, to, w, 1, rows, y.data(), rows);
  return y;
}

void check_rounded(const Kernels& kernel, Activations of, int m, const Packed& packed, const std::vector<float>& x,
                   const std::string& name) {
  const auto& w = packed.matrix;
  auto width = static_cast<size_t>(w.width);
  auto rows = packed.wanted.size() / width;
  auto exact = rounded(x, w.quantization.group_size, of == Activations::int8 ? 127 : 32767);
  auto y = product_of_rounded(kernel, of, m, x.data(), w, static_cast<long>(rows));
  for (size_t i = 0; i < static_cast<size_t>(m); i++) {
    auto alone = product_of_rounded(kernel, of, 1, x.data() + i * width, w, static_cast<long>(rows));
    check(std::isnan(y[i * rows]), name + ", writes no other column");
    for (size_t j = 1; j < rows; j++) {
      double want = 0;
      double tolerance = 0;
      for (size_t l = 0; l < width; l++) {
        const auto& [value, doubt] = exact[i * width + l];
        double weight = packed.wanted[j * width + l];
        want += value * weight;
        tolerance += 2e-6 * std::abs(value * weight) + doubt * std::abs(weight);
      }
      check(std::abs(y[i * rows + j] - want) <= tolerance, name);
      check(y[i * rows + j] == alone[j], name + ", the same as alone");
    }
  }
}

void rounded_products(const Kernels& kernel) {
  constexpr size_t kRows = 7;
  for (auto of : {Activations::int16, Activations::int8})
    for (int bits : {4, 8})
      for (int group : {32, 64, 128})
        for (size_t width : {size_t{128}, size_t{1152}, size_t{4224}}) {
          auto packed = affine(bits, group, kRows, width);
          auto name = std::string(kernel.name) + ": " + (of == Activations::int8 ? "8" : "16") +
                      "-bit activations times " + std::to_string(bits) + " bits in groups of " + std::to_string(group) +
                      ", " + std::to_string(width) + " wide";
          for (int m : {1, 2, 3, 4, 5, 7, 8, 16}) {
            auto x = numbers(static_cast<size_t>(m) * width);
            // Outliers, and a group of zeros.
            for (size_t i = 0; i < x.size(); i += 97) x[i] *= 50;
            std::fill_n(x.begin(), group, 0.0F);
            check_rounded(kernel, of, m, packed, x, name + ", " + std::to_string(m) + " rows");
          }
          // The largest sums.
          std::ranges::fill(packed.bytes, uint8_t{255});
          for (size_t i = 0; i < packed.wanted.size(); i++) {
            auto at = i / static_cast<size_t>(group);
            packed.wanted[i] =
                static_cast<float>((1U << static_cast<unsigned>(bits)) - 1) * packed.scales[at] + packed.biases[at];
          }
          for (float value : {3.0F, -3.0F})
            check_rounded(kernel, of, 1, packed, std::vector<float>(width, value), name + ", largest sums");
          // What is no number stays in its row.
          for (float broken : {kNaN, kInfinity, -kInfinity}) {
            auto x = numbers(2 * width);
            x[5] = broken;
            auto y = product_of_rounded(kernel, of, 2, x.data(), packed.matrix, kRows);
            check(std::isnan(y[1]) && !std::isnan(y[kRows + 1]), name + ", with " + std::to_string(broken));
          }
        }
}

void transforms(const Kernels& kernel) {
  for (size_t block : {size_t{32}, size_t{64}, size_t{256}, size_t{512}}) {
    auto x = numbers(3 * block);
    auto out = x;
    kernel.hadamard(out.data(), static_cast<long>(x.size()), static_cast<long>(block), 0.25F);
    for (size_t i = 0; i < x.size(); i++) {
      double want = 0;
      for (size_t j = 0; j < block; j++)
        want += (std::popcount(i % block & j) % 2 == 0 ? 0.25 : -0.25) * x[i / block * block + j];
      check(near(out[i], want, 1e-5), std::string(kernel.name) + ": Hadamard transform of " + std::to_string(block));
    }
  }
}

void elementwise(const Kernels& kernel) {
  std::string name = kernel.name;
  for (size_t count : kLengths) {
    auto a = numbers(count, -20, 20);
    auto b = numbers(count);
    auto length = static_cast<long>(count);
    std::vector<float> out(count);
    kernel.gated(Gate::silu, a.data(), b.data(), out.data(), length);
    for (size_t i = 0; i < count; i++)
      check(near(out[i], double{a[i]} / (1 + std::exp(-double{a[i]})) * b[i]), name + ": silu");
    kernel.gated(Gate::gelu_tanh, a.data(), b.data(), out.data(), length);
    for (size_t i = 0; i < count; i++) {
      double x = a[i];
      double want = 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x))) * b[i];
      check(near(out[i], want, 4e-6), name + ": gelu of " + std::to_string(x));
    }
    for (const float* weight : {static_cast<const float*>(nullptr), static_cast<const float*>(b.data())}) {
      kernel.rms_norm(a.data(), weight, out.data(), length, 1e-5F);
      double squares = 0;
      for (float x : a) squares += double{x} * x;
      for (size_t i = 0; i < count; i++)
        check(near(out[i], a[i] / std::sqrt(squares / static_cast<double>(count) + 1e-5F) * (weight ? weight[i] : 1),
                   4e-6),
              name + ": norm");
    }
    auto capped = a;
    kernel.softcap(capped.data(), length, 5);
    for (size_t i = 0; i < count; i++) check(near(capped[i], 5 * std::tanh(a[i] / 5.0), 4e-6), name + ": softcap");
    float most = kernel.largest(a.data(), length);
    check(most == *std::ranges::max_element(a), name + ": largest number");
    check(!kernel.has_nan(a.data(), length), name + ": all are numbers");
    for (size_t at : {size_t{0}, count / 2, count - 1}) {
      auto bad = a;
      bad[at] = kNaN;
      check(kernel.has_nan(bad.data(), length), name + ": a NaN is found");
    }
    std::vector<uint32_t> bits((count + 31) / 32);
    double of_bits = 0;
    for (size_t i = 0; i < count; i++) {
      if (i % 3 != 1) continue;
      bits[i / 32] |= 1U << (i % 32);
      of_bits += a[i];
    }
    kernel.mask(a.data(), bits.data(), -kInfinity, out.data(), length);
    for (size_t i = 0; i < count; i++) check(out[i] == (i % 3 == 1 ? a[i] : -kInfinity), name + ": mask");
    check(near(kernel.masked_sum(a.data(), bits.data(), length), of_bits, 1e-5), name + ": sum of what a mask allows");
    auto shares = a;
    float sum = kernel.exp_sum(shares.data(), length, most);
    double want = 0;
    for (size_t i = 0; i < count; i++) {
      want += std::exp(double{a[i]} - most);
      check(near(shares[i], std::exp(double{a[i]} - most)), name + ": exponential");
    }
    check(near(sum, want), name + ": sum of exponentials");
  }
  // The ends of the range of exp.
  for (auto [x, e] : {std::pair{-kInfinity, 0.0F}, {-200.0F, 0.0F}, {0.0F, 1.0F}, {200.0F, kInfinity}, {kNaN, kNaN}}) {
    std::vector<float> one(20, x);
    kernel.exp_sum(one.data(), 20, 0);
    for (float got : one) check(near(got, e), name + ": exp(" + std::to_string(x) + ") is " + std::to_string(got));
  }
}

void rotations(const Kernels& kernel) {
  for (int dims : {4, 32, 64})
    for (int head : {dims, dims + 8})
      for (bool traditional : {false, true}) {
        auto x = numbers(static_cast<size_t>(head));
        auto angles = numbers(static_cast<size_t>(dims / 2), 0, 6);
        std::vector<float> cosines;
        std::vector<float> sines;
        for (float angle : angles) {
          cosines.push_back(std::cos(angle));
          sines.push_back(std::sin(angle));
        }
        std::vector<float> out(x.size());
        kernel.rotate(x.data(), {cosines.data(), sines.data(), dims, traditional}, head, out.data());
        for (int i = 0; i < dims / 2; i++) {
          auto first = static_cast<size_t>(traditional ? 2 * i : i);
          auto second = static_cast<size_t>(traditional ? 2 * i + 1 : i + dims / 2);
          auto at = static_cast<size_t>(i);
          check(near(out[first], x[first] * cosines[at] - x[second] * sines[at]),
                std::string(kernel.name) + ": rotated, the first of a pair");
          check(near(out[second], x[first] * sines[at] + x[second] * cosines[at]),
                std::string(kernel.name) + ": rotated, the second of a pair");
        }
        for (auto i = static_cast<size_t>(dims); i < x.size(); i++)
          check(out[i] == x[i], "rotation leaves the rest of a head");
      }
}

void mixtures(const Kernels& kernel) {
  for (int rows : {1, 2, 3, 4, 7})
    for (int dim : {4, 20, 64, 80})
      for (long slots : {1L, 3L, 70L}) {
        auto r = static_cast<size_t>(rows);
        auto d = static_cast<size_t>(dim);
        auto s = static_cast<size_t>(slots);
        auto shares = numbers(r * (s + 2));
        Halves halves(kernel, numbers(s * (d + 4)));
        const auto& values = halves.floats;
        auto out = numbers(r * d);
        auto before = out;
        auto of_halves = out;
        kernel.mix_f16(rows, slots, dim, shares.data(), slots + 2, halves.bits.data(), dim + 4, of_halves.data(), dim);
        kernel.mix(rows, slots, dim, shares.data(), slots + 2, values.data(), dim + 4, out.data(), dim);
        for (size_t i = 0; i < r; i++)
          for (size_t j = 0; j < d; j++) {
            double want = before[i * d + j];
            for (size_t l = 0; l < s; l++) want += double{shares[i * (s + 2) + l]} * values[l * (d + 4) + j];
            check(near(out[i * d + j], want, 1e-5), std::string(kernel.name) + ": mixture of values");
            check(near(of_halves[i * d + j], want, 1e-5), std::string(kernel.name) + ": mixture of values in float16");
          }
      }
}

}  // namespace

int main() {
  for (const auto* kernel : runnable_kernels()) {
    products(*kernel);
    packed_matrices(*kernel);
    rounded_products(*kernel);
    transforms(*kernel);
    elementwise(*kernel);
    rotations(*kernel);
    mixtures(*kernel);
  }
  return result();
}
