// How this machine's device computes: the one place that decides dtypes, chunk sizes and pipelining by device.
#pragma once

#include <mlx/mlx.h>

#include <optional>
#include <string>

namespace tether {

namespace mx = mlx::core;

// On a CPU only float32 is fast: tether's kernels (cpu/ops.h) compute in it, and read matrices in whatever format they
// have, which costs less memory and time than to convert them at load. A GPU computes in the checkpoint's own dtype.
struct DevicePolicy {
  std::string name;                // cpu, metal or cuda
  std::optional<mx::Dtype> dtype;  // of activations, and of weights that are no matrices; nullopt: as they are
  int least_chunk;                 // tokens of a prompt per forward pass: fewer would waste the device
  int most_chunk;                  // more would gain nothing
  bool decode_ahead;               // dispatch token t + 1 before t is read
  bool own_kernels;                // layers compute with those of cpu/ops.h
};

// Whether MLX multiplies by packed keys and values as they lie in a cache: its CUDA kernels (0.32) take the heads of a
// matrix to follow one another closely, and in a cache there is room between them.
bool multiplies_packed_slots();

// For MLX's default device. Call on the engine thread.
DevicePolicy device_policy();

// What a GPU of that name does. On a CPU it is slow and right, which is how tests run what only GPUs run otherwise.
DevicePolicy gpu_policy(const std::string& name);

}  // namespace tether
