// Products with an affine matrix whose rows are interleaved (cpu/ops/interleave.h), with instructions that sum products
// of integers. Included by kernels.cpp alone.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"
#include "cpu/kernels/formats.h"
#include "cpu/kernels/lanes.h"
#include "cpu/kernels/products.h"
#if defined(__AVX512VNNI__)
#include "cpu/kernels/interleaved_bytes.h"
#elif defined(__AVX2__) && !defined(__AVX512F__)
#include "cpu/kernels/interleaved_pairs.h"
#else
#define TETHER_NO_INTERLEAVED
#endif

namespace tether::TETHER_CPU {

// NOLINTBEGIN(modernize-avoid-c-arrays): std::array would drop the vector types' attribute

// One row at a time, for embeddings.
inline void expand_interleaved(const MatrixView& w, long row, long begin, long count, float* out) {
  const long size = w.quantization.group_size;
  const long first = row / kInterleaved * kInterleaved;
  const long lane = row - first;
  const auto* words = static_cast<const uint8_t*>(w.numbers) + first * w.row_bytes + lane * long{sizeof(uint32_t)};
  const auto* scales = static_cast<const float*>(w.scales) + first * (w.width / size) + lane;
  const auto* biases = w.biases + first * (w.width / size) + lane;
  const bool four = w.quantization.bits == 4;
  for (long i = begin; i < begin + count; i++) {
    const long group = i / size * kInterleaved;
    const long at = i % 4 + (four ? i / 8 : i / 4) * kInterleaved * long{sizeof(uint32_t)};
    const uint32_t byte = words[at];
    const uint32_t number = four ? byte >> static_cast<uint32_t>(i % 8 / 4 * 4) & 15U : byte;
    *out++ = static_cast<float>(number) * scales[group] + biases[group];
  }
}

inline void expand_any(const MatrixView& w, long row, long begin, long count, float* out) {
  auto numbers_of = w.interleaved ? expand_interleaved : expand;
  numbers_of(w, row, begin, count, out);
}

#ifndef TETHER_NO_INTERLEAVED

// Rows lie side by side in groups of RoundedRows::kTogether, and fewer at the end.
template <class Work>
TETHER_INLINE void rows_together(int m, Work work) {
  for (int row = 0; row < m; row += RoundedRows::kTogether)
    call_with<RoundedRows::kTogether>(m - row < RoundedRows::kTogether ? m - row : RoundedRows::kTogether, row, work);
}

template <bool Both>
void split_rows(int m, const float* x, long ldx, const MatrixView& w, const RoundedRows& out) {
  const long size = w.quantization.group_size;
  rows_together(m, [&]<int Rows>(Count<Rows>, int first) {
    constexpr long kFour = 4 * kBytesOf<Both>;
    auto* numbers = static_cast<int8_t*>(out.numbers) + first * w.width * kBytesOf<Both>;
    for (int j = 0; j < Rows; j++) {
      const long at = (first + j) * out.stride;
      for (long group = 0; group * size < w.width; group++) {
        int8_t* to = numbers + (group * size / 4 * Rows + j) * kFour;
        out.factors[at + group] =
            split_group<Both>(x + (first + j) * ldx + group * size, size, to, Rows * kFour, out.sums + at + group);
      }
    }
  });
}

// All rows times `Blocks` of kInterleaved columns.
template <unsigned Bits, bool Both, int Blocks>
TETHER_INLINE void multiply_blocks(int m, const RoundedRows& x, const MatrixView& w, long column, float* y, long ldy) {
  constexpr int kBeside = kRowsBeside<Both>;
  static_assert(RoundedRows::kTogether <= 2 * kBeside);
  rows_together(m, [&]<int Rows>(Count<Rows>, int row) {
    constexpr int kFirst = Rows < kBeside ? Rows : kBeside;
    some_rows<Bits, Both, Rows, 0, kFirst, Blocks>(row, x, w, column, y, ldy);
    if constexpr (Rows > kFirst) some_rows<Bits, Both, Rows, kFirst, Rows - kFirst, Blocks>(row, x, w, column, y, ldy);
  });
}

template <unsigned Bits, bool Both>
void multiply_split(int m, const RoundedRows& x, const MatrixView& w, long begin, long end, float* y, long ldy) {
  long column = begin;
  // Few rows wait for memory, which is read fastest from its beginning to its end.
  if (m > kRowsBeside<Both>)
    for (; column + kBlocks * kInterleaved <= end; column += kBlocks * kInterleaved)
      multiply_blocks<Bits, Both, kBlocks>(m, x, w, column, y, ldy);
  for (; column < end; column += kInterleaved) multiply_blocks<Bits, Both, 1>(m, x, w, column, y, ldy);
}

inline void split(Activations to, int m, const float* x, long ldx, const MatrixView& w, const RoundedRows& out) {
  auto rows = to == Activations::int8 ? split_rows<false> : split_rows<true>;
  rows(m, x, ldx, w, out);
}

inline void interleaved(Activations of, int m, const RoundedRows& x, const MatrixView& w, long begin, long end,
                        float* y, long ldy) {
  const bool four = w.quantization.bits == 4;
  auto multiply = of == Activations::int8 ? (four ? multiply_split<4, false> : multiply_split<8, false>)
                                          : (four ? multiply_split<4, true> : multiply_split<8, true>);
  multiply(m, x, w, begin, end, y, ldy);
}

inline long split_bytes(Activations of) { return of == Activations::int8 ? kBytesOf<false> : kBytesOf<true>; }

constexpr auto* kSplit = split;
constexpr auto* kSplitBytes = split_bytes;
constexpr auto* kProduct = interleaved;
#else
constexpr decltype(Kernels::split) kSplit = nullptr;
constexpr decltype(Kernels::split_bytes) kSplitBytes = nullptr;
constexpr decltype(Kernels::interleaved) kProduct = nullptr;
#endif

// NOLINTEND(modernize-avoid-c-arrays)

}  // namespace tether::TETHER_CPU
