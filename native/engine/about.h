// What this build computes with: for reports, before any model is loaded.
#pragma once

#include <string>

namespace tether {

struct About {
  std::string mlx;     // its version
  std::string device;  // cpu, metal or cuda
  std::string blas;    // BLAS of the CPU backend's matrix products; empty: the one that MLX brings
};

// Any thread; allocates nothing on the device.
About about();

}  // namespace tether
