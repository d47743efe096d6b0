// The BLAS that MLX's CPU backend calls: on Linux OpenBLAS, by symbols that this library exports before libmlx's own.
#pragma once

#include <string>

namespace tether {

// Threads that one matrix product may use. Does nothing where BLAS is not ours (macOS, MLX_DIR without OpenBLAS).
void set_blas_threads(int threads);

// Such as "OpenBLAS 0.3.34 ... SkylakeX"; empty where BLAS is not ours.
std::string blas_name();

}  // namespace tether
