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

// Groups whose scales and biases are read at a time.
constexpr long kGroups = 16;
// Columns from whose scales and biases are read to those that are prefetched.
constexpr long kColumnsAhead = 16;
static_assert(kGroups % kLanes == 0 && kGroups <= RoundedRows::kPadding);

// One group as integers times a factor, which it returns. NaN and infinity make the factor NaN. step: from kStride
// numbers to the next in `out`.
template <class Number, unsigned Bits>
TETHER_INLINE float round_group(const float* x, long size, Number* out, long step, float* sum) {
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
  for (long i = 0; i < size; i += kStride, out += step) {
    int32_t numbers[kStride];
    for (long at = 0; at < kStride; at += kLanes) {
      auto rounded = as<Words>(load(x + i + at) * inverse + kRound) - 0x4b400000U;
      __builtin_memcpy(numbers + at, &rounded, sizeof rounded);
    }
    for (int32_t number : numbers) total += number;
    for (long at = 0; at < kStride; at++) out[at] = static_cast<Number>(numbers[Rounded<Number, Bits>::from(at)]);
  }
  const float factor = most / kMost + sum_of(broken);
  *sum = factor * static_cast<float>(total);
  return factor;
}

// Rows that are multiplied side by side: as many as the registers have room for.
#ifdef __AVX512F__
constexpr int kRowsAtOnce = 8;
#else
constexpr int kRowsAtOnce = 4;
#endif

// Rows that are multiplied side by side lie side by side, kStride numbers of each in turn.
template <class Number, unsigned Bits>
void round_to(int m, const float* x, long ldx, const MatrixView& w, RoundedRows out) {
  const long size = w.quantization.group_size;
  in_groups<kRowsAtOnce>(m, [&]<int Rows>(Count<Rows>, int first) {
    auto* numbers = static_cast<Number*>(out.numbers) + first * w.width;
    for (int j = 0; j < Rows; j++) {
      const float* from = x + (first + j) * ldx;
      float* factors = out.factors + (first + j) * out.stride;
      float* sums = out.sums + (first + j) * out.stride;
      long group = 0;
      for (; group * size < w.width; group++) {
        Number* to = numbers + group * size * Rows + j * kStride;
        factors[group] = round_group<Number, Bits>(from + group * size, size, to, Rows * kStride, sums + group);
      }
      for (; group < out.stride; group++) factors[group] = sums[group] = 0;
    }
  });
}

// The sums of what was multiplied and of what was shifted.
template <class Parts>
TETHER_INLINE float sum_of_both(Parts total, Floats shift) {
  if constexpr (sizeof(Parts) == sizeof(Floats))
    return sum_of(total + shift);
  else
    return sum_of(total) + sum_of(shift);
}

// `Rows` rows of x from `row` on, which lie side by side, times one row of the matrix. Within a group sum(f x (s (q +
// shift)
// + b)) is f s sum(x q) + (b + s shift) f sum(x); what is one number for a group is computed for many groups at a time.
// Each result is the same for any number of rows. Size: of a group, if it is known.
template <class Number, unsigned Bits, long Size, int Rows>
TETHER_INLINE void rounded_dots(int row, const RoundedRows& x, const MatrixView& w, long column, float* y, long ldy) {
  using Of = Rounded<Number, Bits>;
  using Sum = typename Of::Sum;
  using Parts = PartsOf<decltype(Of::in_words(Sum{}))>;
  const long size = Size ? Size : w.quantization.group_size;
  const long groups = w.width / size;
  const auto* in = static_cast<const uint8_t*>(w.numbers) + column * w.row_bytes;
  const auto* scales = static_cast<const float*>(w.scales) + column * groups;
  const auto* biases = w.biases + column * groups;
  const auto* numbers = static_cast<const Number*>(x.numbers) + row * w.width;
  const float* factors = x.factors + row * x.stride;
  const float* sums_of_x = x.sums + row * x.stride;
  Parts totals[Rows];
  for (auto& total : totals) total = Parts{};
  Floats shifts[Rows];
  for (auto& shift : shifts) shift = Floats{};
  for (long first = 0; first < groups; first += kGroups) {
    const long end = groups - first < kGroups ? groups - first : kGroups;
    __builtin_prefetch(scales + first + kColumnsAhead * groups);
    __builtin_prefetch(biases + first + kColumnsAhead * groups);
    alignas(64) float products[Rows][kGroups];
    for (long at = 0; at < end; at += kLanes) {
      Floats scale = load_up_to(scales + first + at, end - at);
      Floats bias = load_up_to(biases + first + at, end - at);
      bias += static_cast<float>(Of::kShift) * scale;
      for (int j = 0; j < Rows; j++) {
        store(products[j] + at, scale * load(factors + j * x.stride + first + at));
        shifts[j] += bias * load(sums_of_x + j * x.stride + first + at);
      }
    }
    for (long group = 0; group < end; group++) {
      Sum sums[Rows];
      for (auto& sum : sums) sum = Sum{};
      __builtin_prefetch(in + kAhead);
      for (long i = 0; i < size; i += kStride, in += kStride * Bits / 8, numbers += Rows * kStride) {
        auto loaded = Of::load(in);
        for (int j = 0; j < Rows; j++) sums[j] = Of::add(sums[j], loaded, numbers + j * kStride);
      }
      for (int j = 0; j < Rows; j++)
        totals[j] += __builtin_convertvector(Of::in_words(sums[j]), Parts) * products[j][group];
    }
  }
  for (int j = 0; j < Rows; j++) y[j * ldy + column] = sum_of_both(totals[j], shifts[j]);
}

template <class Number, unsigned Bits, long Size>
void multiply_groups(int m, const RoundedRows& x, const MatrixView& w, long begin, long end, float* y, long ldy) {
  in_groups<kRowsAtOnce>(m, [&]<int Rows>(Count<Rows>, int row) {
    for (long column = begin; column < end; column++)
      rounded_dots<Number, Bits, Size, Rows>(row, x, w, column, y + row * ldy, ldy);
  });
}

template <class Number, unsigned Bits>
void multiply_rounded(int m, const RoundedRows& x, const MatrixView& w, long begin, long end, float* y, long ldy) {
  // Most checkpoints have groups of 64.
  auto multiply =
      w.quantization.group_size == 64 ? multiply_groups<Number, Bits, 64> : multiply_groups<Number, Bits, 0>;
  multiply(m, x, w, begin, end, y, ldy);
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
