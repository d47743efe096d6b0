// Vectors as wide as the processor's registers: loads, stores, conversions. Included by kernels.cpp alone.
#pragma once

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <cstdint>
#include <cstring>

namespace tether::TETHER_CPU {

// NOLINTBEGIN(modernize-avoid-c-arrays): std::array would drop the vector types' attribute

#if defined(__AVX512F__)
constexpr long kLanes = 16;
constexpr int kSums = 16;  // sums of a product that are computed at a time
#elif defined(__AVX2__)
constexpr long kLanes = 8;
constexpr int kSums = 8;
#elif defined(__aarch64__)
constexpr long kLanes = 4;
constexpr int kSums = 16;
#else
constexpr long kLanes = 4;
constexpr int kSums = 8;
#endif

template <class Number, long Count = kLanes>
struct VectorOf {
  using Type [[gnu::vector_size(Count * sizeof(Number))]] = Number;
};
using Floats = VectorOf<float>::Type;
using Words = VectorOf<uint32_t>::Type;
using Integers = VectorOf<int32_t>::Type;
using Shorts = VectorOf<uint16_t>::Type;

#define TETHER_INLINE [[gnu::always_inline]] inline

// The same bits as another type.
template <class To, class From>
TETHER_INLINE To as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

template <class Vector>
TETHER_INLINE Vector load_as(const void* from) {
  Vector lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

TETHER_INLINE Floats load(const float* from) { return load_as<Floats>(from); }

// As many bytes or 16-bit numbers as there are lanes. Compilers do not use these instructions by themselves.
TETHER_INLINE Words widen(const uint8_t* from) {
#if defined(__AVX512F__)
  return as<Words>(_mm512_cvtepu8_epi32(load_as<__m128i>(from)));
#elif defined(__AVX2__)
  return as<Words>(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(load_as<long long>(from))));
#else
  return __builtin_convertvector(load_as<VectorOf<uint8_t>::Type>(from), Words);
#endif
}

TETHER_INLINE Words widen(Shorts numbers) {
#if defined(__AVX512F__)
  return as<Words>(_mm512_cvtepu16_epi32(as<__m256i>(numbers)));
#elif defined(__AVX2__)
  return as<Words>(_mm256_cvtepu16_epi32(as<__m128i>(numbers)));
#else
  return __builtin_convertvector(numbers, Words);
#endif
}

// bfloat16 is the upper half of a float.
TETHER_INLINE Floats from_bfloats(Shorts numbers) { return as<Floats>(widen(numbers) << 16U); }

TETHER_INLINE Floats load(const uint16_t* from) { return from_bfloats(load_as<Shorts>(from)); }

TETHER_INLINE void store(float* to, Floats lanes) { std::memcpy(to, &lanes, sizeof lanes); }

// The first `count` numbers, the rest 0.
TETHER_INLINE Floats load_some(const float* from, long count) {
  Floats lanes = {};
  std::memcpy(&lanes, from, static_cast<size_t>(count) * sizeof(float));
  return lanes;
}

// The same for any count: 0 or less gives zeros, more than there are lanes a full vector.
TETHER_INLINE Floats load_up_to(const float* from, long count) {
#if defined(__AVX512F__)
  const unsigned most = count < 0 ? 0U : static_cast<unsigned>(count < kLanes ? count : kLanes);
  const unsigned mask = (1U << most) - 1;
  return as<Floats>(_mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), from));
#elif defined(__AVX2__)
  const auto most = static_cast<int>(count < kLanes ? count : kLanes);
  auto mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(most), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  return as<Floats>(_mm256_maskload_ps(from, mask));
#else
  if (count >= kLanes) return load(from);
  Floats lanes = {};
  for (long i = 0; i < count; i++) lanes[i] = from[i];
  return lanes;
#endif
}

TETHER_INLINE void store_some(float* to, Floats lanes, long count) {
  std::memcpy(to, &lanes, static_cast<size_t>(count) * sizeof(float));
}

TETHER_INLINE float number(float from) { return from; }
TETHER_INLINE float number(uint16_t from) { return as<float>(static_cast<uint32_t>(from) << 16U); }

TETHER_INLINE float sum_of(VectorOf<float, 4>::Type lanes) { return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]); }

#ifdef __AVX2__
TETHER_INLINE float sum_of(VectorOf<float, 8>::Type lanes) {
  auto eight = as<__m256>(lanes);
  return sum_of(
      as<VectorOf<float, 4>::Type>(_mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1))));
}
#endif

#ifdef __AVX512F__
TETHER_INLINE float sum_of(Floats lanes) {
  auto sixteen = as<__m512>(lanes);
  return sum_of(
      as<VectorOf<float, 8>::Type>(_mm256_add_ps(_mm512_castps512_ps256(sixteen), _mm512_extractf32x8_ps(sixteen, 1))));
}
#endif

// NOLINTEND(modernize-avoid-c-arrays)

}  // namespace tether::TETHER_CPU
