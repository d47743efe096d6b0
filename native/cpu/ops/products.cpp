// Products with stored matrices as MLX operations that tether's own kernels compute on the CPU.
#include "cpu/ops/products.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>
#include <utility>

#include "cpu/blas/blas.h"
#include "cpu/ops/operation.h"
#include "cpu/pool.h"

namespace tether::cpu {
namespace {

// Bytes of a matrix that one tile of a product with few rows reads.
constexpr long kTileBytes = 65536;
// Numbers of a quantized matrix that are expanded at a time for a product with many rows, which fit into the L2 cache.
constexpr long kExpanded = 131072;

// The inputs of an operation that reads `matrix`: after the others its numbers, and scales and biases if it has them.
Inputs with_matrix(Inputs inputs, const Matrix& matrix) {
  inputs.push_back(matrix.numbers);
  if (matrix.scales) inputs.push_back(*matrix.scales);
  if (matrix.biases) inputs.push_back(*matrix.biases);
  return inputs;
}

// The matrix that with_matrix() put at in[first].
MatrixView view_of(MatrixView layout, const Inputs& in, size_t first) {
  layout.numbers = in[first].data<char>();
  if (layout.quantization.mode != QuantMode::none) layout.scales = in[first + 1].data<char>();
  if (layout.quantization.mode == QuantMode::affine) layout.biases = in[first + 2].data<float>();
  return layout;
}

// The rows of a matrix from `row` on.
MatrixView from_row(MatrixView matrix, long row) {
  matrix.numbers = static_cast<const char*>(matrix.numbers) + row * matrix.row_bytes;
  if (matrix.quantization.mode == QuantMode::none) return matrix;
  long groups = row * matrix.width / matrix.quantization.group_size;
  matrix.scales = static_cast<const char*>(matrix.scales) + groups * (matrix.biases ? long{sizeof(float)} : 1);
  if (matrix.biases) matrix.biases += groups;
  return matrix;
}

// Whether m rows of x are rounded before they are multiplied.
bool rounds(Activations to, long m, const MatrixView& w) {
  const auto& [mode, bits, group_size] = w.quantization;
  return to != Activations::float32 && m <= kFewRows && mode == QuantMode::affine && (bits == 4 || bits == 8);
}

// The next call on this thread overwrites what it returns.
RoundedRows rounded(Activations to, long m, const float* x, long ldx, const MatrixView& w) {
  struct Factors;
  struct alignas(64) Line {
    std::array<int16_t, 32> numbers;
  };
  thread_local std::vector<Line> numbers;
  auto lines = static_cast<size_t>(ceil_div(m * w.width, long{std::tuple_size_v<decltype(Line::numbers)>}));
  if (numbers.size() < lines) numbers.resize(lines);
  long stride = ceil_div(w.width / w.quantization.group_size, RoundedRows::kPadding) * RoundedRows::kPadding;
  float* factors = scratch<Factors>(static_cast<size_t>(2 * m * stride));
  RoundedRows rows{.numbers = numbers.data(), .factors = factors, .sums = factors + m * stride, .stride = stride};
  kernels().round_rows(to, static_cast<int>(m), x, ldx, w, rows);
  return rows;
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

// Columns of a tile, a multiple of what the kernels compute side by side.
long tile_columns(long m, long n, const MatrixView& w) {
  long threads = pool_threads();
  if (threads == 1) return n;
  if (m > kFewRows) return ceil_div(std::max<long>(ceil_div(n, threads * 4), 32), 16) * 16;
  // As many tiles for each thread.
  long tiles = ceil_div(ceil_div(n * w.row_bytes, kTileBytes), threads) * threads;
  return ceil_div(ceil_div(n, tiles), 16) * 16;
}

void compute_product(const Inputs& in, const MatrixView& layout, Activations activations, mx::array& out) {
  Rows x(in[0]);
  auto matrix = view_of(layout, in, 1);
  long m = out.shape(0);
  long n = out.shape(1);
  auto* y = out.data<float>();
  long columns = tile_columns(m, n, matrix);
  bool rounding = rounds(activations, m, matrix);
  auto rows = rounding ? rounded(activations, m, x[0], x.step(), matrix) : RoundedRows{};
  parallel_for(static_cast<int>(ceil_div(n, columns)), [&](int tile) {
    long begin = tile * columns;
    long end = std::min(n, begin + columns);
    if (rounding)
      kernels().few_rounded(activations, static_cast<int>(m), rows, matrix, begin, end, y, n);
    else
      multiply(m, x[0], x.step(), matrix, begin, end, y, n);
  });
}

void compute_expert_product(const Inputs& in, const MatrixView& layout, long rows, Activations activations,
                            mx::array& out) {
  Rows x(in[0]);
  auto matrix = view_of(layout, in, 2);
  const auto* experts = in[1].data<int32_t>();
  auto count = static_cast<long>(in[1].size());
  long width = matrix.width;
  // The experts that multiply the same row of x: 1, or all of a token's.
  long shared = count / (static_cast<long>(in[0].size()) / width);
  std::vector<std::vector<long>> places(static_cast<size_t>(in[2].shape(0)));
  for (long i = 0; i < count; i++) places[static_cast<size_t>(experts[i])].push_back(i);
  std::erase_if(places, [](const auto& each) { return each.empty(); });
  long columns = std::min(rows, ceil_div(rows, 64) * 16);
  long tiles = ceil_div(rows, columns);
  auto* y = out.data<float>();
  parallel_for(static_cast<int>(static_cast<long>(places.size()) * tiles), [&](int tile) {
    struct Gathered;
    struct Results;
    const auto& mine = places[static_cast<size_t>(tile / tiles)];
    auto m = static_cast<long>(mine.size());
    long begin = tile % tiles * columns;
    long end = std::min(rows, begin + columns);
    float* gathered = scratch<Gathered>(static_cast<size_t>(m * width));
    float* results = scratch<Results>(static_cast<size_t>(m * rows));
    for (long i = 0; i < m; i++)
      std::memcpy(gathered + i * width, x[mine[static_cast<size_t>(i)] / shared],
                  static_cast<size_t>(width) * sizeof(float));
    auto expert = from_row(matrix, experts[mine[0]] * rows);
    if (rounds(activations, m, expert))
      kernels().few_rounded(activations, static_cast<int>(m), rounded(activations, m, gathered, width, expert), expert,
                            begin, end, results, rows);
    else
      multiply(m, gathered, width, expert, begin, end, results, rows);
    for (long i = 0; i < m; i++)
      std::memcpy(y + mine[static_cast<size_t>(i)] * rows + begin, results + i * rows + begin,
                  static_cast<size_t>(end - begin) * sizeof(float));
  });
}

FloatType float_type(mx::Dtype dtype) {
  if (dtype == mx::bfloat16) return FloatType::bf16;
  return dtype == mx::float16 ? FloatType::f16 : FloatType::f32;
}

}  // namespace

MatrixView layout_of(const Matrix& matrix) {
  const auto& numbers = matrix.numbers;
  return {.type = float_type(numbers.dtype()),
          .quantization = matrix.quantization,
          .width = matrix.width(),
          .row_bytes = static_cast<long>(numbers.shape(-1)) * static_cast<long>(numbers.itemsize())};
}

mx::array product(const mx::array& x, const Matrix& matrix, Activations activations) {
  return operation({.name = "product"}, {x.shape(0), matrix.rows()}, with_matrix({x}, matrix),
                   [layout = layout_of(matrix), activations](const Inputs& in, mx::array& out) {
                     compute_product(in, layout, activations, out);
                   });
}

mx::array expert_product(const mx::array& x, const mx::array& experts, const Matrix& matrix, Activations activations) {
  int rows = matrix.rows();
  auto shape = experts.shape();
  shape.push_back(1);
  shape.push_back(rows);
  auto chosen = mx::contiguous(mx::astype(experts, mx::int32));
  return operation({.name = "expert_product"}, shape, with_matrix({x, chosen}, matrix),
                   [layout = layout_of(matrix), rows, activations](const Inputs& in, mx::array& out) {
                     compute_expert_product(in, layout, rows, activations, out);
                   });
}

mx::array rows_of(const Matrix& matrix, const mx::array& ids) {
  return operation({.name = "rows_of"}, {ids.shape(0), matrix.width()}, with_matrix({mx::contiguous(ids)}, matrix),
                   [layout = layout_of(matrix)](const Inputs& in, mx::array& out) {
                     auto table = view_of(layout, in, 1);
                     const auto* row = in[0].data<int32_t>();
                     auto* to = out.data<float>();
                     in_parts(out.shape(0), table.width, [&](long begin, long end) {
                       for (long i = begin; i < end; i++)
                         kernels().expand(table, row[i], 0, table.width, to + i * table.width);
                     });
                   });
}

}  // namespace tether::cpu
