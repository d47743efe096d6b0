// How this machine's device computes: the one place that decides dtypes, chunk sizes and pipelining by device.
#pragma once

#include <mlx/mlx.h>

#include <optional>
#include <string>

namespace tether {

namespace mx = mlx::core;

// On the CPU backend only fp32 is fast (half precision and quantized matmuls are scalar there), so weights are
// converted, and dequantized, once at load. A GPU computes in the checkpoint's own dtype and keeps it quantized.
struct DevicePolicy {
  std::string name;                // cpu, metal or cuda
  std::optional<mx::Dtype> dtype;  // convert all weights to it; nullopt: as they are
  bool dequantize;                 // turn quantized weights into float32 at load
  int prefill_chunk;               // tokens of a prompt per forward pass
  bool decode_ahead;               // dispatch token t + 1 before t is read
  bool writes_scores;              // attention over a chunk writes its scores to memory
};

// For MLX's default device. Call on the engine thread.
DevicePolicy device_policy();

}  // namespace tether
