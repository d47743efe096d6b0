// Tests interleaved matrices against MLX's own arithmetic, with all kernels that this processor can run. Products need
// AVX2: elsewhere only their order is tested.
#include "cpu/ops/interleave.h"

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "cpu/ops/products.h"
#include "cpu/pick.h"
#include "cpu/pool.h"
#include "test/check.h"
#include "test/matrices.h"

using namespace tether;
namespace mx = mlx::core;

namespace {

// A copy in that order.
Matrix interleaved(const Matrix& matrix) {
  auto copy = [](const mx::array& array) {
    auto other = mx::where(mx::array(true), array, mx::zeros_like(array));
    mx::eval(other);
    return other;
  };
  Matrix other{.numbers = copy(matrix.numbers),
               .scales = copy(*matrix.scales),
               .biases = copy(*matrix.biases),
               .quantization = matrix.quantization};
  cpu::interleave(other);
  return other;
}

float largest(const mx::array& x) { return mx::max(mx::abs(x)).item<float>(); }

bool same_bits(const mx::array& a, const mx::array& b) {
  auto x = mx::contiguous(a);
  auto y = mx::contiguous(b);
  mx::eval(x, y);
  return x.nbytes() == y.nbytes() && std::memcmp(x.data<char>(), y.data<char>(), x.nbytes()) == 0;
}

mx::array row_of(const mx::array& x, int row) { return mx::slice(x, {row, 0}, {row + 1, x.shape(1)}); }

// Each embedding is the row that it was before.
void rows() {
  for (int bits : {4, 8})
    for (int group : {32, 64, 128}) {
      auto matrix = quantized(mx::random::normal({48, 384}), group, bits);
      auto ids = mx::array({0, 15, 16, 31, 47, 5}, mx::int32);
      check(same_bits(cpu::rows_of(interleaved(matrix), ids), cpu::rows_of(matrix, ids)),
            "rows of an interleaved matrix in " + std::to_string(bits) + " bits");
    }
}

// Rounds x as kernels do: group by group, to multiples of a fraction of the largest number.
mx::array rounded(const mx::array& x, int group, float most) {
  auto groups = mx::reshape(x, {x.shape(0), -1, group});
  auto step = mx::divide(mx::max(mx::abs(groups), -1, true), mx::array(most));
  return mx::reshape(mx::multiply(mx::round(mx::divide(groups, step)), step), x.shape());
}

// Two signed bytes reach less far than one number of 16 bits.
float most_of_16_bits() { return kernels().name == std::string("avx512vnni") ? 32639 : 32767; }

void products_of(const Matrix& matrix, int m, const std::string& name) {
  int width = matrix.width();
  int group = matrix.quantization.group_size;
  auto side_by_side = interleaved(matrix);
  // Rows with gaps between them, and outliers.
  auto wide = mx::random::normal({m, 2 * width});
  auto x = mx::slice(wide, {0, width}, {m, 2 * width});
  x = mx::where(mx::greater(x, mx::array(2.8F)), mx::multiply(x, mx::array(30.0F)), x);
  auto weights = mx::transpose(matrix.dequantized());
  for (auto of : {Activations::int16, Activations::int8}) {
    bool both = of == Activations::int16;
    auto got = cpu::product(x, side_by_side, of);
    auto want = mx::matmul(rounded(x, group, both ? most_of_16_bits() : 127), weights);
    // Halves may be rounded either way, by a step of one activation.
    float tolerance = (both ? 4e-5F : 6e-3F) * largest(want);
    check(largest(mx::subtract(got, want)) < tolerance, name + (both ? ", 16 bits" : ", 8 bits"));
    for (int row : {0, m / 2, m - 1})
      check(same_bits(cpu::product(row_of(x, row), side_by_side, of), row_of(got, row)), name + ", the same as alone");
  }
}

void products() {
  for (int bits : {4, 8})
    for (int group : {32, 64, 128})
      for (int out : {16, 48, 336})
        for (int width : {128, 1152}) {
          auto matrix = quantized(mx::random::normal({out, width}), group, bits);
          for (int m : {1, 2, 7, 8, 9, 16, 40, 1000})
            products_of(matrix, m,
                        std::to_string(m) + " rows times " + std::to_string(out) + " by " + std::to_string(width) +
                            " in " + std::to_string(bits) + " bits, groups of " + std::to_string(group));
        }
}

// The largest sums of whole numbers, and what is no number.
void extremes() {
  for (int bits : {4, 8})
    for (auto of : {Activations::int16, Activations::int8}) {
      auto matrix = quantized(mx::random::normal({16, 256}), 128, bits);
      matrix.numbers = mx::full(matrix.numbers.shape(), std::numeric_limits<uint32_t>::max(), mx::uint32);
      mx::eval(matrix.numbers);
      auto side_by_side = interleaved(matrix);
      auto weights = mx::transpose(matrix.dequantized());
      for (float value : {3.0F, -3.0F}) {
        auto x = mx::full({3, 256}, value);
        auto want = mx::matmul(x, weights);
        check(largest(mx::subtract(cpu::product(x, side_by_side, of), want)) < 1e-5F * largest(want), "largest sums");
      }
      for (float broken : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        auto x = mx::random::normal({10, 256});
        auto at = mx::equal(mx::arange(2560), mx::array(256 * 4 + 7));
        x = mx::where(mx::reshape(at, {10, 256}), mx::array(broken), x);
        auto is_nan = mx::isnan(cpu::product(x, side_by_side, of));
        check(mx::all(row_of(is_nan, 4)).item<bool>(), "what is no number makes its row none");
        check(mx::sum(is_nan).item<int>() == 16, "what is no number stays in its row");
      }
      check(largest(cpu::product(mx::zeros({2, 256}), side_by_side, of)) == 0, "zeros stay zeros");
    }
}

void experts() {
  auto matrix = quantized(mx::random::normal({5, 96, 128}), 64, 4);
  auto side_by_side = interleaved(matrix);
  for (int tokens : {1, 3, 90}) {
    auto chosen = mx::astype(mx::random::randint(0, 5, {tokens, 2}), mx::uint32);
    auto x = mx::random::normal({tokens, 2, 1, 128});
    auto want = mx::gather_mm(x, mx::swapaxes(matrix.dequantized(), 1, 2), std::nullopt, chosen);
    auto got = cpu::expert_product(x, chosen, side_by_side, Activations::int16);
    check(largest(mx::subtract(got, want)) < 1e-4F * largest(want), "experts of " + std::to_string(tokens) + " tokens");
  }
}

void with_these_kernels() {
  rows();
  auto matrix = quantized(mx::random::normal({32, 64}), 64, 4);
  bool can = kernels().interleaved != nullptr;
  check(cpu::interleaves(matrix, Activations::int16) == can, "interleaved where the processor can");
  check(!cpu::interleaves(matrix, Activations::float32), "not for activations that are not rounded");
  check(!cpu::interleaves(quantized(mx::random::normal({24, 64}), 64, 4), Activations::int16), "only sixteen rows");
  check(!cpu::interleaves(quantized(mx::random::normal({32, 64}), 64, 6), Activations::int16), "only 4 and 8 bits");
  if (!can) return;
  products();
  extremes();
  experts();
}

}  // namespace

int main() {
  mx::set_default_device(mx::Device::cpu);
  mx::random::seed(7);
  for (const Kernels* table : runnable_kernels()) {
    pick_kernels(*table);
    for (int threads : {1, 3}) {
      set_pool_threads(threads);
      with_these_kernels();
    }
  }
  return result();
}
