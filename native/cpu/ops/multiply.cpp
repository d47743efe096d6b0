// Rows times stored matrices, on memory: what the products of cpu/ops/ are made of.
#include "cpu/ops/multiply.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "cpu/blas/blas.h"
#include "cpu/pool.h"

namespace tether::cpu {
namespace {

// Bytes of a matrix that one tile of a product with few rows reads.
constexpr long kTileBytes = 65536;
// Numbers of a quantized matrix that are expanded at a time for a product with many rows, which fit into the L2 cache.
constexpr long kExpanded = 131072;

FloatType float_type(mx::Dtype dtype) {
  if (dtype == mx::bfloat16) return FloatType::bf16;
  return dtype == mx::float16 ? FloatType::f16 : FloatType::f32;
}

bool rounds(Activations to, long m, const MatrixView& w) {
  if (w.interleaved) return true;
  const auto& [mode, bits, group_size] = w.quantization;
  return to != Activations::float32 && m <= kFewRows && mode == QuantMode::affine && (bits == 4 || bits == 8);
}

// Columns [begin, end) of y = x w^T, on this thread.
void multiply(long m, const float* x, long ldx, const MatrixView& w, long begin, long end, float* y, long ldy) {
  if (m <= kFewRows) return kernels().few_rows(static_cast<int>(m), x, ldx, w, begin, end, y, ldy);
  if (w.quantization.mode == QuantMode::none && w.type == FloatType::f32) {
    const auto* numbers = static_cast<const float*>(w.numbers) + begin * w.width;
    return sgemm_transposed(m, end - begin, w.width, 1, x, ldx, numbers, w.width, 0, y + begin, ldy);
  }
  struct Expanded;
  long most = std::max<long>(16, kExpanded / w.width);
  for (long column = begin; column < end; column += most) {
    long count = std::min(most, end - column);
    float* numbers = scratch<Expanded>(static_cast<size_t>(count * w.width));
    for (long i = 0; i < count; i++) kernels().expand(w, column + i, 0, w.width, numbers + i * w.width);
    sgemm_transposed(m, count, w.width, 1, x, ldx, numbers, w.width, 0, y + column, ldy);
  }
}

}  // namespace

MatrixView layout_of(const Matrix& matrix) {
  const auto& numbers = matrix.numbers;
  return {.type = float_type(numbers.dtype()),
          .quantization = matrix.quantization,
          .width = matrix.width(),
          .row_bytes = static_cast<long>(numbers.shape(-1)) * static_cast<long>(numbers.itemsize()),
          .interleaved = matrix.interleaved};
}

void add_matrix(Inputs& inputs, const Matrix& matrix) {
  inputs.push_back(matrix.numbers);
  if (matrix.scales) inputs.push_back(*matrix.scales);
  if (matrix.biases) inputs.push_back(*matrix.biases);
}

MatrixView view_of(MatrixView layout, const Inputs& in, size_t first) {
  layout.numbers = in[first].data<char>();
  if (layout.quantization.mode != QuantMode::none) layout.scales = in[first + 1].data<char>();
  if (layout.quantization.mode == QuantMode::affine) layout.biases = in[first + 2].data<float>();
  return layout;
}

MatrixView view_of(const Matrix& matrix) {
  auto view = layout_of(matrix);
  view.numbers = matrix.numbers.data<char>();
  if (matrix.scales) view.scales = matrix.scales->data<char>();
  if (matrix.biases) view.biases = matrix.biases->data<float>();
  return view;
}

MatrixView from_row(MatrixView matrix, long row) {
  matrix.numbers = static_cast<const char*>(matrix.numbers) + row * matrix.row_bytes;
  if (matrix.quantization.mode == QuantMode::none) return matrix;
  long groups = row * matrix.width / matrix.quantization.group_size;
  matrix.scales = static_cast<const char*>(matrix.scales) + groups * (matrix.biases ? long{sizeof(float)} : 1);
  if (matrix.biases) matrix.biases += groups;
  return matrix;
}

RoundedRows room_for_rounded(long m, const MatrixView& w) {
  struct Factors;
  struct alignas(64) Line {
    std::array<int16_t, 32> numbers;
  };
  thread_local std::vector<Line> numbers;
  auto lines = static_cast<size_t>(ceil_div(m * w.width, long{std::tuple_size_v<decltype(Line::numbers)>}));
  if (numbers.size() < lines) numbers.resize(lines);
  long stride = ceil_div(w.width / w.quantization.group_size, RoundedRows::kPadding) * RoundedRows::kPadding;
  float* factors = scratch<Factors>(static_cast<size_t>(2 * m * stride));
  return {.numbers = numbers.data(), .factors = factors, .sums = factors + m * stride, .stride = stride};
}

Multiplier::Multiplier(Activations activations, long m, const float* x, long ldx, const MatrixView& w)
    : activations_(activations), m_(m), x_(x), ldx_(ldx), rounds_(rounds(activations, m, w)) {
  if (!rounds_) return;
  rounded_ = room_for_rounded(m, w);
  auto round = w.interleaved ? kernels().split : kernels().round_rows;
  round(activations, static_cast<int>(m), x, ldx, w, rounded_);
}

void Multiplier::operator()(const MatrixView& w, long begin, long end, float* y, long ldy) const {
  if (!rounds_) return multiply(m_, x_, ldx_, w, begin, end, y, ldy);
  auto multiply_rounded = w.interleaved ? kernels().interleaved : kernels().few_rounded;
  multiply_rounded(activations_, static_cast<int>(m_), rounded_, w, begin, end, y, ldy);
}

long tile_columns(long m, long n, long column_bytes) {
  long threads = pool_threads();
  if (threads == 1) return n;
  if (m > kFewRows) return ceil_div(std::max<long>(ceil_div(n, threads * 4), 32), 16) * 16;
  // As many tiles for each thread.
  long tiles = ceil_div(ceil_div(n * column_bytes, kTileBytes), threads) * threads;
  return ceil_div(ceil_div(n, tiles), 16) * 16;
}

}  // namespace tether::cpu
