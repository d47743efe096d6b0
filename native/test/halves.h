// Float16 for tests, by plain arithmetic.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "cpu/kernels.h"

namespace tether {

inline float value_of(uint16_t half) {
  unsigned bits = half;
  auto exponent = static_cast<int>(bits >> 10U & 31U);
  auto digits = static_cast<double>(bits & 1023U);
  double size = exponent == 31
                    ? (digits == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN())
                    : std::ldexp(exponent ? 1024 + digits : digits, std::max(exponent, 1) - 25);
  return static_cast<float>(bits >> 15U ? -size : size);
}

inline std::vector<uint16_t> halves_of(const Kernels& kernel, const std::vector<float>& x) {
  std::vector<uint16_t> halves(x.size());
  kernel.round_halves(x.data(), halves.data(), static_cast<long>(x.size()));
  return halves;
}

// Numbers in float16, and the same as floats.
struct Halves {
  std::vector<uint16_t> bits;
  std::vector<float> floats;

  Halves(const Kernels& kernel, const std::vector<float>& x) : bits(halves_of(kernel, x)) {
    for (uint16_t half : bits) floats.push_back(value_of(half));
  }
};

}  // namespace tether
