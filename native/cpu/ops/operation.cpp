// What the operations of cpu/ops/ are made of: an MLX primitive that a function computes, and its memory.
#include "cpu/ops/operation.h"

#include <mlx/backend/cpu/encoder.h>
#include <mlx/primitives.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "cpu/pool.h"

namespace tether::cpu {
namespace {

// Numbers of a part: some ten microseconds of work, which is worth waking a thread for.
constexpr long kGrain = 16384;

class Operation : public mx::UnaryPrimitive {
 public:
  Operation(mx::Stream stream, Kind kind, Work work) : UnaryPrimitive(stream), kind_(kind), work_(std::move(work)) {}

  void eval_cpu(const Inputs& inputs, mx::array& out) override {
    const auto& first = inputs[0];
    if (kind_.in_place && first.is_donatable() && first.flags().row_contiguous && first.size() == out.size())
      out.copy_shared_buffer(first);
    else
      out.set_data(mx::allocator::malloc(out.nbytes()));
    Inputs in;
    // MLX keeps inputs and output until their work is done; further references would prevent the reuse of buffers.
    for (const auto& input : inputs) in.push_back(mx::array::unsafe_weak_copy(input));
    mx::cpu::get_command_encoder(stream()).dispatch(
        [work = work_, in = std::move(in), result = mx::array::unsafe_weak_copy(out)]() mutable { work(in, result); });
  }

  void eval_gpu(const Inputs&, mx::array&) override {
    throw std::logic_error(std::string(kind_.name) + " is an operation of the CPU");
  }

  const char* name() const override { return kind_.name; }

 private:
  Kind kind_;
  Work work_;
};

}  // namespace

mx::array operation(Kind kind, const mx::Shape& shape, Inputs inputs, Work work) {
  auto stream = mx::default_stream(mx::Device::cpu);
  return {shape, kind.dtype, std::make_shared<Operation>(stream, kind, std::move(work)), std::move(inputs)};
}

Rows::Rows(const mx::array& x) : width_(x.shape(-1)) {
  bool whole = x.flags().row_contiguous;
  bool plain = x.ndim() == 2 && (x.strides(1) == 1 || width_ == 1);
  if (whole || plain) {
    data_ = x.data<float>();
    step_ = whole ? width_ : x.strides(0);
    return;
  }
  copy(x);
  data_ = copied_.data();
  step_ = width_;
}

void Rows::copy(const mx::array& x) {
  copied_.reserve(x.size());
  std::vector<int> index(x.ndim(), 0);
  const auto* data = x.data<float>();
  for (size_t i = 0; i < x.size(); i++) {
    int64_t at = 0;
    for (size_t axis = 0; axis < index.size(); axis++) at += index[axis] * x.strides()[axis];
    copied_.push_back(data[at]);
    for (size_t axis = index.size(); axis-- > 0;) {
      if (++index[axis] < x.shape()[axis]) break;
      index[axis] = 0;
    }
  }
}

void in_parts(long count, long numbers_each, const std::function<void(long, long)>& work) {
  long each = std::max<long>(1, kGrain / std::max<long>(1, numbers_each));
  if (count <= each) return work(0, count);
  auto tiles = static_cast<int>(ceil_div(count, each));
  parallel_for(tiles, [&](int tile) { work(tile * each, std::min(count, (tile + 1) * each)); });
}

}  // namespace tether::cpu
