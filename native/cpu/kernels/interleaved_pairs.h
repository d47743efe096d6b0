// How interleaved matrices are multiplied with instructions that sum products of two numbers of 16 bits (AVX2).
// Included by interleaved.h alone.
#pragma once

#include <cstdint>
#include <cstring>

#include "cpu/kernels.h"
#include "cpu/kernels/lanes.h"
#include "cpu/kernels/products.h"

namespace tether::TETHER_CPU {

// NOLINTBEGIN(modernize-avoid-c-arrays): std::array would drop the vector types' attribute

// An activation is one number of 16 bits, of four the first, the third, the second and the fourth: so masks and shifts
// of a word of the matrix give the numbers that they are multiplied by.
template <bool Both>
constexpr float kMostOf = Both ? 32767.0F : 127.0F;
template <bool Both>
constexpr long kBytesOf = 2;

// One group as integers times a factor, which it returns. NaN and infinity make the factor NaN. Four numbers at a time
// are written to `out`, the next four `step` bytes further on.
template <bool Both>
TETHER_INLINE float split_group(const float* x, long size, int8_t* out, long step, float* sum) {
  constexpr float kLeast = 1e-30F;  // smaller groups are 0
  const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  __m256 largest = _mm256_setzero_ps();
  Floats broken = {};
  for (long i = 0; i < size; i += kLanes) {
    const Floats lanes = load(x + i);
    largest = _mm256_max_ps(_mm256_and_ps(as<__m256>(lanes), magnitude), largest);
    broken += lanes - lanes;
  }
  __m128 most_of = _mm_max_ps(_mm256_castps256_ps128(largest), _mm256_extractf128_ps(largest, 1));
  most_of = _mm_max_ps(most_of, _mm_movehl_ps(most_of, most_of));
  const float most = _mm_cvtss_f32(_mm_max_ss(most_of, _mm_movehdup_ps(most_of)));
  const __m256 inverse = _mm256_set1_ps(most > kLeast ? kMostOf<Both> / most : 0.0F);
  Integers total = {};
  for (long i = 0; i < size; i += kLanes, out += 2 * step) {
    const __m256i numbers = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + i), inverse));
    total += as<Integers>(numbers);
    const __m256i ordered = _mm256_shuffle_epi32(numbers, 0b11'01'10'00);
    const __m256i packed = _mm256_packs_epi32(ordered, ordered);
    const long long fours[] = {_mm256_extract_epi64(packed, 0), _mm256_extract_epi64(packed, 2)};
    for (long at = 0; at < 2; at++) std::memcpy(out + at * step, fours + at, sizeof(long long));
  }
  const float factor = most / kMostOf<Both> + sum_of(broken);
  *sum = factor * sum_of(__builtin_convertvector(total, Floats));
  return factor;
}

// Blocks of sixteen columns that are multiplied at a time.
constexpr int kBlocks = 1;
// Rows that are multiplied side by side then: as many as the registers have room for.
template <bool Both>
constexpr int kRowsBeside = 4;

// Of one row, for the first and for the last eight of sixteen columns.
struct PairSums {
  __m256i first, last;
};
struct PairTotals {
  Floats first, last;
};

TETHER_INLINE void add_pairs(__m256i& sum, __m256i weights, __m256i x) {
  sum = _mm256_add_epi32(sum, _mm256_madd_epi16(weights, x));
  asm("" : "+x"(sum));  // keeps it in a register
}

// Two of each four numbers, those from bit `Shift` of each word on, times those of the rows at x.
template <int Shift, int Rows>
TETHER_INLINE void add_two(PairSums (&sums)[Rows], __m256i first, __m256i last, __m256i mask, const int8_t* x) {
  constexpr long kFour = 8;
  first = _mm256_and_si256(Shift ? _mm256_srli_epi16(first, Shift) : first, mask);
  last = _mm256_and_si256(Shift ? _mm256_srli_epi16(last, Shift) : last, mask);
#pragma GCC unroll 8
  for (int j = 0; j < Rows; j++) {
    const __m256i pair = _mm256_set1_epi32(load_as<int>(x + j * kFour));
    add_pairs(sums[j].first, first, pair);
    add_pairs(sums[j].last, last, pair);
  }
}

// The sums of one group. step: bytes from four numbers of a row to its next four. Adds nothing up beyond 32 bits:
// 32767 * 255 * 128 fits.
template <unsigned Bits, int Rows>
TETHER_INLINE void sum_group(PairSums (&sums)[Rows], const uint8_t* in, const int8_t* x, long step, long size) {
  const __m256i mask = _mm256_set1_epi16(Bits == 4 ? 15 : 255);
  for (long i = 0; i < size; i += 32 / long{Bits}, in += 2 * sizeof(__m256i)) {
    const auto first = load_as<__m256i>(in);
    const auto last = load_as<__m256i>(in + sizeof(__m256i));
    __builtin_prefetch(in + kAhead);
    add_two<0>(sums, first, last, mask, x);
    add_two<8>(sums, first, last, mask, x + 4);
    x += step;
    if constexpr (Bits == 4) {
      add_two<4>(sums, first, last, mask, x);
      add_two<12>(sums, first, last, mask, x + 4);
      x += step;
    }
  }
}

// `Rows` of the `Together` rows of x that lie side by side, from `row` + `Begin` on, times kInterleaved rows of the
// matrix. Each result is the same for any number of rows.
template <unsigned Bits, bool Both, int Together, int Begin, int Rows, int Blocks>
TETHER_INLINE void some_rows(int row, const RoundedRows& x, const MatrixView& w, long column, float* y, long ldy) {
  constexpr long kFour = 8;
  const long size = w.quantization.group_size;
  const long groups = w.width / size;
  const auto* in = static_cast<const uint8_t*>(w.numbers) + column * w.row_bytes;
  const auto* scales = static_cast<const float*>(w.scales) + column * groups;
  const auto* biases = w.biases + column * groups;
  const auto* numbers = static_cast<const int8_t*>(x.numbers) + row * w.width * 2 + Begin * kFour;
  const float* factors = x.factors + (row + Begin) * x.stride;
  const float* sums_of_x = x.sums + (row + Begin) * x.stride;
  PairTotals totals[Rows] = {};
  for (long group = 0; group < groups; group++) {
    PairSums sums[Rows];
#pragma GCC unroll 8
    for (int j = 0; j < Rows; j++) sums[j].first = sums[j].last = _mm256_setzero_si256();
    sum_group<Bits>(sums, in, numbers, Together * kFour, size);
    in += size * kInterleaved * Bits / 8;
    numbers += size * Together * 2;
    __builtin_prefetch(scales + (group + kGroupsAhead) * kInterleaved);
    __builtin_prefetch(biases + (group + kGroupsAhead) * kInterleaved);
    const float* scale = scales + group * kInterleaved;
    const float* bias = biases + group * kInterleaved;
#pragma GCC unroll 8
    for (int j = 0; j < Rows; j++) {
      const float factor = factors[j * x.stride + group];
      const float sum = sums_of_x[j * x.stride + group];
      totals[j].first += __builtin_convertvector(as<Integers>(sums[j].first), Floats) * (load(scale) * factor);
      totals[j].last += __builtin_convertvector(as<Integers>(sums[j].last), Floats) * (load(scale + kLanes) * factor);
      totals[j].first += load(bias) * sum;
      totals[j].last += load(bias + kLanes) * sum;
    }
  }
  for (int j = 0; j < Rows; j++) {
    store(y + (row + Begin + j) * ldy + column, totals[j].first);
    store(y + (row + Begin + j) * ldy + column + kLanes, totals[j].last);
  }
}

// NOLINTEND(modernize-avoid-c-arrays)

}  // namespace tether::TETHER_CPU
