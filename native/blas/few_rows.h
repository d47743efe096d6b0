// A few rows times a large matrix, as when a few sequences decode together: the matrix is read once, at memory's speed.
#pragma once

namespace tether {

// Up to so many rows it is faster than OpenBLAS's own kernel: at 4 rows by three to four times.
constexpr int kFewRows = 12;
// Threads from which OpenBLAS's own kernel, which uses all of them, may be faster.
constexpr int kFewThreads = 3;

// C = alpha A B^T + beta C, all row by row in memory. A: (m, k), B: (n, k), C: (m, n); lda, ldb, ldc: floats from one
// row to the next. On one thread. beta 0: C is only written.
void few_rows_times_transposed(int m, int n, int k, float alpha, const float* a, long lda, const float* b, long ldb,
                               float beta, float* c, long ldc);

}  // namespace tether
