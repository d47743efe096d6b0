// Float32 arithmetic as wide as the processor's registers, on one thread: what MLX's CPU backend does a number at a
// time. kernels.cpp is compiled once for each kind of processor; kernels() picks at run time.
#pragma once

#include <cstdint>

namespace tether {

// A (rows, width) matrix as a checkpoint has it, row by row in memory.
struct PackedMatrix {
  enum class Format { f32, bf16, f16, affine, mxfp4, mxfp8, nvfp4 };

  Format format = Format::f32;
  int bits = 32;   // of a number
  int group = 1;   // numbers that share a scale
  long width = 0;  // a multiple of group
  const void* weight = nullptr;
  const void* scales = nullptr;   // (rows, width / group): float for affine, a byte for the floating-point formats
  const float* biases = nullptr;  // of affine: (rows, width / group)

  long row_bytes() const { return width * bits / 8; }
};

enum class Gate { silu, gelu_tanh };

// A rotation of one token's pairs of numbers.
struct Rotation {
  const float* cos;  // dims / 2
  const float* sin;
  int dims;          // that turn; the rest of a head stays
  bool traditional;  // pairs are neighbours, else they are half of `dims` apart
};

// Rows up to which a kernel that reads the matrix once beats one that copies it into blocks first, as BLAS does.
constexpr int kFewRows = 16;

struct Kernels {
  const char* name;

  // Columns [begin, end) of y: (m, rows of w) = x: (m, width) w^T. ldx, ldy: floats from one row to the next.
  void (*few_rows)(int m, const float* x, long ldx, const PackedMatrix& w, long begin, long end, float* y, long ldy);
  // C = alpha A B^T + beta C with A: (m, k), B: (n, k), C: (m, n). beta 0: C is only written.
  void (*few_rows_f32)(int m, int n, long k, float alpha, const float* a, long lda, const float* b, long ldb,
                       float beta, float* c, long ldc);
  // Numbers [begin, begin + count) of a row. begin and count: multiples of 32 and of the group, or the whole row.
  void (*expand)(const PackedMatrix& w, long row, long begin, long count, float* out);

  // out = gate(a) * b; out may be a or b.
  void (*gated)(Gate gate, const float* a, const float* b, float* out, long count);
  // One row: out = x / sqrt(mean(x^2) + eps) * weight; weight may be absent, out may be x.
  void (*rms_norm)(const float* x, const float* weight, float* out, long count, float eps);
  // One head of one token; out may not be x.
  void (*rotate)(const float* x, const Rotation& rotation, int head_dim, float* out);

  // x = cap * tanh(x / cap)
  void (*softcap)(float* x, long count, float cap);
  float (*largest)(const float* x, long count);
  // x = exp(x - shift) -> their sum
  float (*exp_sum)(float* x, long count, float shift);
  // x = x * factor
  void (*scale)(float* x, long count, float factor);
  // out: (rows, dim) += shares: (rows, slots) values: (slots, dim)
  void (*mix)(int rows, long slots, int dim, const float* shares, long lds, const float* values, long ldv, float* out,
              long ldo);
};

// The best ones for this processor. Any thread.
const Kernels& kernels();

}  // namespace tether
