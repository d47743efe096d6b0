// What this build computes with: for reports, before any model is loaded.
#include "engine/about.h"

#include <mlx/mlx.h>

#include "cpu/blas/blas.h"
#include "model/device.h"

namespace tether {

About about() { return {.mlx = mx::version(), .device = std::string(device_policy().name), .blas = blas_name()}; }

}  // namespace tether
