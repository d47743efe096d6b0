// Turns what checkpoints hold into float32 on a CPU, on all of its cores: MLX does it on one, a number at a time.
#include "model/float32.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "error.h"

namespace tether {
namespace {

// Calls work(begin, end) for parts of [0, count) on several threads; `grain` is what a thread is worth starting for.
template <typename Work>
void in_parallel(size_t count, size_t grain, const Work& work) {
  size_t most = std::max(1U, std::thread::hardware_concurrency());
  size_t threads = std::clamp<size_t>(count / grain, 1, most);
  std::vector<std::jthread> others;
  for (size_t i = 1; i < threads; i++)
    others.emplace_back([&work, count, threads, i] { work(count * i / threads, count * (i + 1) / threads); });
  work(0, count / threads);
}

constexpr size_t kGrain = 1U << 16U;  // numbers

// Makes an array of MLX's own memory, so that its counters hold, and has `fill` write it.
template <typename Fill>
mx::array filled(const mx::Shape& shape, size_t size, const Fill& fill) {
  auto data = mx::allocator::malloc(size * sizeof(float));
  auto* out = static_cast<float*>(data.buffer().raw_ptr());
  if (!out && size) throw Error("not_enough_memory", "[weights] no memory for " + show_size(size * sizeof(float)));
  fill(out);
  return mx::array(std::move(data), shape, mx::float32);
}

float from_bfloat16(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16U); }

// The exponent is moved by a product, which gets subnormals right too; infinity and NaN have one of their own.
float from_float16(uint16_t bits) {
  auto value = std::bit_cast<float>((bits & 0x7fffU) << 13U) * 0x1p112F;
  auto magnitude = std::bit_cast<uint32_t>(value) | ((bits & 0x7c00U) == 0x7c00U ? 0x7f800000U : 0U);
  return std::bit_cast<float>(magnitude | (bits & 0x8000U) << 16U);
}

// E4M3, which has no infinity.
float from_float8(uint8_t bits) {
  uint32_t number = bits;
  auto exponent = static_cast<int>(number >> 3U & 15U);
  auto mantissa = static_cast<int>(number & 7U);
  float value = exponent ? std::ldexp(static_cast<float>(8 + mantissa), exponent - 10)
                         : std::ldexp(static_cast<float>(mantissa), -9);
  if (exponent == 15 && mantissa == 7) value = std::numeric_limits<float>::quiet_NaN();
  return number >> 7U ? -value : value;
}

// E8M0: a power of two.
float from_exponent(uint8_t bits) {
  return bits == 255 ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.0F, bits - 127);
}

template <float (*decode)(uint8_t)>
std::array<float, 256> table_of() {
  std::array<float, 256> table{};
  for (size_t i = 0; i < table.size(); i++) table[i] = decode(static_cast<uint8_t>(i));
  return table;
}

// E2M1 in its sixteen values.
constexpr std::array<float, 16> kFloat4{0, 0.5F, 1, 1.5F, 2, 3, 4, 6, -0.0F, -0.5F, -1, -1.5F, -2, -3, -4, -6};

template <float (*decode)(uint16_t)>
mx::array from_halves(const mx::array& x) {
  const auto* in = reinterpret_cast<const uint16_t*>(x.data<uint8_t>());
  return filled(x.shape(), x.size(), [&](float* out) {
    in_parallel(x.size(), kGrain, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; i++) out[i] = decode(in[i]);
    });
  });
}

// Eight numbers of so many bits are as many bytes, the first number in the lowest bits.
template <unsigned bits>
void unpack_eight(const uint8_t* in, std::array<uint8_t, 8>& out) {
  uint64_t word = 0;
  std::memcpy(&word, in, bits);
  for (unsigned i = 0; i < 8; i++) out[i] = static_cast<uint8_t>(word >> (bits * i) & ((1U << bits) - 1));
}

// Calls decode(number, group) for each of the numbers, groups one after another.
template <unsigned bits, typename Decode>
mx::array unpacked(const mx::array& packed, size_t group_size, const Decode& decode) {
  size_t size = packed.nbytes() * 8 / bits;
  auto shape = packed.shape();
  shape.back() = static_cast<int>(static_cast<size_t>(shape.back()) * 32 / bits);
  const auto* in = packed.data<uint8_t>();
  return filled(shape, size, [&](float* out) {
    in_parallel(size / group_size, std::max<size_t>(1, kGrain / group_size), [&](size_t begin, size_t end) {
      std::array<uint8_t, 8> numbers{};
      for (size_t group = begin; group < end; group++) {
        for (size_t at = group * group_size; at < (group + 1) * group_size; at += 8) {
          unpack_eight<bits>(in + at / 8 * bits, numbers);
          for (size_t i = 0; i < 8; i++) out[at + i] = decode(numbers[i], group);
        }
      }
    });
  });
}

template <unsigned bits>
mx::array from_affine(const mx::array& packed, const mx::array& scales, const mx::array& biases, size_t group_size) {
  const auto* scale = scales.data<float>();
  const auto* bias = biases.data<float>();
  return unpacked<bits>(packed, group_size, [scale, bias](uint8_t number, size_t group) {
    return static_cast<float>(number) * scale[group] + bias[group];
  });
}

mx::array from_affine(const mx::array& packed, const mx::array& scales, const mx::array& biases,
                      const Quantization& quantization) {
  auto group = static_cast<size_t>(quantization.group_size);
  switch (quantization.bits) {
    case 2:
      return from_affine<2>(packed, scales, biases, group);
    case 3:
      return from_affine<3>(packed, scales, biases, group);
    case 4:
      return from_affine<4>(packed, scales, biases, group);
    case 5:
      return from_affine<5>(packed, scales, biases, group);
    case 6:
      return from_affine<6>(packed, scales, biases, group);
    default:
      return from_affine<8>(packed, scales, biases, group);
  }
}

}  // namespace

mx::array to_float32(const mx::array& x) {
  if (x.dtype() == mx::bfloat16) return from_halves<from_bfloat16>(x);
  if (x.dtype() == mx::float16) return from_halves<from_float16>(x);
  auto converted = mx::astype(x, mx::float32);
  mx::eval(converted);
  return converted;
}

mx::array dequantize_to_float32(const mx::array& packed, const mx::array& scales,
                                const std::optional<mx::array>& biases, const Quantization& quantization) {
  if (biases) return from_affine(packed, scales, *biases, quantization);
  auto group_size = static_cast<size_t>(quantization.group_size);
  const auto* scale = scales.data<uint8_t>();
  auto factor = quantization.mode == "nvfp4" ? table_of<from_float8>() : table_of<from_exponent>();
  if (quantization.bits == 4)
    return unpacked<4>(packed, group_size, [&factor, scale](uint8_t number, size_t group) {
      return kFloat4[number] * factor[scale[group]];
    });
  auto value = table_of<from_float8>();
  return unpacked<8>(packed, group_size, [&value, &factor, scale](uint8_t number, size_t group) {
    return value[number] * factor[scale[group]];
  });
}

}  // namespace tether
