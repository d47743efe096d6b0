// The layers that every family is made of: linear, experts, embedding, norm, gate.
#pragma once

#include <mlx/mlx.h>

#include <memory>
#include <optional>

#include "cpu/kernels.h"
#include "matrix.h"
#include "model/adapters.h"
#include "model/device.h"

// Each layer follows the policy that it was made with. If that has `own_kernels`, the inputs are float32.
namespace tether {

// A (out, in) matrix with an optional bias (out).
struct Linear {
  Matrix matrix;
  std::optional<mx::array> transposed;  // (in, out): a view of a plain matrix, made once
  std::optional<mx::array> bias;
  DevicePolicy device;
  std::shared_ptr<const AdaptedLinear> adapted = nullptr;  // unset: no adapter can change it

  // Whether the result is the product with the matrix alone, in the pass that is being built.
  bool bare() const { return !bias && !(adapted && adapted->adds()); }

  // x: (N, in) -> (N, out)
  mx::array operator()(const mx::array& x) const { return adapted ? adapted->added(x, own(x)) : own(x); }

 private:
  mx::array own(const mx::array& x) const;
  mx::array product(const mx::array& x) const;
};

// A (out, in) matrix for each expert.
struct ExpertLinear {
  Matrix matrix;  // (experts, out, in)
  DevicePolicy device;

  // x: (..., 1, in), one row for each of the `experts` (...), or one that is broadcast to them -> (..., 1, out)
  // `sorted`: the experts are in ascending order, so a GPU can read each of them once.
  mx::array operator()(const mx::array& x, const mx::array& experts, bool sorted) const;
};

// A (vocab, dim) table.
struct Embedding {
  Linear table;
  mx::Dtype dtype;  // dtype of the rows

  // ids: (N) int32 -> (N, dim)
  mx::array operator()(const mx::array& ids) const;
  // x: (N, dim) -> (N, vocab), for tied heads
  mx::array as_linear(const mx::array& x) const { return table(x); }
};

struct RMSNorm {
  std::optional<mx::array> weight;  // (dim); nullopt: no scale
  float eps;
  DevicePolicy device;

  // Along the last axis.
  mx::array operator()(const mx::array& x) const;
};

// Norms each head of x: (N, heads * dim) by itself.
mx::array norm_heads(const RMSNorm& norm, const mx::array& x, int heads);

// silu(x) is x * sigmoid(x); gelu_tanh(x) is gelu's tanh approximation, as torch's gelu(approximate="tanh").
struct GatedUnit {
  Gate gate;
  DevicePolicy device;

  // a, b: any shape, the same for both -> gate(a) * b
  mx::array operator()(const mx::array& a, const mx::array& b) const;
};

// x cut smoothly to (-cap, cap); cap 0 returns x.
mx::array softcap(const mx::array& x, float cap);

}  // namespace tether
