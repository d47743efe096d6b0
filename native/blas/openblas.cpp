// Sends the BLAS and LAPACK calls of libmlx to OpenBLAS, which scipy-openblas32 exports with the prefix scipy_.
//
// libmlx looks its symbols up in the scope of whoever loaded it first: what this file exports wins over the slow BLAS
// that comes with the wheel. It must therefore be visible (whatever -fvisibility says) and linked as an object, not out
// of an archive; the build checks that with nm.
#include "blas/blas.h"

#ifdef TETHER_OPENBLAS

#include <atomic>

#include "blas/few_rows.h"

namespace {

std::atomic<int> blas_threads = 0;  // 0: not set

}  // namespace

extern "C" {

// cblas.h's enums, by value.
enum { kRowMajor = 101, kNoTrans = 111, kTrans = 112 };

void scipy_cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float* a, int lda,
                       const float* b, int ldb, float beta, float* c, int ldc);
void scipy_cblas_sgemv(int order, int trans, int m, int n, float alpha, const float* a, int lda, const float* x,
                       int incx, float beta, float* y, int incy);
void scipy_openblas_set_num_threads(int threads);
char* scipy_openblas_get_config();

#define TETHER_EXPORT __attribute__((visibility("default"), used))

// C = alpha op(A) op(B) + beta C. With one or two rows or one column a matrix-vector product reads the weights once and
// is about three times faster; this is every step of decoding. A few rows, several sequences that decode together, cost
// hardly more than one.
TETHER_EXPORT void cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float* a,
                               int lda, const float* b, int ldb, float beta, float* c, int ldc) {
  int threads = blas_threads;
  bool few = m >= 2 && m <= tether::kFewRows && threads > 0 && threads < tether::kFewThreads;
  if (order == kRowMajor && k > 0 && n > 1 && few && trans_a == kNoTrans && trans_b == kTrans)
    return tether::few_rows_times_transposed(m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  if (order == kRowMajor && k > 0 && m >= 1 && m <= 2 && n > 1) {
    for (int row = 0; row < m; row++) {
      const float* x = trans_a == kNoTrans ? a + static_cast<long>(row) * lda : a + row;
      int step = trans_a == kNoTrans ? 1 : lda;
      float* y = c + static_cast<long>(row) * ldc;
      if (trans_b == kNoTrans)
        scipy_cblas_sgemv(kRowMajor, kTrans, k, n, alpha, b, ldb, x, step, beta, y, 1);
      else
        scipy_cblas_sgemv(kRowMajor, kNoTrans, n, k, alpha, b, ldb, x, step, beta, y, 1);
    }
    return;
  }
  if (order == kRowMajor && k > 0 && n == 1) {
    int step = trans_b == kNoTrans ? ldb : 1;
    if (trans_a == kNoTrans)
      scipy_cblas_sgemv(kRowMajor, kNoTrans, m, k, alpha, a, lda, b, step, beta, c, ldc);
    else
      scipy_cblas_sgemv(kRowMajor, kTrans, k, m, alpha, a, lda, b, step, beta, c, ldc);
    return;
  }
  scipy_cblas_sgemm(order, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

}  // extern "C"

// The rest go on with their arguments untouched: one jump each.
#if defined(__x86_64__)
#define TETHER_FORWARD(name)                                                                 \
  __asm__(".text\n.globl " #name "\n.type " #name ", @function\n" #name ": jmp scipy_" #name \
          "@PLT\n"                                                                           \
          ".size " #name ", .-" #name "\n");
#elif defined(__aarch64__)
#define TETHER_FORWARD(name)                                                               \
  __asm__(".text\n.globl " #name "\n.type " #name ", %function\n" #name ": b scipy_" #name \
          "\n"                                                                             \
          ".size " #name ", .-" #name "\n");
#else
#error "no OpenBLAS forwarding for this processor: set MLX_DIR and build without OPENBLAS_DIR"
#endif

TETHER_FORWARD(cblas_dgemm)
TETHER_FORWARD(cblas_cgemm)
TETHER_FORWARD(cgeev_)
TETHER_FORWARD(cgesdd_)
TETHER_FORWARD(cheevd_)
TETHER_FORWARD(dgeev_)
TETHER_FORWARD(dgeqrf_)
TETHER_FORWARD(dgesdd_)
TETHER_FORWARD(dgetrf_)
TETHER_FORWARD(dgetri_)
TETHER_FORWARD(dorgqr_)
TETHER_FORWARD(dpotrf_)
TETHER_FORWARD(dsyevd_)
TETHER_FORWARD(dtrtri_)
TETHER_FORWARD(sgeev_)
TETHER_FORWARD(sgeqrf_)
TETHER_FORWARD(sgesdd_)
TETHER_FORWARD(sgetrf_)
TETHER_FORWARD(sgetri_)
TETHER_FORWARD(sorgqr_)
TETHER_FORWARD(spotrf_)
TETHER_FORWARD(ssyevd_)
TETHER_FORWARD(strtri_)

namespace tether {

void set_blas_threads(int threads) {
  blas_threads = threads;
  scipy_openblas_set_num_threads(threads);
}

std::string blas_name() { return scipy_openblas_get_config(); }

}  // namespace tether

#else

namespace tether {

void set_blas_threads(int) {}

std::string blas_name() { return {}; }

}  // namespace tether

#endif
