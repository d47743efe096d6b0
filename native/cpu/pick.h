// Which kernels this processor can run.
#pragma once

#include <vector>

#include "cpu/kernels.h"

namespace tether {

// All that run here, from the plainest to the fastest, which is kernels(). Any thread.
std::vector<const Kernels*> runnable_kernels();

// Makes kernels() answer with one of them, so that tests and measurements can try what a lesser processor does. Before
// anything is interleaved or computed, on one thread.
void pick_kernels(const Kernels& table);

}  // namespace tether
