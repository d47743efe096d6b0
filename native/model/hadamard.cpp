// Hadamard transforms of heads: they spread outliers over a head's numbers, which then lose less in 4 bits.
#include "model/hadamard.h"

#include <bit>
#include <map>
#include <mutex>
#include <tuple>
#include <vector>

#include "cpu/ops/elementwise.h"

namespace tether {
namespace {

// (block, block), made once: MLX's own transform is not on every device. Never destroyed: MLX's statics may end first.
mx::array matrix_of(unsigned block, float scale, mx::Dtype dtype) {
  static std::mutex lock;
  static auto* const made = new std::map<std::tuple<unsigned, float, mx::Dtype::Val>, mx::array>;
  std::lock_guard guard(lock);
  auto key = std::tuple(block, scale, dtype.val());
  auto found = made->find(key);
  if (found != made->end()) return found->second;
  std::vector<float> numbers;
  for (unsigned i = 0; i < block * block; i++)
    numbers.push_back(std::popcount(i / block & i % block) % 2 == 0 ? scale : -scale);
  auto size = static_cast<int>(block);
  auto matrix = mx::astype(mx::array(numbers.begin(), mx::Shape{size, size}), dtype);
  mx::eval(matrix);
  made->emplace(key, matrix);
  return matrix;
}

}  // namespace

mx::array hadamard(const mx::array& x, int head_dim, HadamardSide side, const DevicePolicy& device) {
  int steps = std::countr_zero(static_cast<unsigned>(head_dim));
  auto block = 1U << static_cast<unsigned>(steps);
  int halvings = side == HadamardSide::stored ? steps / 2 : steps - steps / 2;
  float scale = 1.0F / static_cast<float>(1U << static_cast<unsigned>(halvings));
  if (device.own_kernels) return cpu::hadamard(x, static_cast<int>(block), scale);
  auto parts = mx::reshape(x, {-1, static_cast<int>(block)});
  return mx::reshape(mx::matmul(parts, matrix_of(block, scale, x.dtype())), x.shape());
}

}  // namespace tether
