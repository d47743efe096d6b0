// Which kernels this processor can run.
#pragma once

#include <vector>

#include "cpu/kernels.h"

namespace tether {

// All that run here, from the plainest to the fastest, which is kernels(). Any thread.
std::vector<const Kernels*> runnable_kernels();

}  // namespace tether
