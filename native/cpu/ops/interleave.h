// An order of quantized matrices in which one instruction multiplies for sixteen of their rows.
//
// Sixteen rows lie side by side: a 32-bit word of each, then the next word of each. A word has 4 numbers of 8 bits, or
// 8 of 4 bits, of which the first four take the lower halves of its bytes and the others the upper ones. Scales and
// biases lie likewise, one of each row. No shape changes. Instructions that sum products of integers then need neither
// unpacking beyond a mask nor a sum along a register (four bytes with AVX-512 VNNI: VPDPBUSD; pairs of 16 bits with
// AVX2: VPMADDWD; Intel's manual, volume 2).
#pragma once

#include <mlx/mlx.h>

#include "cpu/kernels.h"
#include "matrix.h"

namespace tether::cpu {

// Whether this processor multiplies such a matrix faster interleaved: it is affine, in 4 or 8 bits, its rows are a
// multiple of kInterleaved, and activations are rounded. Any thread.
bool interleaves(const Matrix& matrix, Activations activations);

// Brings it into that order, in the memory that it is in: a copy would double what loading a large matrix takes.
// matrix: evaluated, with float32 scales and biases, in buffers that nothing else reads. On all threads of the pool,
// called on the engine thread.
void interleave(Matrix& matrix);

// y: (m, n) = x: (m, width) w^T for an interleaved matrix with n rows, on all threads of the pool.
void interleaved_product(Activations of, long m, const float* x, long ldx, const MatrixView& w, long n, float* y);

}  // namespace tether::cpu
