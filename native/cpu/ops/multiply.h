// Rows times stored matrices, on memory: what the products of cpu/ops/ are made of. Internal.
#pragma once

#include "cpu/kernels.h"
#include "cpu/ops/operation.h"
#include "matrix.h"

namespace tether::cpu {

// How to read the matrix, without the pointers to it.
MatrixView layout_of(const Matrix& matrix);

// Adds what an operation that reads `matrix` needs to its inputs: the numbers, and scales and biases if there are any.
void add_matrix(Inputs& inputs, const Matrix& matrix);

// The matrix that add_matrix() put at in[first].
MatrixView view_of(MatrixView layout, const Inputs& in, size_t first);

// The same for a matrix that is evaluated, as all weights are.
MatrixView view_of(const Matrix& matrix);

// The rows of a matrix from `row` on.
MatrixView from_row(MatrixView matrix, long row);

// Room for m rounded rows. The next call on this thread overwrites it.
RoundedRows room_for_rounded(long m, const MatrixView& w);

// m rows of x, ready to be multiplied: rounded if the matrix is interleaved, or if they are few and it is affine in 4
// or 8 bits. The next one that is made on this thread overwrites what was rounded.
class Multiplier {
 public:
  Multiplier(Activations activations, long m, const float* x, long ldx, const MatrixView& w);

  // Columns [begin, end) of y = x w^T, on this thread. w: that of the constructor, or one of the same width and format.
  // If it is interleaved, begin and end are multiples of kInterleaved.
  void operator()(const MatrixView& w, long begin, long end, float* y, long ldy) const;

 private:
  Activations activations_;
  long m_;
  const float* x_;
  long ldx_;
  bool rounds_;
  RoundedRows rounded_ = {};
};

// How many columns of a product a tile computes: a multiple of what the kernels compute side by side. column_bytes: of
// the matrix, for one column of the result.
long tile_columns(long m, long n, long column_bytes);

}  // namespace tether::cpu
