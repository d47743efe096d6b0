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

class Operation : public mx::Primitive {
 public:
  using Takes = std::vector<std::optional<size_t>>;

  Operation(mx::Stream stream, const char* name, Takes takes, JointWork work)
      : Primitive(stream), name_(name), takes_(std::move(takes)), work_(std::move(work)) {}

  void eval_cpu(const Inputs& inputs, Outputs& outputs) override {
    // MLX keeps inputs and outputs until their work is done; further references would prevent the reuse of buffers. Of
    // several results each has a list of the inputs, which MLX drops after this call.
    for (auto& output : outputs)
      if (&output.inputs() != &inputs) output.inputs().clear();
    Inputs in;
    Outputs out;
    for (size_t i = 0; i < outputs.size(); i++) {
      allocate(outputs[i], takes_[i] ? &inputs[*takes_[i]] : nullptr);
      out.push_back(mx::array::unsafe_weak_copy(outputs[i]));
    }
    for (const auto& input : inputs) in.push_back(mx::array::unsafe_weak_copy(input));
    mx::cpu::get_command_encoder(stream()).dispatch(
        [work = work_, in = std::move(in), out = std::move(out)]() mutable { work(in, out); });
  }

  void eval_gpu(const Inputs&, Outputs&) override {
    throw std::logic_error(std::string(name_) + " is an operation of the CPU");
  }

  const char* name() const override { return name_; }

 private:
  static void allocate(mx::array& output, const mx::array* taken) {
    if (taken && taken->is_donatable() && taken->flags().row_contiguous && taken->size() == output.size())
      output.copy_shared_buffer(*taken);
    else
      output.set_data(mx::allocator::malloc(output.nbytes()));
  }

  const char* name_;
  Takes takes_;  // by output
  JointWork work_;
};

}  // namespace

mx::array operation(Kind kind, const mx::Shape& shape, Inputs inputs, Work work) {
  auto stream = mx::default_stream(mx::Device::cpu);
  Operation::Takes takes{kind.in_place ? std::optional<size_t>(0) : std::nullopt};
  auto primitive =
      std::make_shared<Operation>(stream, kind.name, std::move(takes),
                                  [work = std::move(work)](const Inputs& in, Outputs& out) { work(in, out[0]); });
  return {shape, kind.dtype, std::move(primitive), std::move(inputs)};
}

std::vector<mx::array> operation(const char* name, const std::vector<Result>& results, const Inputs& inputs,
                                 JointWork work) {
  std::vector<mx::Shape> shapes;
  std::vector<mx::Dtype> dtypes;
  Operation::Takes takes;
  for (const auto& result : results) {
    shapes.push_back(result.shape);
    dtypes.push_back(result.dtype);
    takes.push_back(result.takes);
  }
  auto stream = mx::default_stream(mx::Device::cpu);
  auto primitive = std::make_shared<Operation>(stream, name, std::move(takes), std::move(work));
  return mx::array::make_arrays(std::move(shapes), dtypes, primitive, inputs);
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
