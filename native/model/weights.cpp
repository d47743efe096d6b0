// Reads a checkpoint's tensors by name, checks their shapes, converts them and makes layers of them.
#include "model/weights.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <algorithm>
#include <utility>

#include "cpu/ops/interleave.h"
#include "error.h"
#include "model/show_shape.h"

namespace tether {
namespace {

std::string dtype_name(mx::Dtype dtype) {
  if (dtype == mx::bfloat16) return "bf16";
  if (dtype == mx::float16) return "f16";
  if (dtype == mx::float32) return "f32";
  return "other";
}

bool is_float(mx::Dtype dtype) { return mx::issubdtype(dtype, mx::floating); }

// Parts of vision and audio checkpoints that a text model does not read, and tables and statistics that it does not
// need.
bool is_other_part(const std::string& name) {
  static const std::vector<std::string> kParts{
      "rotary_emb.",  "input_max",     "input_min",        "output_max",
      "output_min",   "vision_tower.", "vision_embedder.", "multi_modal_projector.",
      "audio_tower.", "embed_audio.",  "embed_vision.",    "vision_model.",
      "visual.",      "mm_projector.", "image_newline",    "vision_encoder."};
  return std::ranges::any_of(kParts, [&](const auto& part) { return name.find(part) != std::string::npos; });
}

// All other tensors are vectors, such as a norm's.
bool is_matrix(const mx::array& array) { return array.ndim() >= 2; }

bool is_half(mx::Dtype dtype) { return dtype == mx::float16 || dtype == mx::bfloat16; }

// Scales and biases of a quantized layer.
bool is_scale(const std::string& name) { return name.ends_with(".scales") || name.ends_with(".biases"); }

// Asks for larger pages, with which reading a whole matrix is up to a third faster. A failure does no harm.
void use_large_pages(char* begin, size_t size) {
#ifdef __linux__
  constexpr uintptr_t kPage = uintptr_t{2} << 20U;
  uintptr_t before = -reinterpret_cast<uintptr_t>(begin) % kPage;
  if (size < before + kPage) return;
  size_t whole = (size - before) / kPage * kPage;
  constexpr int kCollapse = 25;  // MADV_COLLAPSE, which older headers lack: at once instead of in the background
  if (madvise(begin + before, whole, kCollapse) != 0) madvise(begin + before, whole, MADV_HUGEPAGE);
#endif
}

}  // namespace

Weights::Weights(const std::vector<std::string>& files, const DevicePolicy& device,
                 std::function<void(double)> progress)
    : files_(files), device_(device), progress_(std::move(progress)) {
  for (const auto& file : files_) {
    try {
      for (auto& [name, array] : mx::load_safetensors(file).first) {
        if (is_other_part(name)) continue;
        total_bytes_ += array.nbytes();
        tensors_.insert_or_assign(name, Tensor{array, &file});
      }
    } catch (const std::exception& error) {
      throw Error("bad_weights", "[weights] " + file + " cannot be read (" + error.what() + "). Download it again.");
    }
  }
  // Activations take the half-precision dtype of most unquantized tensors.
  std::map<bool, size_t> halves;  // by whether it is bfloat16
  for (const auto& [name, tensor] : tensors_)
    if (is_half(tensor.array.dtype()) && !is_scale(name))
      halves[tensor.array.dtype() == mx::bfloat16] += tensor.array.size();
  if (!halves.empty()) half_ = halves[true] >= halves[false] ? mx::bfloat16 : mx::float16;
}

std::string Weights::prefix_of(const std::string& name, const std::vector<std::string>& prefixes) const {
  std::string tried;
  for (const auto& prefix : prefixes) {
    if (has(prefix + name)) return prefix;
    tried += (tried.empty() ? "" : " or ") + prefix + name;
  }
  throw Error("bad_weights", "[weights] no tensor " + tried + " in " + (files_.empty() ? "no files" : files_[0]) +
                                 (files_.size() > 1 ? " and the other shards" : "") +
                                 ". Download the checkpoint again.");
}

void Weights::ignore(const std::string& prefix) {
  adapters_->ignore(prefix);
  drop(prefix);
}

void Weights::drop(const std::string& prefix) {
  std::erase_if(tensors_, [&](const auto& entry) { return entry.first.starts_with(prefix); });
}

void Weights::expect_none_left() const {
  if (tensors_.empty()) return;
  const auto& [name, tensor] = *std::ranges::min_element(tensors_, {}, [](const auto& entry) { return entry.first; });
  throw Error("bad_weights", "[weights] config.json describes a model without " + name + ", which is in " +
                                 *tensor.file + " (" + std::to_string(tensors_.size()) +
                                 " such tensors). config.json and weights belong to different checkpoints.");
}

size_t Weights::predicted_bytes() const {
  size_t sum = 0;
  for (const auto& [name, tensor] : tensors_) {
    bool converts = device_.dtype && is_float(tensor.array.dtype()) &&
                    (is_scale(name) || !device_.own_kernels || !is_matrix(tensor.array));
    sum += converts ? tensor.array.size() * device_.dtype->size() : tensor.array.nbytes();
  }
  return sum;
}

// Own kernels read a matrix of any dtype. Elsewhere a half other than that of the activations would make MLX promote
// both to float32, with every token.
mx::array Weights::converted(const mx::array& array) const {
  if (device_.own_kernels && is_matrix(array)) return array;
  if (device_.dtype) return mx::astype(array, *device_.dtype);
  return half_ && is_half(array.dtype()) ? mx::astype(array, *half_) : array;
}

// Scales in float32 would be promoted likewise. Those of floating-point formats are bytes, which are not converted.
mx::array Weights::converted_scales(const mx::array& array) const {
  if (!is_float(array.dtype())) return array;
  if (device_.dtype) return mx::astype(array, *device_.dtype);
  return half_ ? mx::astype(array, *half_) : array;
}

Weights::Tensor Weights::take(const std::string& name) {
  auto it = tensors_.find(name);
  if (it == tensors_.end()) {
    // Name the file that holds its neighbours, where it should be.
    auto layer = name.substr(0, name.find_last_of('.'));
    std::string file = files_.empty() ? "no files" : files_[0];
    for (const auto& [other, tensor] : tensors_)
      if (other.starts_with(layer.substr(0, layer.find_last_of('.')))) file = *tensor.file;
    throw Error("bad_weights", "[weights] " + name + " is missing from " + file + ". Download the checkpoint again.");
  }
  auto tensor = std::move(it->second);
  tensors_.erase(it);
  return tensor;
}

mx::array Weights::read(const Tensor& tensor, const std::string& name) {
  auto array = tensor.array;
  try {
    mx::eval(array);
  } catch (const std::exception& error) {
    throw Error("bad_weights", "[weights] " + name + " in " + *tensor.file + " cannot be read (" + error.what() +
                                   "). Download the file again.");
  }
  read_bytes_ += array.nbytes();
  progress_(total_bytes_ ? static_cast<double>(read_bytes_) / static_cast<double>(total_bytes_) : 1.0);
  return array;
}

mx::array Weights::keep(const mx::array& wanted) {
  auto array = wanted;
  mx::eval(array);
  if (device_.own_kernels) use_large_pages(array.data<char>(), array.nbytes());
  bytes_ += array.nbytes();
  return array;
}

mx::array Weights::numbers(const std::string& name, int count, int below) {
  auto taken = take(name);
  const auto& array = taken.array;
  auto wrong = [&](const std::string& what) {
    return Error("bad_weights",
                 "[weights] " + name + " in " + *taken.file + " must be " + what + ". Download the checkpoint again.");
  };
  if (array.shape() != mx::Shape{count} || is_float(array.dtype()))
    throw wrong(std::to_string(count) + " whole numbers");
  auto read_in = read(taken, name);
  auto outside = mx::logical_or(mx::less(read_in, mx::array(0)), mx::greater_equal(read_in, mx::array(below)));
  if (mx::any(outside).item<bool>()) throw wrong("numbers below " + std::to_string(below));
  return keep(mx::astype(read_in, mx::int32));
}

mx::array Weights::tensor(const std::string& name, const mx::Shape& shape) {
  auto taken = take(name);
  const auto& array = taken.array;
  if (array.shape() != shape || !is_float(array.dtype()))
    throw Error("bad_weights", "[weights] " + name + " in " + *taken.file + " has shape " + show_shape(array.shape()) +
                                   (is_float(array.dtype()) ? "" : " of integers") + ", config.json asks for " +
                                   show_shape(shape) + ". config.json and weights belong to different checkpoints.");
  parameters_ += array.size();
  kinds_[dtype_name(array.dtype())] += array.size();
  auto wanted = keep(converted(read(taken, name)));
  compute_kind_ = dtype_name(device_.dtype.value_or(wanted.dtype()));
  return wanted;
}

// As in mlx-lm the shapes tell: a config.json may name a layer otherwise than the files do, or not at all.
Quantization Weights::quantization_of(const std::string& layer, int width) const {
  const auto& [scales, file] = tensors_.at(layer + ".scales");
  auto weight = tensors_.find(layer + ".weight");
  if (weight != tensors_.end() && scales.ndim() > 0 && weight->second.array.ndim() > 0) {
    int groups = scales.shape(-1);
    int64_t packed = int64_t{32} * weight->second.array.shape(-1);
    auto fits = [&](int bits, int group) {
      return packed == int64_t{bits} * width && int64_t{groups} * group == width;
    };
    if (is_float(scales.dtype())) {
      for (int bits : {2, 3, 4, 5, 6, 8})
        for (int group : {32, 64, 128})
          if (fits(bits, group)) return {.mode = QuantMode::affine, .bits = bits, .group_size = group};
    } else {
      if (fits(4, 32)) return {.mode = QuantMode::mxfp4, .bits = 4, .group_size = 32};
      if (fits(8, 32)) return {.mode = QuantMode::mxfp8, .bits = 8, .group_size = 32};
      if (fits(4, 16)) return {.mode = QuantMode::nvfp4, .bits = 4, .group_size = 16};
    }
    throw Error("bad_weights",
                "[weights] " + layer + ".weight in " + *file + " has shape " +
                    show_shape(weight->second.array.shape()) + " and scales of shape " + show_shape(scales.shape()) +
                    ", which is no quantization of MLX for rows of " + std::to_string(width) +
                    " numbers, as config.json asks for. config.json and weights belong to different " + "checkpoints.");
  }
  throw Error("bad_weights", "[weights] " + layer + ".weight is missing from " + *file +
                                 ", which has its scales. Download the checkpoint again.");
}

// Along the last two axes of `shape`.
Matrix Weights::matrix(const std::string& layer, const mx::Shape& shape) {
  auto name = layer + ".weight";
  if (!has(layer + ".scales")) return {.numbers = tensor(name, shape)};

  int width = shape.back();
  auto quantization = quantization_of(layer, width);
  bool affine = quantization.mode == QuantMode::affine;
  auto packed_shape = shape;
  packed_shape.back() = width * quantization.bits / 32;
  auto scales_shape = shape;
  scales_shape.back() = width / quantization.group_size;
  auto part = [&](const std::string& suffix, const mx::Shape& wanted, bool integers) {
    auto taken = take(layer + suffix);
    if (taken.array.shape() != wanted || is_float(taken.array.dtype()) == integers)
      throw Error("bad_weights", "[weights] " + layer + suffix + " in " + *taken.file + " has shape " +
                                     show_shape(taken.array.shape()) + ", a matrix in " + name_of(quantization) +
                                     " and groups of " + std::to_string(quantization.group_size) + " has " +
                                     show_shape(wanted) + (integers ? " of integers" : "") +
                                     ". config.json and weights belong to different checkpoints.");
    return taken;
  };
  auto packed = part(".weight", packed_shape, true);
  auto scales = part(".scales", scales_shape, !affine);
  std::optional<Tensor> biases;
  if (affine) biases = part(".biases", scales_shape, false);

  size_t count = 1;
  for (int size : shape) count *= static_cast<size_t>(size);
  parameters_ += count;
  kinds_[name_of(quantization)] += count;
  auto factors = converted_scales(read(scales, layer + ".scales"));
  std::optional<mx::array> offsets;
  if (biases) offsets = converted_scales(read(*biases, layer + ".biases"));
  Matrix matrix{.numbers = read(packed, name), .scales = factors, .biases = offsets, .quantization = quantization};
  if (device_.own_kernels && cpu::interleaves(matrix, device_.activations)) {
    mx::eval(factors, *offsets);
    cpu::interleave(matrix);
  }
  matrix.numbers = keep(matrix.numbers);
  matrix.scales = keep(*matrix.scales);
  if (offsets) matrix.biases = keep(*matrix.biases);
  return matrix;
}

Linear Weights::plain_linear(const std::string& layer, int out, int in, bool bias) {
  std::optional<mx::array> added;
  if (bias) added = tensor(layer + ".bias", {out});
  auto rows = matrix(layer, {out, in});
  std::optional<mx::array> transposed;
  if (!rows.quantized() && !device_.own_kernels) {
    transposed = mx::transpose(rows.numbers);
    mx::eval(*transposed);
  }
  return {std::move(rows), transposed, added, device_};
}

Linear Weights::linear(const std::string& layer, int out, int in, bool bias) {
  auto linear = plain_linear(layer, out, in, bias);
  linear.adapted = adapters_->add_layer(layer, out, in, device_);
  return linear;
}

ExpertLinear Weights::experts(const std::string& layer, int count, int out, int in) {
  return {matrix(layer, {count, out, in}), device_};
}

Embedding Weights::embedding(const std::string& layer, int rows, int dim) {
  auto table = plain_linear(layer, rows, dim, false);
  const auto& matrix = table.matrix;
  auto dtype = half_.value_or(mx::bfloat16);
  if (device_.dtype)
    dtype = *device_.dtype;
  else if (!matrix.quantized())
    dtype = matrix.numbers.dtype();
  else if (matrix.quantization.mode == QuantMode::affine)
    dtype = matrix.scales->dtype();
  return {std::move(table), dtype};
}

std::optional<Linear> Weights::head(const std::vector<std::string>& prefixes, bool tied, int vocab, int dim) {
  if (!tied) return plain_linear(prefix_of("lm_head.weight", prefixes) + "lm_head", vocab, dim, false);
  for (const auto& prefix : prefixes) drop(prefix + "lm_head.");
  return std::nullopt;
}

RMSNorm Weights::norm_beyond_one(const std::string& layer, int dim, float eps) {
  auto beyond = tensor(layer + ".weight", {dim});
  auto scale = mx::add(beyond, mx::array(1.0F, beyond.dtype()));
  mx::eval(scale);
  return {scale, eps, device_};
}

std::string Weights::kind() const {
  auto most = std::ranges::max_element(kinds_, {}, [](const auto& entry) { return entry.second; });
  return most == kinds_.end() ? "empty" : most->first;
}

}  // namespace tether
