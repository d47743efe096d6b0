// Activations as integers, and their products with a quantized matrix's numbers, 32 at a time. Included by kernels.cpp
// alone.
#pragma once

#include <cstdint>
#include <cstring>

#include "cpu/kernels/lanes.h"

namespace tether::TETHER_CPU {

// NOLINTBEGIN(modernize-avoid-c-arrays): std::array would drop the vector types' attribute

// Every group size is a multiple of this.
constexpr long kStride = 32;

// Rounded<Number, Bits> multiplies 32 activations, rounded to int16_t or int8_t, by 32 numbers of Bits bits:
// - from(i): which of 32 activations belongs at i, in the order in which unpacking leaves the numbers.
// - A number of the matrix is kShift plus what load() gives.
// - add() adds products to sums; in_words() makes 32-bit sums of them, after at most 128 numbers.
template <class Number, unsigned Bits>
struct Rounded;

#ifdef __AVX2__
using Sums = VectorOf<int32_t, 8>::Type;

TETHER_INLINE __m128i half(const uint8_t* in) { return load_as<__m128i>(in); }

TETHER_INLINE __m256i pairs_of(__m256i bytes) { return _mm256_madd_epi16(bytes, _mm256_set1_epi16(1)); }

#ifdef __AVX512F__
// Four 32-bit words of eight numbers, four times in a register. A shift brings two numbers of each word into its
// halves.
template <>
struct Rounded<int16_t, 4> {
  static constexpr int kShift = 0;
  using Sum = __m512i;
  using Loaded = __m512i;

  static constexpr long from(long i) { return i % 8 / 2 * 8 + i / 8 + i % 2 * 4; }
  TETHER_INLINE static Loaded load(const uint8_t* in) {
    const __m512i shifts = _mm512_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12);
    return _mm512_and_si512(_mm512_srlv_epi32(_mm512_broadcast_i32x4(half(in)), shifts), _mm512_set1_epi32(0x000f000f));
  }
  TETHER_INLINE static Sum add(Sum sum, Loaded numbers, const int16_t* x) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(numbers, load_as<__m512i>(x)));
  }
  TETHER_INLINE static Integers in_words(Sum sum) { return as<Integers>(sum); }
};

template <>
struct Rounded<int16_t, 8> : Rounded<int16_t, 4> {
  static constexpr long from(long i) { return i; }
  TETHER_INLINE static Loaded load(const uint8_t* in) { return _mm512_cvtepu8_epi16(load_as<__m256i>(in)); }
};
#else
// Four 32-bit words of eight numbers, in both halves of a register. A shift brings two numbers of each word into its
// halves, the next two in the other half.
template <>
struct Rounded<int16_t, 4> {
  static constexpr int kShift = 0;
  using Sum = __m256i;
  struct Loaded {
    __m256i low, high;
  };

  static constexpr long from(long i) { return i % 8 / 2 * 8 + i / 8 + i % 2 * 4; }
  TETHER_INLINE static Loaded load(const uint8_t* in) {
    const __m256i mask = _mm256_set1_epi32(0x000f000f);
    auto twice = _mm256_broadcastsi128_si256(half(in));
    auto part = [&](__m256i shifts) { return _mm256_and_si256(_mm256_srlv_epi32(twice, shifts), mask); };
    return {part(_mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4)), part(_mm256_setr_epi32(8, 8, 8, 8, 12, 12, 12, 12))};
  }
  TETHER_INLINE static Sum add(Sum sum, Loaded numbers, const int16_t* x) {
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(numbers.low, load_as<__m256i>(x)));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(numbers.high, load_as<__m256i>(x + 16)));
  }
  TETHER_INLINE static Sums in_words(Sum sum) { return as<Sums>(sum); }
};

template <>
struct Rounded<int16_t, 8> : Rounded<int16_t, 4> {
  static constexpr long from(long i) { return i; }
  TETHER_INLINE static Loaded load(const uint8_t* in) {
    return {_mm256_cvtepu8_epi16(half(in)), _mm256_cvtepu8_epi16(half(in + 16))};
  }
};
#endif

// 16 bytes of two numbers, in both halves of a register: the lower numbers in one, the upper in the other. Sums of two
// products of at most 15 * 127; 8 of them fit into 16 bits.
template <>
struct Rounded<int8_t, 4> {
  static constexpr int kShift = 0;
  using Sum = __m256i;
  using Loaded = __m256i;

  static constexpr long from(long i) { return i % 16 * 2 + i / 16; }
  TETHER_INLINE static Loaded load(const uint8_t* in) {
    const __m256i shifts = _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4);
    return _mm256_and_si256(_mm256_srlv_epi32(_mm256_broadcastsi128_si256(half(in)), shifts), _mm256_set1_epi8(15));
  }
  TETHER_INLINE static Sum add(Sum sum, Loaded numbers, const int8_t* x) {
    return _mm256_add_epi16(sum, _mm256_maddubs_epi16(numbers, load_as<__m256i>(x)));
  }
  TETHER_INLINE static Sums in_words(Sum sum) { return as<Sums>(pairs_of(sum)); }
};

// The instruction wants one factor without a sign, and two products of 255 * 127 do not fit into 16 bits.
template <>
struct Rounded<int8_t, 8> {
  static constexpr int kShift = 128;
  using Sum = __m256i;
  using Loaded = __m256i;

  static constexpr long from(long i) { return i; }
  TETHER_INLINE static Loaded load(const uint8_t* in) {
    return _mm256_xor_si256(load_as<__m256i>(in), _mm256_set1_epi8(-128));
  }
  TETHER_INLINE static Sum add(Sum sum, Loaded numbers, const int8_t* x) {
    auto signed_x = _mm256_sign_epi8(load_as<__m256i>(x), numbers);
    return _mm256_add_epi32(sum, pairs_of(_mm256_maddubs_epi16(_mm256_abs_epi8(numbers), signed_x)));
  }
  TETHER_INLINE static Sums in_words(Sum sum) { return as<Sums>(sum); }
};

#else
using Sums = VectorOf<int32_t, 4>::Type;

// Loops that compilers turn into the processor's own products of integers.
template <class Number, unsigned Bits>
struct Rounded {
  static constexpr int kShift = Bits == 8 && sizeof(Number) == 1 ? 128 : 0;
  using Sum = int32_t;
  struct Loaded {
    Number numbers[kStride];
  };

  static constexpr long from(long i) { return Bits == 8 ? i : i % 16 * 2 + i / 16; }
  TETHER_INLINE static Loaded load(const uint8_t* in) {
    Loaded loaded;
    constexpr long kHalf = kStride / 2;
    if constexpr (Bits == 8)
      for (long i = 0; i < kStride; i++) loaded.numbers[i] = static_cast<Number>(in[i] - kShift);
    else
      for (long i = 0; i < kHalf; i++) {
        loaded.numbers[i] = static_cast<Number>(in[i] & 15U);
        loaded.numbers[i + kHalf] = static_cast<Number>(in[i] >> 4U);
      }
    return loaded;
  }
  TETHER_INLINE static Sum add(Sum sum, const Loaded& loaded, const Number* x) {
    for (long i = 0; i < kStride; i++) sum += int32_t{x[i]} * loaded.numbers[i];
    return sum;
  }
  TETHER_INLINE static Sums in_words(Sum sum) { return Sums{sum}; }
};
#endif

// NOLINTEND(modernize-avoid-c-arrays)

}  // namespace tether::TETHER_CPU
