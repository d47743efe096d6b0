// Float16: numbers of 16 bits, 11 of them significant, up to 65504. Included by kernels.cpp alone.
#pragma once

#ifdef __aarch64__
#include <arm_neon.h>
#endif

#include <cstdint>
#include <cstring>

#include "cpu/kernels/lanes.h"

namespace tether::TETHER_CPU {

// NOLINTBEGIN(modernize-avoid-c-arrays): std::array would drop the vector types' attribute

struct Half {
  uint16_t bits;
};

// A multiplication moves the exponent, which is right for subnormals too; infinity and NaN are handled separately.
TETHER_INLINE Floats from_halves(Shorts halves) {
#if defined(__AVX512F__)
  return as<Floats>(_mm512_cvtph_ps(as<__m256i>(halves)));
#elif defined(__AVX2__)
  return as<Floats>(_mm256_cvtph_ps(as<__m128i>(halves)));
#elif defined(__aarch64__)
  return as<Floats>(vcvt_f32_f16(as<float16x4_t>(halves)));
#else
  Words bits = widen(halves);
  Floats moved = as<Floats>((bits & 0x7fffU) << 13U) * 0x1p112F;
  Words special = as<Words>((bits & 0x7c00U) == 0x7c00U) & 0x7f800000U;
  return as<Floats>(as<Words>(moved) | special | (bits & 0x8000U) << 16U);
#endif
}

TETHER_INLINE Floats load(const Half* from) { return from_halves(load_as<Shorts>(from)); }

TETHER_INLINE float number(Half from) { return from_halves(Shorts{} + from.bits)[0]; }

#if !defined(__AVX2__) && !defined(__aarch64__)
// Of numbers that are at most 65504, infinite or NaN.
TETHER_INLINE Shorts rounded_halves(Floats lanes) {
  Words bits = as<Words>(lanes);
  Words magnitude = bits & 0x7fffffffU;
  Words even = (magnitude + 0xfffU + (magnitude >> 13U & 1U)) >> 13U;
  Words half = even - (112U << 10U);
  // Adding a half leaves the nearest multiple of the smallest subnormal in the low bits.
  Words small = as<Words>(as<Floats>(magnitude) + 0.5F) - 0x3f000000U;
  half = magnitude < 0x38800000U ? small : half;
  Words special = magnitude > 0x7f800000U ? Words{} + 0x7e00U : Words{} + 0x7c00U;
  half = magnitude >= 0x7f800000U ? special : half;
  return __builtin_convertvector(half | (bits >> 16U & 0x8000U), Shorts);
}
#endif

// The nearest ones, of two as near the even one. What is too large becomes the largest; infinity and NaN stay.
TETHER_INLINE Shorts to_halves(Floats lanes) {
  constexpr float kMost = 65504.0F;
  Floats limited = lanes > kMost ? Floats{} + kMost : lanes;
  limited = limited < -kMost ? Floats{} - kMost : limited;
  Words magnitude = as<Words>(lanes) & 0x7fffffffU;
  limited = magnitude == 0x7f800000U ? lanes : limited;
#if defined(__AVX512F__)
  return as<Shorts>(_mm512_cvtps_ph(as<__m512>(limited), _MM_FROUND_TO_NEAREST_INT));
#elif defined(__AVX2__)
  return as<Shorts>(_mm256_cvtps_ph(as<__m256>(limited), _MM_FROUND_TO_NEAREST_INT));
#elif defined(__aarch64__)
  return as<Shorts>(vcvt_f16_f32(as<float32x4_t>(limited)));
#else
  return rounded_halves(limited);
#endif
}

inline void round_halves(const float* x, uint16_t* out, long count) {
  long i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Shorts halves = to_halves(load(x + i));
    std::memcpy(out + i, &halves, sizeof halves);
  }
  if (i == count) return;
  Shorts last = to_halves(load_some(x + i, count - i));
  std::memcpy(out + i, &last, static_cast<size_t>(count - i) * sizeof(Half));
}

// NOLINTEND(modernize-avoid-c-arrays)

}  // namespace tether::TETHER_CPU
