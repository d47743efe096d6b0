// What the operations of cpu/ops/ are made of: an MLX primitive that a function computes, and its memory. Internal.
#pragma once

#include <mlx/mlx.h>

#include <functional>
#include <optional>
#include <vector>

namespace tether::cpu {

namespace mx = mlx::core;

using Inputs = std::vector<mx::array>;
using Outputs = std::vector<mx::array>;
using Work = std::function<void(const Inputs& in, mx::array& out)>;
using JointWork = std::function<void(const Inputs& in, Outputs& out)>;

struct Kind {
  const char* name;
  bool in_place = false;  // the output may take the memory of the first input
  mx::Dtype dtype = mx::float32;
};

// A lazy array of that shape, row by row. When MLX evaluates it, `work` fills it on the CPU stream's thread.
mx::array operation(Kind kind, const mx::Shape& shape, Inputs inputs, Work work);

// One of several results. It may take the memory of the input with that number, if it has the same size.
struct Result {
  mx::Shape shape;
  mx::Dtype dtype = mx::float32;
  std::optional<size_t> takes = std::nullopt;
};

// The same with several results.
std::vector<mx::array> operation(const char* name, const std::vector<Result>& results, const Inputs& inputs,
                                 JointWork work);

// Float32 rows along the last axis of an array with any strides. If that axis is not contiguous, the rows are copied.
class Rows {
 public:
  explicit Rows(const mx::array& x);

  const float* operator[](long row) const { return data_ + row * step_; }
  long step() const { return step_; }  // floats from one row to the next
  long width() const { return width_; }

 private:
  void copy(const mx::array& x);

  const float* data_ = nullptr;
  long step_ = 0;
  long width_;
  std::vector<float> copied_;
};

// A buffer of this thread for `count` floats. The next call with the same tag overwrites it.
template <class Tag>
float* scratch(size_t count) {
  thread_local std::vector<float> numbers;
  if (numbers.size() < count) numbers.resize(count);
  return numbers.data();
}

constexpr long ceil_div(long a, long b) { return (a + b - 1) / b; }

// Calls work(begin, end) for parts of [0, count), in parallel if they are large enough. numbers_each: of one item.
void in_parts(long count, long numbers_each, const std::function<void(long, long)>& work);

}  // namespace tether::cpu
