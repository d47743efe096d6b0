// The BLAS that MLX's CPU backend calls. On Linux it is OpenBLAS, through symbols that this library exports.
#pragma once

#include <string>

namespace tether {

// C = alpha A B + beta C and C = alpha A B^T + beta C on this thread alone. A: (m, k), C: (m, n), B: (k, n) or (n, k),
// row by row in memory; lda, ldb, ldc: floats from one row to the next. beta 0: C is only written.
void sgemm(long m, long n, long k, float alpha, const float* a, long lda, const float* b, long ldb, float beta,
           float* c, long ldc);
void sgemm_transposed(long m, long n, long k, float alpha, const float* a, long lda, const float* b, long ldb,
                      float beta, float* c, long ldc);

// Such as "OpenBLAS 0.3.34 ... SkylakeX"; empty if MLX's own BLAS is used.
std::string blas_name();

}  // namespace tether
