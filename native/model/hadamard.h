// Hadamard transforms of heads: they spread outliers over a head's numbers, which then lose less in 4 bits.
#pragma once

#include <mlx/mlx.h>

#include "model/device.h"

namespace tether {

namespace mx = mlx::core;

// What is transformed: keys and values before they are stored, or what meets them, queries and the mixture of values.
// The scales of the two are powers of two, exact in half precision, and their product makes each transform the other's
// inverse. A query and a key keep their dot product.
enum class HadamardSide { stored, reading };

// x: (..., n head_dim) -> the same shape. Each head is cut into parts of the largest power of two that divides
// head_dim, which is a multiple of 32.
mx::array hadamard(const mx::array& x, int head_dim, HadamardSide side, const DevicePolicy& device);

}  // namespace tether
