// Quantized rows back to numbers: by MLX on a GPU, by a primitive of our own on a CPU.
#include "model/unpack.h"

#include <mlx/primitives.h>
#include <mlx/scheduler.h>
#include <mlx/stream.h>

#include <array>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

namespace tether {
namespace {

// One head after another, one row after another; steps are counted in elements.
struct Source {
  const uint8_t* packed;
  const float* scales;
  const float* biases;
  int64_t packed_head, packed_row;
  int64_t scales_head, scales_row;
  int64_t biases_head, biases_row;
};

struct Extent {
  int heads;
  int rows;
  int groups;
  int group_size;
};

constexpr size_t kLarge = size_t{1} << 18U;  // bytes

// Compilers make vectors of loops whose length they know.
constexpr int kPart = 32;  // every group is a multiple of it

void unpack_bytes(const uint8_t* in, float scale, float bias, float* out) {
  for (int i = 0; i < kPart; i++) out[i] = static_cast<float>(in[i]) * scale + bias;
}

void unpack_group(const uint8_t* in, float scale, float bias, int count, int bits, float* out) {
  for (int begin = 0; begin < count; begin += kPart) {
    if (bits == 8) {
      unpack_bytes(in + begin, scale, bias, out + begin);
      continue;
    }
    std::array<uint8_t, kPart> bytes;
    for (size_t i = 0; i < kPart / 2; i++) {
      uint8_t two = in[static_cast<size_t>(begin) / 2 + i];
      bytes[2 * i] = two & 15U;
      bytes[2 * i + 1] = static_cast<uint8_t>(two >> 4U);
    }
    unpack_bytes(bytes.data(), scale, bias, out + begin);
  }
}

void unpack(const Source& source, const Extent& extent, int bits, float* out) {
  int group_bytes = extent.group_size * bits / 8;
  for (int head = 0; head < extent.heads; head++)
    for (int row = 0; row < extent.rows; row++) {
      const auto* in = source.packed + head * source.packed_head + row * source.packed_row;
      const auto* scales = source.scales + head * source.scales_head + row * source.scales_row;
      const auto* biases = source.biases + head * source.biases_head + row * source.biases_row;
      for (int group = 0; group < extent.groups; group++) {
        unpack_group(in, scales[group], biases[group], extent.group_size, bits, out);
        in += group_bytes;
        out += extent.group_size;
      }
    }
}

// MLX's CPU backend takes this apart into shifts and products over arrays several times the size of the result.
class UnpackRows : public mx::UnaryPrimitive {
 public:
  UnpackRows(mx::Stream stream, int bits) : UnaryPrimitive(stream), bits_(bits) {}

  void eval_cpu(const std::vector<mx::array>& inputs, mx::array& out) override {
    // MLX allocates ahead of what is being computed; what is large waits until the layer before has let go of its own.
    if (out.nbytes() > kLarge) mx::synchronize(stream());
    out.set_data(mx::allocator::malloc(out.nbytes()));
    const auto& packed = inputs[0];
    const auto& scales = inputs[1];
    const auto& biases = inputs[2];
    Source source{.packed = packed.data<uint8_t>(),
                  .scales = scales.data<float>(),
                  .biases = biases.data<float>(),
                  .packed_head = 4 * packed.strides(1),
                  .packed_row = 4 * packed.strides(2),
                  .scales_head = scales.strides(1),
                  .scales_row = scales.strides(2),
                  .biases_head = biases.strides(1),
                  .biases_row = biases.strides(2)};
    int groups = scales.shape(3);
    Extent extent{.heads = out.shape(1), .rows = out.shape(2), .groups = groups, .group_size = out.shape(3) / groups};
    // Runs behind what computes the inputs, which MLX keeps until it has run.
    mx::scheduler::enqueue(
        stream(), [source, extent, bits = bits_, to = out.data<float>()] { unpack(source, extent, bits, to); });
  }

  void eval_gpu(const std::vector<mx::array>&, mx::array&) override {
    throw std::logic_error("[UnpackRows] a GPU unpacks with MLX's own kernel");
  }

  const char* name() const override { return "UnpackRows"; }

 private:
  int bits_;
};

}  // namespace

mx::array unpack_rows(const PackedRows& rows) {
  const auto& [packed, scales, biases, bits] = rows;
  int dim = packed.shape(3) * 32 / bits;
  auto stream = mx::default_stream(mx::default_device());
  if (stream.device == mx::Device::cpu && scales.dtype() == mx::float32)
    return mx::array({1, packed.shape(1), packed.shape(2), dim}, mx::float32,
                     std::make_shared<UnpackRows>(stream, bits), {packed, scales, biases});
  return mx::dequantize(packed, scales, biases, dim / scales.shape(3), bits);
}

}  // namespace tether
