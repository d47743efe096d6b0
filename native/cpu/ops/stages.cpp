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

// m rows; `to` may be x.
void apply(const Norm& norm, long m, long width, const float* x, long ldx, float* to) {
  const float* factors = norm.weight ? norm.weight->data<float>() : nullptr;
  for (long row = 0; row < m; row++) kernels().rms_norm(x + row * ldx, factors, to + row * width, width, norm.eps);
}

struct PlannedMatrix {
  Matrix matrix;
  MatrixView view;
  long rows;
};

// Holds the weights, which are no inputs of the operation: MLX would spend a microsecond on each.
struct PlannedStage {
  std::optional<Norm> before, after;
  std::vector<PlannedMatrix> matrices;
  std::optional<Gate> gate;
  long columns = 0;

  explicit PlannedStage(const Stage& stage) : before(stage.before), after(stage.after), gate(stage.gate) {
    matrices.reserve(stage.matrices.size());
    for (const auto* matrix : stage.matrices) {
      matrices.push_back({.matrix = *matrix, .view = view_of(*matrix), .rows = matrix->rows()});
      columns += matrix->rows();
    }
    if (gate) columns /= 2;
  }

  // y: (m, columns)
  void run(Activations activations, long m, const float* x, long ldx, float* y) const {
    struct Normed;
    const auto& view = matrices[0].view;
    if (before) {
      float* normed = scratch<Normed>(static_cast<size_t>(m * view.width));
      apply(*before, m, view.width, x, ldx, normed);
      x = normed;
      ldx = view.width;
    }
    Multiplier multiply(activations, m, x, ldx, view);
    long tile = tile_columns(m, columns, view.row_bytes * (gate ? 2 : 1));
    parallel_for(static_cast<int>(ceil_div(columns, tile)), [&](int index) {
      long begin = index * tile;
      long end = std::min(columns, begin + tile);
      if (gate)
        gated(multiply, m, begin, end, y);
      else
        side_by_side(multiply, begin, end, y);
    });
    if (after) apply(*after, m, columns, y, columns, y);
  }

 private:
  void side_by_side(const Multiplier& multiply, long begin, long end, float* y) const {
    long first = 0;  // column of the matrix's first row
    for (const auto& [matrix, view, rows] : matrices) {
      long from = std::max(begin, first);
      long to = std::min(end, first + rows);
      if (from < to) multiply(view, from - first, to - first, y + first, columns);
      first += rows;
    }
  }

  void gated(const Multiplier& multiply, long m, long begin, long end, float* y) const {
    struct Gates;
    long count = end - begin;
    float* gates = scratch<Gates>(static_cast<size_t>(m * count));
    multiply(from_row(matrices[0].view, begin), 0, count, gates, count);
    multiply(matrices[1].view, begin, end, y, columns);
    for (long row = 0; row < m; row++) {
      float* values = y + row * columns + begin;
      kernels().gated(*gate, gates + row * count, values, values, count);
    }
  }
};

// The inputs: x, and what is added at the end if there is something.
struct Plan {
  std::vector<PlannedStage> stages;
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
      stage.run(activations, m, x, step, y);
      x = y;
      step = stage.columns;
    }
    if (in.size() > 1) add(Rows(in[1]), m, step, out.data<float>());
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
  if (residual) inputs.push_back(*residual);
  auto plan = std::make_shared<Plan>();
  plan->activations = activations;
  plan->stages.reserve(stages.size());
  for (const auto& stage : stages) plan->stages.emplace_back(stage);
  int columns = static_cast<int>(plan->stages.back().columns);
  return operation({.name = "in_stages"}, {x.shape(0), columns}, std::move(inputs),
                   [plan = std::move(plan)](const Inputs& in, mx::array& out) { plan->run(in, out); });
}

}  // namespace tether::cpu
