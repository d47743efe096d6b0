// Products of few rows with their norms, gates and sums, as one MLX operation.
#include "cpu/ops/stages.h"

#include <algorithm>
#include <array>
#include <memory>

#include "cpu/ops/multiply.h"
#include "cpu/ops/operation.h"
#include "cpu/pool.h"

namespace tether::cpu {
namespace {

// A norm, and which of the inputs its weight is.
struct PlannedNorm {
  float eps;
  std::optional<size_t> weight;

  PlannedNorm(const Norm& norm, Inputs& inputs) : eps(norm.eps) {
    if (!norm.weight) return;
    weight = inputs.size();
    inputs.push_back(*norm.weight);
  }

  // m rows; `to` may be x.
  void apply(const Inputs& in, long m, long width, const float* x, long ldx, float* to) const {
    const float* factors = weight ? in[*weight].data<float>() : nullptr;
    for (long row = 0; row < m; row++) kernels().rms_norm(x + row * ldx, factors, to + row * width, width, eps);
  }
};

struct PlannedMatrix {
  MatrixView layout;
  size_t input;
  long rows;
};

struct PlannedStage {
  std::optional<PlannedNorm> before, after;
  std::vector<PlannedMatrix> matrices;
  std::optional<Gate> gate;
  long width;
  long columns = 0;
  long column_bytes;

  PlannedStage(const Stage& stage, Inputs& inputs) : gate(stage.gate), width(stage.matrices[0]->width()) {
    if (stage.before) before.emplace(*stage.before, inputs);
    if (stage.after) after.emplace(*stage.after, inputs);
    for (const auto* matrix : stage.matrices) {
      matrices.push_back({.layout = layout_of(*matrix), .input = inputs.size(), .rows = matrix->rows()});
      columns += matrix->rows();
      add_matrix(inputs, *matrix);
    }
    if (gate) columns /= 2;
    column_bytes = matrices[0].layout.row_bytes * (gate ? 2 : 1);
  }

  // y: (m, columns)
  void run(const Inputs& in, Activations activations, long m, const float* x, long ldx, float* y) const {
    struct Normed;
    if (before) {
      float* normed = scratch<Normed>(static_cast<size_t>(m * width));
      before->apply(in, m, width, x, ldx, normed);
      x = normed;
      ldx = width;
    }
    Multiplier multiply(activations, m, x, ldx, view_of(matrices[0].layout, in, matrices[0].input));
    long tile = tile_columns(m, columns, column_bytes);
    parallel_for(static_cast<int>(ceil_div(columns, tile)), [&](int index) {
      long begin = index * tile;
      long end = std::min(columns, begin + tile);
      if (gate)
        gated(in, multiply, m, begin, end, y);
      else
        side_by_side(in, multiply, begin, end, y);
    });
    if (after) after->apply(in, m, columns, y, columns, y);
  }

 private:
  void side_by_side(const Inputs& in, const Multiplier& multiply, long begin, long end, float* y) const {
    long first = 0;  // column of the matrix's first row
    for (const auto& [layout, input, rows] : matrices) {
      long from = std::max(begin, first);
      long to = std::min(end, first + rows);
      if (from < to) multiply(view_of(layout, in, input), from - first, to - first, y + first, columns);
      first += rows;
    }
  }

  void gated(const Inputs& in, const Multiplier& multiply, long m, long begin, long end, float* y) const {
    struct Gates;
    long count = end - begin;
    float* gates = scratch<Gates>(static_cast<size_t>(m * count));
    multiply(from_row(view_of(matrices[0].layout, in, matrices[0].input), begin), 0, count, gates, count);
    multiply(view_of(matrices[1].layout, in, matrices[1].input), begin, end, y, columns);
    for (long row = 0; row < m; row++) {
      float* values = y + row * columns + begin;
      kernels().gated(*gate, gates + row * count, values, values, count);
    }
  }
};

struct Plan {
  std::vector<PlannedStage> stages;
  std::optional<size_t> residual;
  Activations activations;

  void run(const Inputs& in, mx::array& out) const {
    Rows rows(in[0]);
    const float* x = rows[0];
    long step = rows.step();
    long m = out.shape(0);
    for (size_t i = 0; i < stages.size(); i++) {
      const auto& stage = stages[i];
      bool last = i + 1 == stages.size();
      float* y = last ? out.data<float>() : between(i, static_cast<size_t>(m * stage.columns));
      stage.run(in, activations, m, x, step, y);
      x = y;
      step = stage.columns;
    }
    if (residual) add(Rows(in[*residual]), m, step, out.data<float>());
  }

 private:
  // A stage writes to one buffer what the next one reads.
  static float* between(size_t stage, size_t count) {
    struct Even;
    struct Odd;
    return stage % 2 == 0 ? scratch<Even>(count) : scratch<Odd>(count);
  }

  static void add(const Rows& rows, long m, long width, float* y) {
    for (long row = 0; row < m; row++) {
      const float* from = rows[row];
      for (long i = 0; i < width; i++) y[row * width + i] += from[i];
    }
  }
};

}  // namespace

mx::array in_stages(const mx::array& x, const std::vector<Stage>& stages, const std::optional<mx::array>& residual,
                    Activations activations) {
  Inputs inputs{x};
  auto plan = std::make_shared<Plan>();
  plan->activations = activations;
  for (const auto& stage : stages) plan->stages.emplace_back(stage, inputs);
  if (residual) {
    plan->residual = inputs.size();
    inputs.push_back(*residual);
  }
  int columns = static_cast<int>(plan->stages.back().columns);
  return operation({.name = "in_stages"}, {x.shape(0), columns}, std::move(inputs),
                   [plan = std::move(plan)](const Inputs& in, mx::array& out) { plan->run(in, out); });
}

}  // namespace tether::cpu
