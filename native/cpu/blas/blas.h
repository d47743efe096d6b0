// The BLAS that MLX's CPU backend calls: on Linux OpenBLAS, by symbols that this library exports before libmlx's own.
#pragma once

#include <string>

namespace tether {

// C = alpha A B + beta C and C = alpha A B^T + beta C on this thread alone, all row by row in memory. C: (m, n), sums
// over k. lda, ldb, ldc: floats from one row to the next. beta 0: C is only written.
void sgemm(long m, long n, long k, float alpha, const float* a, long lda, const float* b, long ldb, float beta,
           float* c, long ldc);
void sgemm_transposed(long m, long n, long k, float alpha, const float* a, long lda, const float* b, long ldb,
                      float beta, float* c, long ldc);

// Such as "OpenBLAS 0.3.34 ... SkylakeX"; empty where BLAS is not ours.
std::string blas_name();

}  // namespace tether
