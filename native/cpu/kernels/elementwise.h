// Gates, norms, rotations and the parts of a softmax. Included by kernels.cpp alone.
#pragma once

#include <cmath>
#include <cstdint>

#include "cpu/kernels.h"
#include "cpu/kernels/halves.h"
#include "cpu/kernels/lanes.h"

namespace tether::TETHER_CPU {

// NOLINTBEGIN(modernize-avoid-c-arrays): std::array would drop the vector types' attribute

// exp as a polynomial on [-ln 2 / 2, ln 2 / 2] times a power of two made from its exponent bits; error below 2 units in
// the last place. 0 below -87, infinity above 88.7; NaN stays NaN.
TETHER_INLINE Floats exp_of(Floats x) {
  constexpr float kRound = 12582912.0F;  // adding it leaves the nearest integer in the low bits
  Floats clamped = x < -87.0F ? Floats{} - 87.0F : x;
  clamped = clamped > 89.0F ? Floats{} + 89.0F : clamped;
  Floats shifted = clamped * 1.44269504F + kRound;
  Floats n = shifted - kRound;
  Floats r = clamped - n * 0.693359375F;
  r = r + n * 2.12194440e-4F;
  Floats p = r * 1.9875691500e-4F + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  // In two factors, since 2^n may be too large for a float.
  Integers power = as<Integers>(as<Words>(shifted) - 0x4b400000U);
  Integers half = power >> 1;
  Floats low = as<Floats>((half + 127) << 23);
  Floats high = as<Floats>((power - half + 127) << 23);
  return x < -87.0F ? Floats{} : p * low * high;
}

TETHER_INLINE Floats sigmoid(Floats x) { return 1.0F / (1.0F + exp_of(-x)); }

// out[i] = of(a[i]), a vector at a time.
template <class Of>
TETHER_INLINE void map(const float* a, float* out, long count, Of of) {
  long i = 0;
  for (; i + kLanes <= count; i += kLanes) store(out + i, of(load(a + i)));
  if (i < count) store_some(out + i, of(load_some(a + i, count - i)), count - i);
}

template <class Of>
TETHER_INLINE void map(const float* a, const float* b, float* out, long count, Of of) {
  long i = 0;
  for (; i + kLanes <= count; i += kLanes) store(out + i, of(load(a + i), load(b + i)));
  if (i < count) store_some(out + i, of(load_some(a + i, count - i), load_some(b + i, count - i)), count - i);
}

inline void gated(Gate gate, const float* a, const float* b, float* out, long count) {
  if (gate == Gate::silu) return map(a, b, out, count, [](Floats x, Floats y) { return x * sigmoid(x) * y; });
  // 0.5 (1 + tanh(z)) is sigmoid(2 z).
  constexpr float kScale = 1.5957691216F;  // 2 sqrt(2 / pi)
  map(a, b, out, count, [](Floats x, Floats y) { return x * sigmoid(x * (kScale + kScale * 0.044715F * x * x)) * y; });
}

inline void rms_norm(const float* x, const float* weight, float* out, long count, float eps) {
  Floats squares[2] = {};
  long i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes)
    for (int part = 0; part < 2; part++) {
      Floats lanes = load(x + i + part * kLanes);
      squares[part] += lanes * lanes;
    }
  float sum = sum_of(squares[0] + squares[1]);
  for (; i < count; i++) sum += x[i] * x[i];
  float factor = 1.0F / std::sqrt(sum / static_cast<float>(count) + eps);
  if (weight)
    map(x, weight, out, count, [factor](Floats a, Floats b) { return a * factor * b; });
  else
    map(x, out, count, [factor](Floats a) { return a * factor; });
}

inline void rotate(const float* x, const Rotation& r, int head_dim, float* out) {
  long half = r.dims / 2;
  if (r.traditional) {
    for (long i = 0; i < half; i++) {
      float first = x[2 * i];
      float second = x[2 * i + 1];
      out[2 * i] = first * r.cos[i] - second * r.sin[i];
      out[2 * i + 1] = first * r.sin[i] + second * r.cos[i];
    }
  } else {
    for (long i = 0; i < half; i++) {
      float first = x[i];
      float second = x[half + i];
      out[i] = first * r.cos[i] - second * r.sin[i];
      out[half + i] = first * r.sin[i] + second * r.cos[i];
    }
  }
  for (int i = r.dims; i < head_dim; i++) out[i] = x[i];
}

template <int... Index>
struct LaneNumbers {};
#if defined(__AVX512F__)
using EachLane = LaneNumbers<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15>;
#elif defined(__AVX2__)
using EachLane = LaneNumbers<0, 1, 2, 3, 4, 5, 6, 7>;
#else
using EachLane = LaneNumbers<0, 1, 2, 3>;
#endif

// Sums and differences of the lanes that are `Step` apart, and of those half as far, down to neighbours.
template <int Step, int... Lane>
TETHER_INLINE Floats butterflies(Floats x, LaneNumbers<Lane...> lanes) {
  Floats signs = {((static_cast<unsigned>(Lane) & static_cast<unsigned>(Step)) != 0 ? -1.0F : 1.0F)...};
  x = __builtin_shufflevector(x, x, static_cast<int>(static_cast<unsigned>(Lane) ^ static_cast<unsigned>(Step))...) +
      signs * x;
  if constexpr (Step > 1) return butterflies<Step / 2>(x, lanes);
  return x;
}

inline void hadamard(float* x, long count, long block, float scale) {
  for (const float* end = x + count; x < end; x += block) {
    for (long step = block / 2; step >= kLanes; step /= 2)
      for (long i = 0; i < block; i += kLanes) {
        if (i / step % 2 == 1) continue;
        Floats a = load(x + i);
        Floats b = load(x + i + step);
        store(x + i, a + b);
        store(x + i + step, a - b);
      }
    for (long i = 0; i < block; i += kLanes) store(x + i, butterflies<kLanes / 2>(load(x + i), EachLane()) * scale);
  }
}

inline void softcap(float* x, long count, float cap) {
  // tanh(z) is 1 - 2 / (1 + exp(2 z)).
  map(x, x, count, [cap](Floats a) { return cap - 2.0F * cap / (1.0F + exp_of(a * (2.0F / cap))); });
}

inline float largest(const float* x, long count) {
  if (count < kLanes) {
    float most = x[0];
    for (long i = 1; i < count; i++) most = x[i] > most ? x[i] : most;
    return most;
  }
  Floats most = load(x);
  for (long i = kLanes; i + kLanes <= count; i += kLanes) {
    Floats lanes = load(x + i);
    most = lanes > most ? lanes : most;
  }
  Floats last = load(x + count - kLanes);
  most = last > most ? last : most;
  float parts[kLanes];
  store(parts, most);
  float one = parts[0];
  for (float part : parts) one = part > one ? part : one;
  return one;
}

inline bool has_nan(const float* x, long count) {
  Integers found = {};
  long i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Floats lanes = load(x + i);
    found |= lanes != lanes;
  }
  Floats last = load_some(x + i, count - i);
  found |= last != last;
  bool any = false;
  for (int lane = 0; lane < kLanes; lane++) any = any || found[lane] != 0;
  return any;
}

template <int... Lane>
TETHER_INLINE Words lane_bits(LaneNumbers<Lane...>) {
  return Words{(1U << static_cast<unsigned>(Lane))...};
}

// -1 in the lanes whose numbers, from x[i] on, have their bit set. i: a multiple of kLanes, which divides a word.
TETHER_INLINE Integers lanes_set(const uint32_t* bits, long i) {
  Words word = Words{} + (bits[i / 32] >> static_cast<unsigned>(i % 32));
  return (word & lane_bits(EachLane())) != 0;
}

inline void mask(const float* x, const uint32_t* bits, float instead, float* out, long count) {
  Floats other = Floats{} + instead;
  long i = 0;
  for (; i + kLanes <= count; i += kLanes) store(out + i, lanes_set(bits, i) ? load(x + i) : other);
  if (i < count) store_some(out + i, lanes_set(bits, i) ? load_some(x + i, count - i) : other, count - i);
}

inline float masked_sum(const float* x, const uint32_t* bits, long count) {
  Floats sums = {};
  long i = 0;
  for (; i + kLanes <= count; i += kLanes) sums += lanes_set(bits, i) ? load(x + i) : Floats{};
  if (i < count) sums += lanes_set(bits, i) ? load_some(x + i, count - i) : Floats{};
  return sum_of(sums);
}

inline float exp_sum(float* x, long count, float shift) {
  Floats sums = {};
  long i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Floats lanes = exp_of(load(x + i) - shift);
    store(x + i, lanes);
    sums += lanes;
  }
  float sum = sum_of(sums);
  if (i < count) {
    store_some(x + i, exp_of(load_some(x + i, count - i) - shift), count - i);
    for (; i < count; i++) sum += x[i];
  }
  return sum;
}

inline void scale(float* x, long count, float factor) {
  map(x, x, count, [factor](Floats a) { return a * factor; });
}

template <int Rows, int Columns, class Value>
TETHER_INLINE void mix_block(long slots, const float* shares, long lds, const Value* values, long ldv, float* out,
                             long ldo) {
  Floats sums[Rows][Columns];
  for (int row = 0; row < Rows; row++)
    for (int column = 0; column < Columns; column++) sums[row][column] = load(out + row * ldo + column * kLanes);
  for (long slot = 0; slot < slots; slot++) {
    Floats parts[Columns];
    for (int column = 0; column < Columns; column++) parts[column] = load(values + slot * ldv + column * kLanes);
    for (int row = 0; row < Rows; row++)
      for (int column = 0; column < Columns; column++) sums[row][column] += shares[row * lds + slot] * parts[column];
  }
  for (int row = 0; row < Rows; row++)
    for (int column = 0; column < Columns; column++) store(out + row * ldo + column * kLanes, sums[row][column]);
}

template <int Rows, class Value>
TETHER_INLINE void mix_rows(long slots, int dim, const float* shares, long lds, const Value* values, long ldv,
                            float* out, long ldo) {
  long i = 0;
  for (; i + 4 * kLanes <= dim; i += 4 * kLanes) mix_block<Rows, 4>(slots, shares, lds, values + i, ldv, out + i, ldo);
  for (; i + kLanes <= dim; i += kLanes) mix_block<Rows, 1>(slots, shares, lds, values + i, ldv, out + i, ldo);
  for (; i < dim; i++)
    for (int row = 0; row < Rows; row++) {
      float sum = out[row * ldo + i];
      for (long slot = 0; slot < slots; slot++) sum += shares[row * lds + slot] * number(values[slot * ldv + i]);
      out[row * ldo + i] = sum;
    }
}

template <class Value>
TETHER_INLINE void mix_all(int rows, long slots, int dim, const float* shares, long lds, const Value* values, long ldv,
                           float* out, long ldo) {
  constexpr int kRows = kLanes == 16 ? 4 : 2;
  int row = 0;
  for (; row + kRows <= rows; row += kRows)
    mix_rows<kRows>(slots, dim, shares + row * lds, lds, values, ldv, out + row * ldo, ldo);
  for (; row < rows; row++) mix_rows<1>(slots, dim, shares + row * lds, lds, values, ldv, out + row * ldo, ldo);
}

inline void mix(int rows, long slots, int dim, const float* shares, long lds, const float* values, long ldv, float* out,
                long ldo) {
  mix_all(rows, slots, dim, shares, lds, values, ldv, out, ldo);
}

inline void mix_f16(int rows, long slots, int dim, const float* shares, long lds, const uint16_t* values, long ldv,
                    float* out, long ldo) {
  mix_all(rows, slots, dim, shares, lds, reinterpret_cast<const Half*>(values), ldv, out, ldo);
}

// NOLINTEND(modernize-avoid-c-arrays)

}  // namespace tether::TETHER_CPU
