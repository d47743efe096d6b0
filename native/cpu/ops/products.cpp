// Products with stored matrices as MLX operations that tether's own kernels compute on the CPU.
#include "cpu/ops/products.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "cpu/ops/interleave.h"
#include "cpu/ops/multiply.h"
#include "cpu/ops/operation.h"
#include "cpu/pool.h"

namespace tether::cpu {
namespace {

void compute_product(const Inputs& in, const MatrixView& layout, Activations activations, mx::array& out) {
  Rows x(in[0]);
  auto matrix = view_of(layout, in, 1);
  long m = out.shape(0);
  long n = out.shape(1);
  auto* y = out.data<float>();
  if (matrix.interleaved && m > kFewRows) return interleaved_product(activations, m, x[0], x.step(), matrix, n, y);
  long columns = tile_columns(m, n, matrix.row_bytes);
  Multiplier multiply(activations, m, x[0], x.step(), matrix);
  parallel_for(static_cast<int>(ceil_div(n, columns)), [&](int tile) {
    long begin = tile * columns;
    multiply(matrix, begin, std::min(n, begin + columns), y, n);
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
    Multiplier(activations, m, gathered, width, expert)(expert, begin, end, results, rows);
    for (long i = 0; i < m; i++)
      std::memcpy(y + mine[static_cast<size_t>(i)] * rows + begin, results + i * rows + begin,
                  static_cast<size_t>(end - begin) * sizeof(float));
  });
}

// The inputs of an operation that reads `matrix` after the others.
Inputs with_matrix(Inputs inputs, const Matrix& matrix) {
  add_matrix(inputs, matrix);
  return inputs;
}

}  // namespace

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
