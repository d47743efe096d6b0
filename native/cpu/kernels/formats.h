// Unpacks the numbers of every stored format to floats. Included by kernels.cpp alone.
#pragma once

#include <cstdint>
#include <cstring>

#include "cpu/kernels.h"
#include "cpu/kernels/halves.h"
#include "cpu/kernels/lanes.h"

namespace tether::TETHER_CPU {

// NOLINTBEGIN(modernize-avoid-c-arrays): std::array would drop the vector types' attribute

TETHER_INLINE Floats to_floats(Words words) { return __builtin_convertvector(as<Integers>(words), Floats); }

// E2M1: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives.
TETHER_INLINE Floats from_float4(Words bits) {
  Words magnitude = bits & 7U;
  Words small = (magnitude & 1U) * 0x3f000000U;
  Words word = magnitude < 2U ? small : (magnitude << 22U) + (126U << 23U);
  return as<Floats>(word | (bits & 8U) << 28U);
}

// E4M3, which has no infinity.
TETHER_INLINE Floats from_float8(Words bits) {
  Words magnitude = bits & 127U;
  Words small = as<Words>(to_floats(magnitude) * 0x1p-9F);
  Words word = magnitude < 8U ? small : (magnitude << 20U) + (120U << 23U);
  word = magnitude == 127U ? Words{} + 0x7fc00000U : word;
  return as<Floats>(word | (bits & 128U) << 24U);
}

inline float scale_from_float8(uint8_t bits) { return from_float8(Words{} + bits)[0]; }

// E8M0: a power of two; the smallest is a subnormal float.
inline float scale_from_exponent(uint8_t bits) {
  uint32_t word = bits == 255 ? 0x7fc00000U : static_cast<uint32_t>(bits) << 23U;
  return as<float>(bits == 0 ? 0x00400000U : word);
}

// Each lane gets the bytes of the group of eight numbers that its own number belongs to.
template <unsigned Bits>
TETHER_INLINE Words broadcast_eights(const uint8_t* in) {
  uint32_t first = 0;
  std::memcpy(&first, in, Bits);
#ifdef __AVX512F__
  uint32_t second = 0;
  std::memcpy(&second, in + Bits, Bits);
  return as<Words>(
      _mm512_mask_set1_epi32(_mm512_set1_epi32(static_cast<int>(first)), 0xff00, static_cast<int>(second)));
#else
  return Words{} + first;
#endif
}

// `Bytes` bytes, combined in registers: combining them in memory would stall on store forwarding.
template <unsigned Bytes>
TETHER_INLINE uint64_t eight_of(const uint8_t* in) {
  if constexpr (Bytes == 3) return load_as<uint16_t>(in) | static_cast<uint64_t>(in[2]) << 16U;
  if constexpr (Bytes == 5) return load_as<uint32_t>(in) | static_cast<uint64_t>(in[4]) << 32U;
  if constexpr (Bytes == 6) return load_as<uint32_t>(in) | static_cast<uint64_t>(load_as<uint16_t>(in + 4)) << 32U;
}

// Numbers of 3, 5 and 6 bits, which cross word boundaries.
template <unsigned Bits>
TETHER_INLINE Words unpack_odd(const uint8_t* in) {
  uint64_t first = eight_of<Bits>(in);
  constexpr uint64_t kMask = (uint64_t{1} << Bits) - 1;
#if defined(__AVX512F__)
  uint64_t second = eight_of<Bits>(in + Bits);
  constexpr long long kBits = Bits;
  const __m512i shift = _mm512_set_epi64(7 * kBits, 6 * kBits, 5 * kBits, 4 * kBits, 3 * kBits, 2 * kBits, kBits, 0);
  auto eight = [&](uint64_t bits) {
    auto wide = _mm512_srlv_epi64(_mm512_set1_epi64(static_cast<long long>(bits)), shift);
    return _mm512_cvtepi64_epi32(_mm512_and_si512(wide, _mm512_set1_epi64(kMask)));
  };
  return as<Words>(_mm512_inserti64x4(_mm512_castsi256_si512(eight(first)), eight(second), 1));
#elif defined(__AVX2__)
  constexpr long long kBits = Bits;
  auto all = _mm256_set1_epi64x(static_cast<long long>(first));
  auto low = _mm256_srlv_epi64(all, _mm256_set_epi64x(5 * kBits, 4 * kBits, kBits, 0));
  auto high = _mm256_srlv_epi64(all, _mm256_set_epi64x(7 * kBits, 6 * kBits, 3 * kBits, 2 * kBits));
  constexpr int kLowerHalves = 0x88;
  auto numbers = as<Words>(_mm256_shuffle_ps(as<__m256>(low), as<__m256>(high), kLowerHalves));
  return numbers & static_cast<uint32_t>(kMask);
#else
  Words numbers;
  for (unsigned i = 0; i < kLanes; i++) numbers[i] = static_cast<uint32_t>(first >> (Bits * i) & kMask);
  return numbers;
#endif
}

// As many numbers as there are lanes. Eight numbers are `Bits` bytes, the first in the lowest bits.
template <unsigned Bits>
TETHER_INLINE Words unpack(const uint8_t* in) {
  Words numbers;
  if constexpr (Bits == 8) {
    numbers = widen(in);
  } else if constexpr (kLanes == 4) {
    // Half of a group of eight.
    uint64_t word = 0;
    std::memcpy(&word, in, Bits);
    for (unsigned i = 0; i < kLanes; i++) numbers[i] = static_cast<uint32_t>(word >> (Bits * i)) & ((1U << Bits) - 1);
  } else if constexpr (Bits == 2 || Bits == 4) {
    Words shift;
    for (unsigned i = 0; i < kLanes; i++) shift[i] = Bits * (i % 8);
    numbers = broadcast_eights<Bits>(in) >> shift & ((1U << Bits) - 1);
  } else {
    numbers = unpack_odd<Bits>(in);
  }
  return numbers;
}

// Every group size is a multiple of this.
constexpr long kStep = 16;

// out[i] = decode(number, scale_of(index of its group))
template <unsigned Bits, class Scale, class Decode>
TETHER_INLINE void expand_groups(const MatrixView& w, long row, long begin, long count, float* out, Scale scale_of,
                                 Decode decode) {
  const auto* in = static_cast<const uint8_t*>(w.numbers) + row * w.row_bytes + begin * Bits / 8;
  // A local copy: the compiler must assume that `out` overlaps w.
  const long size = w.quantization.group_size;
  long group = (row * w.width + begin) / size;
  for (long at = 0; at < count; at += size, group++) {
    auto scale = scale_of(group);
    for (long step = 0; step < size; step += kStep, in += kStep * Bits / 8, out += kStep)
      for (long i = 0; i < kStep; i += kLanes) {
        // Four lanes of a group of eight begin in the middle of a byte where numbers have 3 or 5 bits.
        if constexpr (kLanes == 4 && Bits != 8) {
          uint64_t word = 0;
          std::memcpy(&word, in + i / 8 * Bits, Bits);
          word >>= Bits * static_cast<unsigned>(i % 8);
          store(out + i, decode(unpack<Bits>(reinterpret_cast<const uint8_t*>(&word)), scale));
        } else {
          store(out + i, decode(unpack<Bits>(in + i * Bits / 8), scale));
        }
      }
  }
}

struct Affine {
  float scale;
  float bias;
};

template <unsigned Bits>
void expand_affine(const MatrixView& w, long row, long begin, long count, float* out) {
  expand_groups<Bits>(
      w, row, begin, count, out,
      [&w](long group) { return Affine{static_cast<const float*>(w.scales)[group], w.biases[group]}; },
      [](Words numbers, Affine of) { return to_floats(numbers) * of.scale + of.bias; });
}

template <class Number>
void expand_floats(const Number* in, long count, float* out) {
  long i = 0;
  for (; i + kLanes <= count; i += kLanes) store(out + i, load(in + i));
  for (; i < count; i++) out[i] = number(in[i]);
}

inline void expand(const MatrixView& w, long row, long begin, long count, float* out) {
  auto scale_of = [&w](float (*decode)(uint8_t)) {
    return [&w, decode](long group) { return decode(static_cast<const uint8_t*>(w.scales)[group]); };
  };
  auto float4 = [](Words numbers, float scale) { return from_float4(numbers) * scale; };
  auto float8 = [](Words numbers, float scale) { return from_float8(numbers) * scale; };
  switch (w.quantization.mode) {
    case QuantMode::none:
      if (w.type == FloatType::bf16)
        return expand_floats(static_cast<const uint16_t*>(w.numbers) + row * w.width + begin, count, out);
      if (w.type == FloatType::f16)
        return expand_floats(static_cast<const Half*>(w.numbers) + row * w.width + begin, count, out);
      std::memcpy(out, static_cast<const float*>(w.numbers) + row * w.width + begin,
                  static_cast<size_t>(count) * sizeof(float));
      return;
    case QuantMode::mxfp4:
      return expand_groups<4>(w, row, begin, count, out, scale_of(scale_from_exponent), float4);
    case QuantMode::mxfp8:
      return expand_groups<8>(w, row, begin, count, out, scale_of(scale_from_exponent), float8);
    case QuantMode::nvfp4:
      return expand_groups<4>(w, row, begin, count, out, scale_of(scale_from_float8), float4);
    case QuantMode::affine:
      switch (w.quantization.bits) {
        case 2:
          return expand_affine<2>(w, row, begin, count, out);
        case 3:
          return expand_affine<3>(w, row, begin, count, out);
        case 4:
          return expand_affine<4>(w, row, begin, count, out);
        case 5:
          return expand_affine<5>(w, row, begin, count, out);
        case 6:
          return expand_affine<6>(w, row, begin, count, out);
        default:
          return expand_affine<8>(w, row, begin, count, out);
      }
  }
}

// NOLINTEND(modernize-avoid-c-arrays)

}  // namespace tether::TETHER_CPU
