// A growing buffer of keys or of values, one slot per token: as computed, in float16, or quantized along head_dim.
#include "model/slots.h"

#include <string>

#include "cpu/ops/elementwise.h"
#include "error.h"

namespace tether {
namespace {

bool on_cpu() { return mx::default_device().type == mx::Device::cpu; }

mx::array cut(const mx::array& buffer, int begin, int end) {
  return mx::slice(buffer, {0, 0, begin, 0}, {buffer.shape(0), buffer.shape(1), end, buffer.shape(3)});
}

// The `kept` slots of `old` before `end`, then `add`, then spare slots: (1, heads, capacity, dim)
mx::array joined(const mx::array* old, int kept, int end, const mx::array& add, int capacity) {
  std::vector<mx::array> parts;
  if (kept > 0) parts.push_back(cut(*old, end - kept, end));
  parts.push_back(add);
  int spare = capacity - kept - add.shape(2);
  // A view of one zero: MLX would allocate a full array for all layers before the first one is needed.
  if (spare > 0)
    parts.push_back(mx::broadcast_to(mx::array(0, add.dtype()), {add.shape(0), add.shape(1), spare, add.shape(3)}));
  return parts.size() == 1 ? parts[0] : mx::concatenate(parts, 2);
}

// Affine; 4 bits on a CPU by the line that is nearest to a group, with MLX's operations from its least number to its
// largest: to find that line would be many small kernels of a GPU for each token. mx::quantize() moves the two until
// zero is one of the steps, which matters little for 256 of them. Numbers that begin at zero it leaves where they are.
std::vector<mx::array> quantized(const mx::array& x, const Quantization& quantization) {
  if (quantization.bits == 8) return mx::quantize(x, quantization.group_size, quantization.bits);
  if (on_cpu() && x.dtype() == mx::float32) return cpu::packed(x);
  auto shape = x.shape();
  shape.back() /= quantization.group_size;
  shape.push_back(quantization.group_size);
  auto groups = mx::reshape(x, shape);
  auto least = mx::min(groups, -1, true);
  auto from_zero = mx::reshape(mx::subtract(groups, least), x.shape());
  auto parts = mx::quantize(from_zero, quantization.group_size, quantization.bits);
  parts[2] = mx::add(parts[2], mx::squeeze(least, -1));
  return parts;
}

}  // namespace

Quantization kv_quantization(int bits, int head_dim) {
  if (bits == 0) return {};
  if (bits == 16) return {.bits = bits};
  auto number = std::to_string(bits);
  if (bits != 4 && bits != 8)
    throw Error("bad_config",
                "[model] keys and values cannot be kept in " + number + " bits. kv_bits must be 16, 8, 4 or 0.");
  if (head_dim % 32 != 0)
    throw Error("bad_config", "[model] kv_bits " + number + " needs a head_dim that is a multiple of 32, not " +
                                  std::to_string(head_dim) + ". Load this checkpoint without kv_bits.");
  return {.mode = QuantMode::affine, .bits = bits, .group_size = bits == 8 && head_dim % 64 == 0 ? 64 : 32};
}

uint64_t stored_bytes(const Quantization& quantization, uint64_t elements, uint64_t element) {
  if (quantization.mode == QuantMode::none) return elements * (quantization.bits == 16 ? sizeof(uint16_t) : element);
  auto groups = elements / static_cast<uint64_t>(quantization.group_size);
  return elements * static_cast<uint64_t>(quantization.bits) / 8 + groups * 2 * element;
}

mx::array in_float16(const mx::array& x) {
  constexpr float kMost = 65504;
  auto limited = mx::clip(x, mx::array(-kMost), mx::array(kMost));
  return mx::astype(mx::where(mx::isinf(x), x, limited), mx::float16);
}

std::vector<mx::array> Slots::as_stored(const mx::array& x) const {
  if (quantization_.mode == QuantMode::none) {
    if (quantization_.bits != 16) return {x};
    return {on_cpu() ? cpu::halves(x) : in_float16(x)};
  }
  return quantized(x, quantization_);
}

void Slots::write(const mx::array& x, int at) { write_stored(as_stored(x), at); }

void Slots::write_stored(const std::vector<mx::array>& slots, int at) {
  for (size_t i = 0; i < arrays_.size(); i++) {
    const auto& part = slots[i];
    mx::Shape stop{part.shape(0), part.shape(1), at + part.shape(2), part.shape(3)};
    arrays_[i] = mx::slice_update(arrays_[i], part, {0, 0, at, 0}, stop);
  }
}

void Slots::rebuild(const mx::array& x, int kept, int end, int capacity) {
  rebuild_stored(as_stored(x), kept, end, capacity);
}

void Slots::rebuild_stored(const std::vector<mx::array>& slots, int kept, int end, int capacity) {
  std::vector<mx::array> rebuilt;
  for (size_t i = 0; i < slots.size(); i++)
    rebuilt.push_back(joined(empty() ? nullptr : &arrays_[i], kept, end, slots[i], capacity));
  arrays_ = std::move(rebuilt);
}

std::vector<mx::array> Slots::stored(int begin, int end) const {
  std::vector<mx::array> parts;
  for (const auto& array : arrays_) parts.push_back(cut(array, begin, end));
  return parts;
}

Matrix Slots::read(int begin, int end) const {
  auto part = [&](size_t i) { return cut(arrays_[i], begin, end); };
  if (quantization_.mode == QuantMode::none) return {.numbers = part(0)};
  return {.numbers = part(0), .scales = part(1), .biases = part(2), .quantization = quantization_};
}

size_t Slots::bytes() const {
  size_t sum = 0;
  for (const auto& array : arrays_) sum += array.nbytes();
  return sum;
}

}  // namespace tether
