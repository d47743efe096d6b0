// Float32 arithmetic on one thread with the processor's widest vector registers; MLX's CPU backend computes one number
// at a time. kernels.cpp is compiled once for each kind of processor; kernels() picks one at run time.
#pragma once

#include <cstdint>

#include "quantization.h"

namespace tether {

enum class FloatType { f32, bf16, f16 };

// Where a (rows, width) Matrix (matrix.h) lies in memory, row by row without gaps.
struct MatrixView {
  FloatType type = FloatType::f32;  // type of the numbers, if they are not quantized
  Quantization quantization;
  long width = 0;      // a multiple of the group size
  long row_bytes = 0;  // bytes of a row of numbers
  const void* numbers = nullptr;
  const void* scales = nullptr;   // (rows, width / group_size): float for affine, one byte for the other modes
  const float* biases = nullptr;  // (rows, width / group_size), for affine
  bool interleaved = false;       // in the order of ops/interleave.h
};

// The rows of an interleaved matrix that lie side by side.
constexpr long kInterleaved = 16;

enum class Gate { silu, gelu_tanh };

// As what a product of few rows with an affine matrix of 4 or 8 bits takes its activations: as they are, or rounded to
// integers times a factor, a group of the matrix at a time.
enum class Activations { float32, int16, int8 };

// Rounded rows of activations. `stride`: the groups of the matrix in a row, rounded up to a multiple of kPadding.
struct RoundedRows {
  static constexpr long kPadding = 16;
  // split() and interleaved() take so many rows at a time: parts of that size are independent of each other.
  static constexpr int kTogether = 8;

  void* numbers;   // (m, width) int16_t or int8_t in the order of the kernel; fastest at a multiple of 64 bytes
  float* factors;  // (m, stride), 0 behind the last group
  float* sums;     // (m, stride): of the rounded activations, 0 behind the last group
  long stride;
};

// A rotation of one token's pairs of numbers.
struct Rotation {
  const float* cos;  // dims / 2
  const float* sin;
  int dims;          // the first dimensions of a head are rotated, the others stay
  bool traditional;  // the numbers of a pair are neighbours, else they are dims / 2 apart
};

// The most rows for which a kernel that reads the matrix once is faster than BLAS, which copies it into blocks first.
constexpr int kFewRows = 16;

struct Kernels {
  const char* name;

  // Columns [begin, end) of y: (m, rows of w) = x: (m, width) w^T. ldx, ldy: floats from one row to the next.
  void (*few_rows)(int m, const float* x, long ldx, const MatrixView& w, long begin, long end, float* y, long ldy);
  // The same in integers, which round_rows() made of x for such a matrix.
  void (*few_rounded)(Activations of, int m, const RoundedRows& x, const MatrixView& w, long begin, long end, float* y,
                      long ldy);
  void (*round_rows)(Activations to, int m, const float* x, long ldx, const MatrixView& w, const RoundedRows& out);
  // The same two for an interleaved matrix and any number of rows; begin and end: multiples of kInterleaved. nullptr:
  // this processor has no instructions for them.
  void (*interleaved)(Activations of, int m, const RoundedRows& x, const MatrixView& w, long begin, long end, float* y,
                      long ldy);
  void (*split)(Activations to, int m, const float* x, long ldx, const MatrixView& w, const RoundedRows& out);
  long (*split_bytes)(Activations of);  // bytes of a number that split() writes
  // C = alpha A B^T + beta C with A: (m, k), B: (n, k), C: (m, n). beta 0: C is only written.
  void (*few_rows_f32)(int m, int n, long k, float alpha, const float* a, long lda, const float* b, long ldb,
                       float beta, float* c, long ldc);
  // The same with B in float16.
  void (*few_rows_f16)(int m, int n, long k, float alpha, const float* a, long lda, const uint16_t* b, long ldb,
                       float beta, float* c, long ldc);
  // Numbers [begin, begin + count) of a row. begin and count: multiples of 32 and of the group size, or the whole row.
  void (*expand)(const MatrixView& w, long row, long begin, long count, float* out);
  // To float16, the nearest ones, of two as near the even one. Finite numbers stay finite.
  void (*round_halves)(const float* x, uint16_t* out, long count);
  // To 4 bits, affine in groups of 32, whose squared error is about the least. count: a multiple of 32. Of a group that
  // has NaN or infinity the scale and the bias are NaN.
  void (*pack)(const float* x, long count, uint32_t* numbers, float* scales, float* biases);

  // out = gate(a) * b; out may be a or b.
  void (*gated)(Gate gate, const float* a, const float* b, float* out, long count);
  // One row: out = x / sqrt(mean(x^2) + eps) * weight; weight may be absent, out may be x.
  void (*rms_norm)(const float* x, const float* weight, float* out, long count, float eps);
  // One head of one token; out may not be x.
  void (*rotate)(const float* x, const Rotation& rotation, int head_dim, float* out);

  // Multiplies each run of `block` numbers by scale times the Hadamard matrix of that size, in natural order. block: a
  // power of two, at least 32, that divides count.
  void (*hadamard)(float* x, long count, long block, float scale);

  // x = cap * tanh(x / cap)
  void (*softcap)(float* x, long count, float cap);
  float (*largest)(const float* x, long count);
  bool (*has_nan)(const float* x, long count);
  // out = x where the bit of a number is set, lowest bit first, else `instead`; out may be x.
  void (*mask)(const float* x, const uint32_t* bits, float instead, float* out, long count);
  // The sum of the numbers whose bit is set.
  float (*masked_sum)(const float* x, const uint32_t* bits, long count);
  // x = exp(x - shift) -> their sum
  float (*exp_sum)(float* x, long count, float shift);
  // x = x * factor
  void (*scale)(float* x, long count, float factor);
  // out: (rows, dim) += shares: (rows, slots) values: (slots, dim)
  void (*mix)(int rows, long slots, int dim, const float* shares, long lds, const float* values, long ldv, float* out,
              long ldo);
  // The same with values in float16.
  void (*mix_f16)(int rows, long slots, int dim, const float* shares, long lds, const uint16_t* values, long ldv,
                  float* out, long ldo);
};

// The fastest that this processor can run. Any thread.
const Kernels& kernels();

}  // namespace tether
