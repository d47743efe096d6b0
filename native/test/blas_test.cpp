// Tests the BLAS that libmlx calls: our cblas_sgemm against a plain loop, and that OpenBLAS computes it.
#include "cpu/blas/blas.h"

#include "test/check.h"

#ifdef TETHER_OPENBLAS

#include <dlfcn.h>
#include <mlx/mlx.h>

#include <cmath>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

extern "C" void cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float* a,
                            int lda, const float* b, int ldb, float beta, float* c, int ldc);

using tether::fail;

namespace {

constexpr int kRowMajor = 101;
constexpr int kNoTrans = 111;
constexpr int kTrans = 112;

struct Product {
  int trans_a;
  int trans_b;
  int m;
  int n;
  int k;
  float alpha;
  float beta;
  int pad;  // added to every leading dimension
};

std::string describe(const Product& p) {
  return std::string(p.trans_a == kTrans ? "A^T " : "A ") + (p.trans_b == kTrans ? "B^T" : "B") +
         " m=" + std::to_string(p.m) + " n=" + std::to_string(p.n) + " k=" + std::to_string(p.k) +
         " alpha=" + std::to_string(p.alpha) + " beta=" + std::to_string(p.beta) + " pad=" + std::to_string(p.pad);
}

size_t at(int row, int column, int stride) {
  return static_cast<size_t>(row) * static_cast<size_t>(stride) + static_cast<size_t>(column);
}

void check(const Product& p, std::mt19937& random) {
  int lda = (p.trans_a == kTrans ? p.m : p.k) + p.pad;
  int ldb = (p.trans_b == kTrans ? p.k : p.n) + p.pad;
  int ldc = p.n + p.pad;
  auto fill = [&](int rows, int stride) {
    std::uniform_real_distribution<float> values(-1, 1);
    std::vector<float> matrix(at(rows, 0, stride));
    for (float& value : matrix) value = values(random);
    return matrix;
  };
  auto a = fill(p.trans_a == kTrans ? p.k : p.m, lda);
  auto b = fill(p.trans_b == kTrans ? p.n : p.k, ldb);
  auto c = fill(p.m, ldc);
  // With beta 0 the old content of C does not matter, not even NaN.
  if (p.beta == 0)
    for (int i = 0; i < p.m; i++)
      for (int j = 0; j < p.n; j++) c[at(i, j, ldc)] = NAN;
  auto before = c;

  cblas_sgemm(kRowMajor, p.trans_a, p.trans_b, p.m, p.n, p.k, p.alpha, a.data(), lda, b.data(), ldb, p.beta, c.data(),
              ldc);

  for (int i = 0; i < p.m; i++) {
    for (int j = 0; j < ldc; j++) {
      double want = before[at(i, j, ldc)];
      if (j < p.n) {
        double sum = 0;
        for (int l = 0; l < p.k; l++) {
          double x = a[p.trans_a == kTrans ? at(l, i, lda) : at(i, l, lda)];
          double y = b[p.trans_b == kTrans ? at(j, l, ldb) : at(l, j, ldb)];
          sum += x * y;
        }
        want = p.alpha * sum + (p.beta == 0 ? 0 : p.beta * want);
      }
      double got = c[at(i, j, ldc)];
      if (std::abs(got - want) <= 1e-4) continue;
      fail(describe(p) + ": C[" + std::to_string(i) + "][" + std::to_string(j) + "] is " + std::to_string(got) +
           ", not " + std::to_string(want));
      return;
    }
  }
}

void check_products() {
  std::mt19937 random(1);
  for (int trans_a : {kNoTrans, kTrans})
    for (int trans_b : {kNoTrans, kTrans})
      for (int m : {1, 2, 3, 4, 7, 12, 13, 17})
        for (int n : {1, 2, 33})
          for (int k : {1, 5, 64})
            for (float alpha : {1.0F, 0.5F})
              for (float beta : {0.0F, 1.0F, -0.25F})
                for (int pad : {0, 3}) check({trans_a, trans_b, m, n, k, alpha, beta, pad}, random);
}

// libmlx finds the symbol as dlsym does: it must be ours, not that of the wheel's BLAS.
void check_symbol() {
  Dl_info info{};
  void* symbol = dlsym(RTLD_DEFAULT, "cblas_sgemm");
  if (!symbol || !dladdr(symbol, &info) || !info.dli_fname) return fail("cblas_sgemm cannot be found");
  auto self = std::filesystem::read_symlink("/proc/self/exe");
  if (!std::filesystem::equivalent(info.dli_fname, self))
    fail(std::string("cblas_sgemm comes from ") + info.dli_fname + ", not from " + self.string());
}

// A product through MLX; it also makes this program link libmlx, as the addon does.
void check_mlx() {
  namespace mx = mlx::core;
  mx::set_default_device(mx::Device::cpu);
  auto a = mx::reshape(mx::arange(0, 12, mx::float32), {3, 4});
  auto got = mx::matmul(a, mx::transpose(a));
  auto want = mx::array({14.0F, 38.0F, 62.0F, 38.0F, 126.0F, 214.0F, 62.0F, 214.0F, 366.0F}, {3, 3});
  if (!mx::array_equal(got, want).item<bool>()) fail("mx::matmul gives a wrong product");
}

void check_name() {
  std::string name = tether::blas_name();
  if (name.find("OpenBLAS") == std::string::npos) fail("blas_name() is '" + name + "', which is not OpenBLAS");
}

}  // namespace

int main() {
  check_name();
  check_symbol();
  check_products();
  check_mlx();
  return tether::result();
}

#else

int main() {
  if (!tether::blas_name().empty()) tether::fail("blas_name() names a BLAS although none was built in");
  return tether::result();
}

#endif
