// Sends the BLAS and LAPACK calls of libmlx to OpenBLAS, which scipy-openblas32 exports with the prefix scipy_.
//
// The dynamic linker looks up libmlx's symbols in the library that loaded it first, so the exports of this file take
// precedence over the slow BLAS of the wheel. They must therefore be visible (despite -fvisibility) and linked as an
// object, not from an archive; the build checks that with nm.
#include "cpu/blas/blas.h"

#include "cpu/kernels.h"

#ifdef TETHER_OPENBLAS

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

// C = alpha op(A) op(B) + beta C. With few rows, as in every decode step, a kernel that reads the weights once is
// several times faster. tether's threads call this in parallel, so OpenBLAS gets no threads of its own: they would spin
// while they wait for each other, which makes every product many times slower on a busy machine.
TETHER_EXPORT void cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float* a,
                               int lda, const float* b, int ldb, float beta, float* c, int ldc) {
  static const bool single_threaded = (scipy_openblas_set_num_threads(1), true);
  if (single_threaded && order == kRowMajor && k > 0 && m <= tether::kFewRows && n > 1 && trans_a == kNoTrans &&
      trans_b == kTrans)
    return tether::kernels().few_rows_f32(m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  if (order == kRowMajor && k > 0 && m == 1 && n > 1) {
    int step = trans_a == kNoTrans ? 1 : lda;
    if (trans_b == kNoTrans) return scipy_cblas_sgemv(kRowMajor, kTrans, k, n, alpha, b, ldb, a, step, beta, c, 1);
    return scipy_cblas_sgemv(kRowMajor, kNoTrans, n, k, alpha, b, ldb, a, step, beta, c, 1);
  }
  if (order == kRowMajor && k > 0 && n == 1) {
    int step = trans_b == kNoTrans ? ldb : 1;
    if (trans_a == kNoTrans) return scipy_cblas_sgemv(kRowMajor, kNoTrans, m, k, alpha, a, lda, b, step, beta, c, ldc);
    return scipy_cblas_sgemv(kRowMajor, kTrans, k, m, alpha, a, lda, b, step, beta, c, ldc);
  }
  scipy_cblas_sgemm(order, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

}  // extern "C"

// The other symbols are forwarded with unchanged arguments by one jump each.
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

void sgemm(long m, long n, long k, float alpha, const float* a, long lda, const float* b, long ldb, float beta,
           float* c, long ldc) {
  cblas_sgemm(kRowMajor, kNoTrans, kNoTrans, static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), alpha, a,
              static_cast<int>(lda), b, static_cast<int>(ldb), beta, c, static_cast<int>(ldc));
}

void sgemm_transposed(long m, long n, long k, float alpha, const float* a, long lda, const float* b, long ldb,
                      float beta, float* c, long ldc) {
  cblas_sgemm(kRowMajor, kNoTrans, kTrans, static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), alpha, a,
              static_cast<int>(lda), b, static_cast<int>(ldb), beta, c, static_cast<int>(ldc));
}

std::string blas_name() { return scipy_openblas_get_config(); }

}  // namespace tether

#else

namespace tether {

// Without OpenBLAS: plain loops and the kernel for few rows, which are slower than a BLAS.
void sgemm(long m, long n, long k, float alpha, const float* a, long lda, const float* b, long ldb, float beta,
           float* c, long ldc) {
  for (long row = 0; row < m; row++) {
    float* to = c + row * ldc;
    for (long i = 0; i < n; i++) to[i] = beta == 0 ? 0 : beta * to[i];
    for (long at = 0; at < k; at++)
      for (long i = 0; i < n; i++) to[i] += alpha * a[row * lda + at] * b[at * ldb + i];
  }
}

void sgemm_transposed(long m, long n, long k, float alpha, const float* a, long lda, const float* b, long ldb,
                      float beta, float* c, long ldc) {
  kernels().few_rows_f32(static_cast<int>(m), static_cast<int>(n), k, alpha, a, lda, b, ldb, beta, c, ldc);
}

std::string blas_name() { return {}; }

}  // namespace tether

#endif
