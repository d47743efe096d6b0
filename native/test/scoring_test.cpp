// Tests that scores are exact with vocabularies as large as real ones.
#include "engine/scoring.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "test/check.h"

using tether::check;
namespace mx = mlx::core;

namespace {

// In double; the logits are of a size that real ones have.
void agrees(int vocab) {
  auto logits = mx::multiply(mx::random::normal({2, vocab}, mx::random::key(7)), mx::array(3.0F));
  auto sums = tether::log_sum_exp(logits);
  mx::eval(logits, sums);
  double apart = 0;
  for (int row = 0; row < 2; row++) {
    const float* first = logits.data<float>() + static_cast<ptrdiff_t>(row) * vocab;
    double sum = 0;
    for (int i = 0; i < vocab; i++) sum += std::exp(static_cast<double>(first[i]));
    apart = std::max(apart, std::abs(std::log(sum) - static_cast<double>(sums.data<float>()[row])));
  }
  check(sums.shape() == mx::Shape{2}, "there is one sum for each row");
  check(apart < 5e-6,
        "the sum over " + std::to_string(vocab) + " logits is exact, not " + std::to_string(apart) + " off");
}

}  // namespace

int main() {
  mx::set_default_device(mx::Device::cpu);
  // Less than a block, blocks and a rest, and whole blocks.
  for (int vocab : {7, 256, 1000, 32003, 49152, 262144}) agrees(vocab);
  return tether::result();
}
