// How the device computes: the only place that decides dtypes, kernels, chunk sizes and pipelining by device.
#include "model/device.h"

namespace tether {

DevicePolicy device_policy() {
  if (mx::default_device().type == mx::Device::cpu)
    return {.name = "cpu",
            .dtype = mx::float32,
            .least_chunk = 64,
            .most_chunk = 1024,
            .decode_ahead = false,
            .layer_by_layer = true,
            .own_kernels = true,
            .multiplies_packed_slots = true};
#ifdef __APPLE__
  return gpu_policy("metal");
#else
  return gpu_policy("cuda");
#endif
}

DevicePolicy gpu_policy(std::string_view name) {
  return {.name = name,
          .dtype = std::nullopt,
          .least_chunk = 256,
          .most_chunk = 2048,
          .decode_ahead = true,
          .layer_by_layer = false,
          .own_kernels = false,
          .multiplies_packed_slots = name != "cuda"};
}

}  // namespace tether
