// How interleaved matrices are multiplied with instructions that sum products of bytes (AVX-512 VNNI). Included by
// interleaved.h alone.
#pragma once

#include <cstdint>
#include <cstring>

#include "cpu/kernels.h"
#include "cpu/kernels/lanes.h"
#include "cpu/kernels/products.h"

namespace tether::TETHER_CPU {

// NOLINTBEGIN(modernize-avoid-c-arrays): std::array would drop the vector types' attribute

// An activation is one byte, or two: 256 times the upper, which is signed, and the lower, which is signed too.
template <bool Both>
constexpr float kMostOf = Both ? 127.0F * 256 + 127 : 127.0F;
template <bool Both>
constexpr long kBytesOf = Both ? 2 : 1;

// One group as integers times a factor, which it returns. NaN and infinity make the factor NaN. Four numbers at a time
// are written to `out`, their upper bytes before the lower ones, the next four `step` bytes further on.
template <bool Both>
TETHER_INLINE float split_group(const float* x, long size, int8_t* out, long step, float* sum) {
  constexpr float kLeast = 1e-30F;  // smaller groups are 0
  __m512 largest = _mm512_setzero_ps();
  __m512 broken = _mm512_setzero_ps();
  for (long i = 0; i < size; i += kLanes) {
    const __m512 lanes = _mm512_loadu_ps(x + i);
    largest = _mm512_max_ps(_mm512_abs_ps(lanes), largest);
    broken = _mm512_add_ps(broken, _mm512_sub_ps(lanes, lanes));
  }
  const float most = _mm512_reduce_max_ps(largest);
  const __m512 inverse = _mm512_set1_ps(most > kLeast ? kMostOf<Both> / most : 0.0F);
  __m512i total = _mm512_setzero_si512();
  for (long i = 0; i < size; i += kLanes, out += 4 * step) {
    const __m512i numbers = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + i), inverse));
    total = _mm512_add_epi32(total, numbers);
    const __m128i low = _mm512_cvtepi32_epi8(numbers);
    if constexpr (Both) {
      const __m512i lower = _mm512_cvtepi8_epi32(low);
      const __m128i high = _mm512_cvtepi32_epi8(_mm512_srai_epi32(_mm512_sub_epi32(numbers, lower), 8));
      const __m128i first = _mm_unpacklo_epi32(high, low);
      const __m128i second = _mm_unpackhi_epi32(high, low);
      const long long fours[] = {_mm_cvtsi128_si64(first), _mm_extract_epi64(first, 1), _mm_cvtsi128_si64(second),
                                 _mm_extract_epi64(second, 1)};
      for (long at = 0; at < 4; at++) std::memcpy(out + at * step, fours + at, sizeof(long long));
    } else {
      const int fours[] = {_mm_cvtsi128_si32(low), _mm_extract_epi32(low, 1), _mm_extract_epi32(low, 2),
                           _mm_extract_epi32(low, 3)};
      for (long at = 0; at < 4; at++) std::memcpy(out + at * step, fours + at, sizeof(int));
    }
  }
  const float factor = most / kMostOf<Both> + _mm512_reduce_add_ps(broken);
  *sum = factor * static_cast<float>(_mm512_reduce_add_epi32(total));
  return factor;
}

// Blocks of sixteen columns that are multiplied at a time, so that a register with an activation is read twice.
constexpr int kBlocks = 2;
// Rows that are multiplied side by side then: as many as the registers have room for.
template <bool Both>
constexpr int kRowsBeside = Both ? 4 : 8;

// Of one row: sums of products of the upper and of the lower bytes, sixteen columns in each register.
template <int Blocks>
struct SplitSums {
  __m512i upper[Blocks], lower[Blocks];
};

template <int Blocks>
TETHER_INLINE void add_products(__m512i (&sums)[Blocks], const __m512i (&weights)[Blocks], const int8_t* x) {
  __m512i four = _mm512_set1_epi32(load_as<int>(x));
  asm("" : "+v"(four));  // reads it once
#pragma GCC unroll 2
  for (int block = 0; block < Blocks; block++) {
    sums[block] = _mm512_dpbusd_epi32(sums[block], weights[block], four);
    asm("" : "+v"(sums[block]));  // keeps it in a register
  }
}

// Four numbers of each column, those from bit `Shift` of each byte on, times those of the rows at x.
template <int Shift, bool Masked, bool Both, int Rows, int Blocks>
TETHER_INLINE void add_fours(SplitSums<Blocks> (&sums)[Rows], const __m512i (&loaded)[Blocks], const int8_t* x) {
  constexpr long kFour = 4 * kBytesOf<Both>;
  __m512i weights[Blocks];
#pragma GCC unroll 2
  for (int block = 0; block < Blocks; block++) {
    const __m512i shifted = Shift ? _mm512_srli_epi16(loaded[block], Shift) : loaded[block];
    weights[block] = Masked ? _mm512_and_si512(shifted, _mm512_set1_epi8(15)) : shifted;
  }
#pragma GCC unroll 8
  for (int j = 0; j < Rows; j++) {
    add_products<Blocks>(sums[j].upper, weights, x + j * kFour);
    if constexpr (Both) add_products<Blocks>(sums[j].lower, weights, x + j * kFour + 4);
  }
}

// The sums of one group. step: bytes from four numbers of a row to its next four. apart: bytes from a block to the
// next. Adds nothing up beyond 32 bits: 127 * 255 * 128 * 256 fits.
template <unsigned Bits, bool Both, int Rows, int Blocks>
TETHER_INLINE void sum_group(SplitSums<Blocks> (&sums)[Rows], const uint8_t* in, long apart, const int8_t* x, long step,
                             long size) {
  for (long i = 0; i < size; i += 32 / long{Bits}, in += sizeof(__m512i)) {
    __m512i loaded[Blocks];
#pragma GCC unroll 2
    for (int block = 0; block < Blocks; block++) {
      loaded[block] = load_as<__m512i>(in + block * apart);
      __builtin_prefetch(in + block * apart + kAhead);
    }
    add_fours<0, Bits == 4, Both>(sums, loaded, x);
    x += step;
    if constexpr (Bits == 4) {
      add_fours<4, true, Both>(sums, loaded, x);
      x += step;
    }
  }
}

// `Rows` of the `Together` rows of x that lie side by side, from `row` + `Begin` on, times `Blocks` of kInterleaved
// rows of the matrix. Each result is the same for any number of rows.
template <unsigned Bits, bool Both, int Together, int Begin, int Rows, int Blocks>
TETHER_INLINE void some_rows(int row, const RoundedRows& x, const MatrixView& w, long column, float* y, long ldy) {
  constexpr long kFour = 4 * kBytesOf<Both>;
  const long size = w.quantization.group_size;
  const long groups = w.width / size;
  const auto* in = static_cast<const uint8_t*>(w.numbers) + column * w.row_bytes;
  const auto* scales = static_cast<const float*>(w.scales) + column * groups;
  const auto* biases = w.biases + column * groups;
  const auto* numbers = static_cast<const int8_t*>(x.numbers) + row * w.width * kBytesOf<Both> + Begin * kFour;
  const float* factors = x.factors + (row + Begin) * x.stride;
  const float* sums_of_x = x.sums + (row + Begin) * x.stride;
  __m512 totals[Rows][Blocks];
  for (auto& each : totals)
    for (auto& total : each) total = _mm512_setzero_ps();
  for (long group = 0; group < groups; group++) {
    SplitSums<Blocks> sums[Rows];
#pragma GCC unroll 8
    for (int j = 0; j < Rows; j++)
#pragma GCC unroll 2
      for (int block = 0; block < Blocks; block++) sums[j].upper[block] = sums[j].lower[block] = _mm512_setzero_si512();
    sum_group<Bits, Both>(sums, in, kInterleaved * w.row_bytes, numbers, Together * kFour, size);
    in += size * kInterleaved * Bits / 8;
    numbers += size * Together * kBytesOf<Both>;
#pragma GCC unroll 2
    for (int block = 0; block < Blocks; block++) {
      const long at = (block * groups + group) * kInterleaved;
      __builtin_prefetch(scales + at + kGroupsAhead * kInterleaved);
      __builtin_prefetch(biases + at + kGroupsAhead * kInterleaved);
      const __m512 scale = _mm512_loadu_ps(scales + at);
      const __m512 bias = _mm512_loadu_ps(biases + at);
#pragma GCC unroll 8
      for (int j = 0; j < Rows; j++) {
        const __m512i upper = sums[j].upper[block];
        const __m512i sum = Both ? _mm512_add_epi32(_mm512_slli_epi32(upper, 8), sums[j].lower[block]) : upper;
        const __m512 factor = _mm512_mul_ps(scale, _mm512_set1_ps(factors[j * x.stride + group]));
        __m512& total = totals[j][block];
        total = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), factor, total);
        total = _mm512_fmadd_ps(bias, _mm512_set1_ps(sums_of_x[j * x.stride + group]), total);
      }
    }
  }
  for (int j = 0; j < Rows; j++)
    for (int block = 0; block < Blocks; block++)
      _mm512_storeu_ps(y + (row + Begin + j) * ldy + column + block * kInterleaved, totals[j][block]);
}

// NOLINTEND(modernize-avoid-c-arrays)

}  // namespace tether::TETHER_CPU
