// A few rows times a large matrix, as when a few sequences decode together: the matrix is read once, at memory's speed.
//
// OpenBLAS's sgemm first copies the matrix into blocks, which pays from some 16 rows on; below that the copy is most of
// the work.
#include "blas/few_rows.h"

#include <cstring>

// One program for all x86-64 processors that uses what this one has.
#if defined(__x86_64__) && defined(__linux__)
#define TETHER_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define TETHER_CLONES
#endif

namespace tether {
namespace {

constexpr int kLanes = 8;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

[[gnu::always_inline]] inline void load(Lanes& lanes, const float* from) { std::memcpy(&lanes, from, sizeof lanes); }

[[gnu::always_inline]] inline float sum(const Lanes& lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

// `Rows` rows of A by `Columns` rows of B.
template <int Rows, int Columns>
[[gnu::always_inline]] inline void block(int k, float alpha, const float* a, long lda, const float* b, long ldb,
                                         float beta, float* c, long ldc) {
  Lanes sums[Rows][Columns] = {};
  int i = 0;
  for (; i + kLanes <= k; i += kLanes) {
    Lanes weights[Columns];
    for (int column = 0; column < Columns; column++) load(weights[column], b + column * ldb + i);
    for (int row = 0; row < Rows; row++) {
      Lanes x;
      load(x, a + row * lda + i);
      for (int column = 0; column < Columns; column++) sums[row][column] += x * weights[column];
    }
  }
  for (int row = 0; row < Rows; row++)
    for (int column = 0; column < Columns; column++) {
      float dot = sum(sums[row][column]);
      for (int rest = i; rest < k; rest++) dot += a[row * lda + rest] * b[column * ldb + rest];
      float* out = c + row * ldc + column;
      *out = alpha * dot + (beta == 0 ? 0 : beta * *out);
    }
}

template <int Columns>
[[gnu::always_inline]] inline void columns(int m, int k, float alpha, const float* a, long lda, const float* b, long ldb,
                                           float beta, float* c, long ldc) {
  int row = 0;
  for (; row + 4 <= m; row += 4) block<4, Columns>(k, alpha, a + row * lda, lda, b, ldb, beta, c + row * ldc, ldc);
  a += row * lda;
  c += row * ldc;
  if (m - row == 3) block<3, Columns>(k, alpha, a, lda, b, ldb, beta, c, ldc);
  if (m - row == 2) block<2, Columns>(k, alpha, a, lda, b, ldb, beta, c, ldc);
  if (m - row == 1) block<1, Columns>(k, alpha, a, lda, b, ldb, beta, c, ldc);
}

}  // namespace

TETHER_CLONES void few_rows_times_transposed(int m, int n, int k, float alpha, const float* a, long lda, const float* b,
                                             long ldb, float beta, float* c, long ldc) {
  int column = 0;
  for (; column + 2 <= n; column += 2) columns<2>(m, k, alpha, a, lda, b + column * ldb, ldb, beta, c + column, ldc);
  if (column < n) columns<1>(m, k, alpha, a, lda, b + column * ldb, ldb, beta, c + column, ldc);
}

}  // namespace tether
