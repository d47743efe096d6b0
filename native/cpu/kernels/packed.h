// Keys and values in 4 bits, affine in groups of 32. Included by kernels.cpp alone.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"
#include "cpu/kernels/lanes.h"

namespace tether::TETHER_CPU {

// NOLINTBEGIN(modernize-avoid-c-arrays): std::array would drop the vector types' attribute

constexpr long kPacked = 32;  // numbers of a group
constexpr long kPackedVectors = kPacked / kLanes;
constexpr float kMostCode = 15;

// A group as steps from 0 to 15 of a grid over [0, 1].
struct Codes {
  Floats lanes[kPackedVectors];

  // The nearest steps of numbers that are `step` apart from `first` on.
  TETHER_INLINE void nearest(const Floats* x, float first, float step) {
    constexpr float kRound = 12582912.0F;  // adding and subtracting it leaves the nearest integer
    const float inverse = 1 / step;
    for (long i = 0; i < kPackedVectors; i++) {
      Floats at = (x[i] - first) * inverse;
      at = at < 0.0F ? Floats{} : at;
      at = at > kMostCode ? Floats{} + kMostCode : at;
      lanes[i] = (at + kRound) - kRound;
    }
  }
};

// The line through a group's codes that is nearest to its numbers.
struct Line {
  float first, step;
};

TETHER_INLINE Line line_through(const Codes& codes, const Floats* x, float sum_of_x) {
  Floats sums = {};
  Floats squares = {};
  Floats products = {};
  for (long i = 0; i < kPackedVectors; i++) {
    sums += codes.lanes[i];
    squares += codes.lanes[i] * codes.lanes[i];
    products += codes.lanes[i] * x[i];
  }
  const float mean = sum_of(sums) / kPacked;
  const float variance = sum_of(squares) - mean * mean * kPacked;
  const float covariance = sum_of(products) - mean * sum_of_x;
  const float step = covariance / variance;
  return {sum_of_x / kPacked - step * mean, step};
}

// Infinity, NaN, and numbers whose distance is infinite make all of the group NaN.
TETHER_INLINE void pack_group(const float* x, uint32_t* numbers, float* scale, float* bias) {
  constexpr float kLeast = 1e-30F;  // of the range: below it the numbers are equal
  float least = x[0];
  float most = x[0];
  float broken = 0;
  for (long i = 0; i < kPacked; i++) {
    least = x[i] < least ? x[i] : least;
    most = x[i] > most ? x[i] : most;
    broken += x[i] - x[i];
  }
  const float range = most - least;
  broken += range - range;
  for (long i = 0; i < kPacked / 8; i++) numbers[i] = 0;
  *scale = broken;
  *bias = least + broken;
  // NaN is not 0 either.
  if (broken != 0 || range < kLeast) return;

  Floats within[kPackedVectors];
  Floats sums = {};
  for (long i = 0; i < kPackedVectors; i++) {
    within[i] = (load(x + i * kLanes) - least) * (1 / range);
    sums += within[i];
  }
  const float sum = sum_of(sums);
  // To pick the best of several grids would be better by a few percent, but a number that is computed a bit differently
  // with other rows could change all of its group.
  Codes codes;
  codes.nearest(within, 0, 1 / kMostCode);
  Line line = line_through(codes, within, sum);
  codes.nearest(within, line.first, line.step);
  line = line_through(codes, within, sum);
  *scale = line.step * range;
  *bias = least + line.first * range;
  float steps[kPacked];
  for (long i = 0; i < kPackedVectors; i++) store(steps + i * kLanes, codes.lanes[i]);
  for (long i = 0; i < kPacked; i++)
    numbers[i / 8] |= static_cast<uint32_t>(static_cast<int32_t>(steps[i])) << static_cast<uint32_t>(i % 8 * 4);
}

inline void pack(const float* x, long count, uint32_t* numbers, float* scales, float* biases) {
  for (long i = 0; i < count; i += kPacked) pack_group(x + i, numbers + i / 8, scales++, biases++);
}

// NOLINTEND(modernize-avoid-c-arrays)

}  // namespace tether::TETHER_CPU
