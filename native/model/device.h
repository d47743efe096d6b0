// How the device computes: the only place that decides dtypes, kernels, chunk sizes and pipelining by device.
#pragma once

#include <mlx/mlx.h>

#include <optional>
#include <string_view>

#include "cpu/kernels.h"

namespace tether {

namespace mx = mlx::core;

// Made once when a model is loaded and given to each of its layers, which keep a copy.
//
// On a CPU only float32 is fast: tether's own kernels (cpu/ops/) compute in it and read matrices in the format in which
// they are stored, which costs less memory and time than converting them at load. A GPU computes in the checkpoint's
// own dtype.
struct DevicePolicy {
  std::string_view name;           // cpu, metal or cuda; a literal
  std::optional<mx::Dtype> dtype;  // dtype of activations; nullopt: the checkpoint's own
  int least_chunk;                 // tokens of a prompt per forward pass: fewer would waste the device
  int most_chunk;                  // more would gain nothing
  bool decode_ahead;               // dispatch token t + 1 before t is read
  // A chunk of a prompt is evaluated layer by layer. All at once, MLX allocates for up to 119 dispatches ahead of the
  // one that it computes, counted from where the last evaluation stopped: how much that is depends on the passes
  // before.
  bool layer_by_layer;
  bool own_kernels;  // layers compute with cpu/ops/; dtype is float32
  // MLX's kernels multiply by quantized keys and values within a cache's buffer. CUDA's (MLX 0.32) require the heads to
  // follow one another without gaps, and a cache has spare slots between them.
  bool multiplies_packed_slots = false;
  Activations activations = Activations::float32;  // with own_kernels
};

// For MLX's default device. Call on the engine thread.
DevicePolicy device_policy();

// That of a GPU, for the device of that name. It also works on a CPU, slowly: tests use it to run the code for GPUs.
DevicePolicy gpu_policy(std::string_view name);

}  // namespace tether
