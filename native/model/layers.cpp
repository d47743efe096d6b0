// The layers that every family is made of: linear, experts, embedding, norm, gate.
#include "model/layers.h"

#include <cmath>
#include <numbers>

#include "cpu/ops/elementwise.h"
#include "cpu/ops/products.h"

namespace tether {

mx::array Linear::own(const mx::array& x) const {
  if (!bias) return product(x);
  // As one operation: in half precision a separate sum would round once more.
  if (!device.own_kernels && !matrix.quantized()) return mx::addmm(*bias, x, *transposed);
  return mx::add(product(x), *bias);
}

mx::array Linear::product(const mx::array& x) const {
  if (device.own_kernels) return cpu::product(x, matrix, device.activations);
  if (!matrix.quantized()) return mx::matmul(x, *transposed);
  const auto& [mode, bits, group_size] = matrix.quantization;
  return mx::quantized_matmul(x, matrix.numbers, *matrix.scales, matrix.biases, true, group_size, bits,
                              mode_name(mode));
}

mx::array ExpertLinear::operator()(const mx::array& x, const mx::array& experts, bool sorted) const {
  if (device.own_kernels) return cpu::expert_product(x, experts, matrix, device.activations);
  if (!matrix.quantized()) return mx::gather_mm(x, mx::swapaxes(matrix.numbers, 1, 2), std::nullopt, experts, sorted);
  const auto& [mode, bits, group_size] = matrix.quantization;
  return mx::gather_qmm(x, matrix.numbers, *matrix.scales, matrix.biases, std::nullopt, experts, true, group_size, bits,
                        mode_name(mode), std::nullopt, sorted);
}

mx::array Embedding::operator()(const mx::array& ids) const {
  const auto& matrix = table.matrix;
  if (table.device.own_kernels) return cpu::rows_of(matrix, ids);
  Matrix rows{.numbers = mx::take(matrix.numbers, ids, 0), .quantization = matrix.quantization};
  if (matrix.scales) rows.scales = mx::take(*matrix.scales, ids, 0);
  if (matrix.biases) rows.biases = mx::take(*matrix.biases, ids, 0);
  return rows.dequantized(dtype);
}

mx::array RMSNorm::operator()(const mx::array& x) const {
  return device.own_kernels ? cpu::rms_norm(x, weight, eps) : mx::fast::rms_norm(x, weight, eps);
}

mx::array norm_heads(const RMSNorm& norm, const mx::array& x, int heads) {
  return mx::reshape(norm(mx::reshape(x, {x.shape(0), heads, x.shape(1) / heads})), x.shape());
}

mx::array GatedUnit::operator()(const mx::array& a, const mx::array& b) const {
  if (device.own_kernels) return cpu::gated(gate, a, b);
  if (gate == Gate::silu) return mx::multiply(mx::multiply(a, mx::sigmoid(a)), b);
  // 0.5 (1 + tanh(z)) is sigmoid(2 z), which saves a third of the operations.
  auto constant = [&](double value) { return mx::array(static_cast<float>(value), a.dtype()); };
  const double scale = 2 * std::sqrt(2 / std::numbers::pi);
  auto inner = mx::add(constant(scale), mx::multiply(constant(scale * 0.044715), mx::square(a)));
  return mx::multiply(mx::multiply(a, mx::sigmoid(mx::multiply(a, inner))), b);
}

mx::array softcap(const mx::array& x, float cap) {
  if (cap <= 0) return x;
  auto limit = mx::array(cap, x.dtype());
  return mx::multiply(mx::tanh(mx::divide(x, limit)), limit);
}

}  // namespace tether
