// Tests float16 in the kernels of every kind of processor that this machine can run.
#include "test/halves.h"

#include <array>
#include <bit>
#include <numeric>
#include <string>

#include "cpu/pick.h"
#include "test/check.h"

using namespace tether;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Every half, what lies halfway to the next one, and the floats beside that.
void round_trip(const Kernels& kernel) {
  constexpr uint16_t kLargest = 0x7bff;
  std::string name = kernel.name;
  std::vector<float> x;
  std::vector<uint16_t> wanted;
  auto round = [&](float number, unsigned half) {
    for (unsigned sign : {0U, 0x8000U}) {
      x.push_back(sign ? -number : number);
      wanted.push_back(static_cast<uint16_t>(half | sign));
    }
  };
  for (uint16_t half = 0; half < kLargest; half++) {
    auto next = static_cast<uint16_t>(half + 1);
    float middle = (value_of(half) + value_of(next)) / 2;
    round(value_of(half), half);
    round(std::nextafter(middle, 0.0F), half);
    round(middle, half % 2 == 0 ? half : next);
    round(std::nextafter(middle, kInfinity), next);
  }
  for (float large : {65504.0F, 65519.0F, 65520.0F, 1e6F, std::numeric_limits<float>::max()}) round(large, kLargest);
  round(std::numeric_limits<float>::denorm_min(), 0);
  round(kInfinity, 0x7c00);
  check(halves_of(kernel, x) == wanted, name + ": floats become the nearest halves");
  for (uint16_t half : halves_of(kernel, std::vector<float>(20, kNaN)))
    check(std::isnan(value_of(half)), name + ": a NaN stays in float16");

  std::vector<uint16_t> all(65536);
  std::iota(all.begin(), all.end(), uint16_t{0});
  MatrixView matrix;
  matrix.type = FloatType::f16;
  matrix.width = 65536;
  matrix.numbers = all.data();
  std::vector<float> expanded(all.size());
  kernel.expand(matrix, 0, 0, matrix.width, expanded.data());
  for (size_t i = 0; i < all.size(); i++) {
    float want = value_of(all[i]);
    bool same = std::isnan(want) ? std::isnan(expanded[i])
                                 : std::bit_cast<uint32_t>(expanded[i]) == std::bit_cast<uint32_t>(want);
    check(same, name + ": half " + std::to_string(i));
  }
  for (size_t count : std::array<size_t, 12>{1, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 100}) {
    std::vector<float> some(count);
    for (size_t i = 0; i < count; i++) some[i] = std::sin(static_cast<float>(i + count));
    std::vector<uint16_t> out(count + 1, 7);
    kernel.round_halves(some.data(), out.data(), static_cast<long>(count));
    check(out[count] == 7, name + ": writes no more halves than were asked for");
    for (size_t i = 0; i < count; i++)
      check(std::abs(value_of(out[i]) - some[i]) <= 0x1p-12F, name + ": " + std::to_string(count) + " halves");
  }
}

}  // namespace

int main() {
  for (const auto* kernel : runnable_kernels()) round_trip(*kernel);
  return result();
}
