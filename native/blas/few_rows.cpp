// A few rows times a large matrix, as when a few sequences decode together: the matrix is read once, at memory's speed.
//
// OpenBLAS's sgemm first copies the matrix into blocks, which pays from some 16 rows on; below that the copy is most of
// the work.
#include "blas/few_rows.h"

#include <cstring>

namespace tether {
namespace {

template <int Width>
using Lanes [[gnu::vector_size(Width * sizeof(float))]] = float;

// `Rows` rows of A by `Columns` rows of B, `Width` floats at a time.
template <int Width, int Rows, int Columns>
[[gnu::always_inline]] inline void block(int k, float alpha, const float* a, long lda, const float* b, long ldb,
                                         float beta, float* c, long ldc) {
  // NOLINTBEGIN(modernize-avoid-c-arrays): std::array would drop the types' attribute
  Lanes<Width> sums[Rows][Columns] = {};
  int i = 0;
  for (; i + Width <= k; i += Width) {
    Lanes<Width> weights[Columns];
    for (int column = 0; column < Columns; column++)
      std::memcpy(&weights[column], b + column * ldb + i, sizeof weights[column]);
    for (int row = 0; row < Rows; row++) {
      Lanes<Width> x;
      std::memcpy(&x, a + row * lda + i, sizeof x);
      for (int column = 0; column < Columns; column++) sums[row][column] += x * weights[column];
    }
  }
  // NOLINTEND(modernize-avoid-c-arrays)
  for (int row = 0; row < Rows; row++)
    for (int column = 0; column < Columns; column++) {
      float dot = 0;
      for (int lane = 0; lane < Width; lane++) dot += sums[row][column][lane];
      for (int rest = i; rest < k; rest++) dot += a[row * lda + rest] * b[column * ldb + rest];
      float* out = c + row * ldc + column;
      *out = alpha * dot + (beta == 0 ? 0 : beta * *out);
    }
}

template <int Width, int Columns>
[[gnu::always_inline]] inline void columns(int m, int k, float alpha, const float* a, long lda, const float* b,
                                           long ldb, float beta, float* c, long ldc) {
  int row = 0;
  for (; row + 4 <= m; row += 4)
    block<Width, 4, Columns>(k, alpha, a + row * lda, lda, b, ldb, beta, c + row * ldc, ldc);
  a += row * lda;
  c += row * ldc;
  if (m - row == 3) block<Width, 3, Columns>(k, alpha, a, lda, b, ldb, beta, c, ldc);
  if (m - row == 2) block<Width, 2, Columns>(k, alpha, a, lda, b, ldb, beta, c, ldc);
  if (m - row == 1) block<Width, 1, Columns>(k, alpha, a, lda, b, ldb, beta, c, ldc);
}

template <int Width, int Columns>
[[gnu::always_inline]] inline void all(int m, int n, int k, float alpha, const float* a, long lda, const float* b,
                                       long ldb, float beta, float* c, long ldc) {
  int column = 0;
  for (; column + Columns <= n; column += Columns)
    columns<Width, Columns>(m, k, alpha, a, lda, b + column * ldb, ldb, beta, c + column, ldc);
  for (; column < n; column++) columns<Width, 1>(m, k, alpha, a, lda, b + column * ldb, ldb, beta, c + column, ldc);
}

using Kernel = void(int m, int n, int k, float alpha, const float* a, long lda, const float* b, long ldb, float beta,
                    float* c, long ldc);

// As wide as the processor's registers, and as many columns as their number allows.
#ifdef __x86_64__

[[gnu::target("arch=x86-64-v4")]] void for_avx512(int m, int n, int k, float alpha, const float* a, long lda,
                                                  const float* b, long ldb, float beta, float* c, long ldc) {
  all<16, 4>(m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

[[gnu::target("arch=x86-64-v3")]] void for_avx2(int m, int n, int k, float alpha, const float* a, long lda,
                                                const float* b, long ldb, float beta, float* c, long ldc) {
  all<8, 2>(m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void for_any(int m, int n, int k, float alpha, const float* a, long lda, const float* b, long ldb, float beta, float* c,
             long ldc) {
  all<4, 2>(m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

Kernel* best_kernel() {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return for_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
    return for_avx2;
  return for_any;
}

#else

void for_any(int m, int n, int k, float alpha, const float* a, long lda, const float* b, long ldb, float beta, float* c,
             long ldc) {
  all<4, 4>(m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

Kernel* best_kernel() { return for_any; }

#endif

}  // namespace

void few_rows_times_transposed(int m, int n, int k, float alpha, const float* a, long lda, const float* b, long ldb,
                               float beta, float* c, long ldc) {
  static Kernel* const kernel = best_kernel();
  kernel(m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

}  // namespace tether
