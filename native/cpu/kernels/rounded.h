// Products of few rows with an affine matrix in integers: activations are rounded once, group by group. Included by
// kernels.cpp alone.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"
#include "cpu/kernels/integers.h"
#include "cpu/kernels/lanes.h"
#include "cpu/kernels/products.h"

namespace tether::TETHER_CPU {

// NOLINTBEGIN(modernize-avoid-c-arrays): std::array would drop the vector types' attribute

// Floats for as many integers.
template <class Whole>
using PartsOf = typename VectorOf<float, sizeof(Whole) / sizeof(int32_t)>::Type;

// One group as integers times a factor, which it returns. NaN and infinity make the factor NaN.
template <class Number, unsigned Bits>
TETHER_INLINE float round_group(const float* x, long size, Number* out, float* sum) {
  constexpr float kMost = sizeof(Number) == 2 ? 32767.0F : 127.0F;
  constexpr float kLeast = 1e-30F;       // smaller groups are 0
  constexpr float kRound = 12582912.0F;  // adding it leaves the nearest integer in the low bits
  Floats largest_lanes = {};
  Floats broken = {};
  for (long i = 0; i < size; i += kLanes) {
    Floats lanes = load(x + i);
    Floats magnitude = as<Floats>(as<Words>(lanes) & 0x7fffffffU);
    largest_lanes = magnitude > largest_lanes ? magnitude : largest_lanes;
    broken += lanes - lanes;
  }
  float parts[kLanes];
  store(parts, largest_lanes);
  float most = 0;
  for (float part : parts) most = part > most ? part : most;
  const float inverse = most > kLeast ? kMost / most : 0.0F;
  int32_t total = 0;
  for (long i = 0; i < size; i += kStride) {
    int32_t numbers[kStride];
    for (long at = 0; at < kStride; at += kLanes) {
      auto rounded = as<Words>(load(x + i + at) * inverse + kRound) - 0x4b400000U;
      __builtin_memcpy(numbers + at, &rounded, sizeof rounded);
    }
    for (int32_t number : numbers) total += number;
    for (long at = 0; at < kStride; at++) out[i + at] = static_cast<Number>(numbers[Rounded<Number, Bits>::from(at)]);
  }
  const float factor = most / kMost + sum_of(broken);
  *sum = factor * static_cast<float>(total);
  return factor;
}

template <class Number, unsigned Bits>
void round_to(int m, const float* x, long ldx, const MatrixView& w, RoundedRows out) {
  const long size = w.quantization.group_size;
  auto* numbers = static_cast<Number*>(out.numbers);
  for (long group = 0; group * size < w.width; group++)
    for (int row = 0; row < m; row++) {
      const long at = group * size;
      out.factors[group * m + row] =
          round_group<Number, Bits>(x + row * ldx + at, size, numbers + row * w.width + at, out.sums + group * m + row);
    }
}

// `Rows` of the m rows of x, from `row` on, times one row of the matrix. Within a group sum(f x (s (q + shift) + b)) is
// f s sum(x q) + (b + s shift) f sum(x). Each result is the same for any number of rows.
template <class Number, unsigned Bits, int Rows>
TETHER_INLINE void rounded_dots(int m, int row, const RoundedRows& x, const MatrixView& w, long column, float* y,
                                long ldy) {
  using Of = Rounded<Number, Bits>;
  using Sum = typename Of::Sum;
  using Parts = PartsOf<decltype(Of::in_words(Sum{}))>;
  using Four = VectorOf<float, 4>::Type;
  const long width = w.width;
  const long size = w.quantization.group_size;
  const long groups = width / size;
  const auto* in = static_cast<const uint8_t*>(w.numbers) + column * w.row_bytes;
  const auto* scales = static_cast<const float*>(w.scales) + column * groups;
  const auto* biases = w.biases + column * groups;
  const auto* numbers = static_cast<const Number*>(x.numbers) + row * width;
  const float* factors = x.factors + row;
  const float* sums_of_x = x.sums + row;
  Parts totals[Rows];
  for (auto& total : totals) total = Parts{};
  Four shifts = {};
  for (long group = 0; group < groups; group++, factors += m, sums_of_x += m) {
    Sum sums[Rows];
    for (auto& sum : sums) sum = Sum{};
    __builtin_prefetch(in + kAhead);
    for (long i = 0; i < size; i += kStride, in += kStride * Bits / 8, numbers += kStride) {
      auto loaded = Of::load(in);
      for (int j = 0; j < Rows; j++) sums[j] = Of::add(sums[j], loaded, numbers + j * width);
    }
    const float scale = scales[group];
    const Parts scale_lanes = Parts{} + scale;
    for (int j = 0; j < Rows; j++)
      totals[j] += __builtin_convertvector(Of::in_words(sums[j]), Parts) * (scale_lanes * factors[j]);
    shifts += load_as<Four>(sums_of_x) * (biases[group] + static_cast<float>(Of::kShift) * scale);
  }
  for (int j = 0; j < Rows; j++) y[j * ldy + column] = sum_of(totals[j]) + shifts[j];
}

template <class Number, unsigned Bits>
void multiply_rounded(int m, const RoundedRows& x, const MatrixView& w, long begin, long end, float* y, long ldy) {
  in_groups(m, [&]<int Rows>(Count<Rows>, int row) {
    for (long column = begin; column < end; column++)
      rounded_dots<Number, Bits, Rows>(m, row, x, w, column, y + row * ldy, ldy);
  });
}

inline void round_rows(Activations to, int m, const float* x, long ldx, const MatrixView& w, const RoundedRows& out) {
  const bool four = w.quantization.bits == 4;
  auto round = to == Activations::int8 ? (four ? round_to<int8_t, 4> : round_to<int8_t, 8>)
                                       : (four ? round_to<int16_t, 4> : round_to<int16_t, 8>);
  round(m, x, ldx, w, out);
}

inline void few_rounded(Activations of, int m, const RoundedRows& x, const MatrixView& w, long begin, long end,
                        float* y, long ldy) {
  const bool four = w.quantization.bits == 4;
  auto multiply = of == Activations::int8 ? (four ? multiply_rounded<int8_t, 4> : multiply_rounded<int8_t, 8>)
                                          : (four ? multiply_rounded<int16_t, 4> : multiply_rounded<int16_t, 8>);
  multiply(m, x, w, begin, end, y, ldy);
}

// NOLINTEND(modernize-avoid-c-arrays)

}  // namespace tether::TETHER_CPU
