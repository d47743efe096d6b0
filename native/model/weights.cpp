// A checkpoint's tensors by name: found, checked against the shape that is wanted, converted, read.
#include "model/weights.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "error.h"

namespace tether {
namespace {

std::string show(const mx::Shape& shape) {
  std::ostringstream out;
  out << "(";
  for (size_t i = 0; i < shape.size(); i++) out << (i ? ", " : "") << shape[i];
  out << ")";
  return out.str();
}

std::string dtype_name(mx::Dtype dtype) {
  if (dtype == mx::bfloat16) return "bf16";
  if (dtype == mx::float16) return "f16";
  if (dtype == mx::float32) return "f32";
  return "other";
}

bool is_float(mx::Dtype dtype) { return mx::issubdtype(dtype, mx::floating); }

// Parts of image and audio checkpoints that a text model does not read, and tables and statistics that it has no use
// for.
bool is_other_part(const std::string& name) {
  static const std::vector<std::string> kParts{
      "rotary_emb.",  "input_max",     "input_min",        "output_max",
      "output_min",   "vision_tower.", "vision_embedder.", "multi_modal_projector.",
      "audio_tower.", "embed_audio.",  "embed_vision."};
  return std::ranges::any_of(kParts, [&](const auto& part) { return name.find(part) != std::string::npos; });
}

Linear plain(const mx::array& weight, const std::optional<mx::array>& bias) {
  auto turned = mx::transpose(weight);
  mx::eval(turned);
  return {weight, turned, std::nullopt, std::nullopt, bias, {}};
}

}  // namespace

Weights::Weights(const std::vector<std::string>& files, QuantizationConfig quantization, DevicePolicy device,
                 std::function<void(double)> progress)
    : files_(files),
      quantization_(std::move(quantization)),
      device_(std::move(device)),
      progress_(std::move(progress)) {
  for (const auto& file : files_) {
    try {
      for (auto& [name, array] : mx::load_safetensors(file).first) {
        if (is_other_part(name)) continue;
        total_bytes_ += array.nbytes();
        tensors_.insert_or_assign(name, Tensor{array, &file});
      }
    } catch (const std::exception& error) {
      throw Error("bad_weights", "[weights] " + file + " cannot be read (" + error.what() + "); download it again");
    }
  }
}

std::string Weights::prefix_of(const std::string& name, const std::vector<std::string>& prefixes) const {
  std::string tried;
  for (const auto& prefix : prefixes) {
    if (has(prefix + name)) return prefix;
    tried += (tried.empty() ? "" : " or ") + prefix + name;
  }
  throw Error("bad_weights", "[weights] no tensor " + tried + " in " + (files_.empty() ? "no files" : files_[0]) +
                                 (files_.size() > 1 ? " and the other shards" : "") +
                                 "; download the checkpoint again");
}

void Weights::ignore(const std::string& prefix) {
  std::erase_if(tensors_, [&](const auto& entry) { return entry.first.starts_with(prefix); });
}

void Weights::expect_none_left() const {
  if (tensors_.empty()) return;
  const auto& [name, tensor] = *std::ranges::min_element(tensors_, {}, [](const auto& entry) { return entry.first; });
  throw Error("bad_weights", "[weights] config.json describes a model without " + name + ", which is in " +
                                 *tensor.file + " (" + std::to_string(tensors_.size()) +
                                 " such tensors); config.json and weights belong to different checkpoints");
}

size_t Weights::predicted_bytes() const {
  size_t sum = 0;
  for (const auto& [name, tensor] : tensors_) {
    bool packed = tensor.array.dtype() == mx::uint32;
    auto layer = name.substr(0, name.find_last_of('.'));
    auto quantization = packed ? quantization_.of(layer) : std::nullopt;
    if (packed && quantization && device_.dequantize)
      sum += tensor.array.nbytes() * 8 / static_cast<size_t>(quantization->bits) * mx::float32.size();
    else if (packed || !device_.dtype)
      sum += tensor.array.nbytes();
    else if (!device_.dequantize || !has(layer + ".scales") || name.ends_with(".bias"))
      sum += tensor.array.size() * device_.dtype->size();
  }
  return sum;
}

mx::array Weights::converted(const mx::array& array) const {
  return device_.dtype ? mx::astype(array, *device_.dtype) : array;
}

Weights::Tensor Weights::take(const std::string& name) {
  auto it = tensors_.find(name);
  if (it == tensors_.end()) {
    // Name a file that holds its neighbours, which is where it should have been.
    auto layer = name.substr(0, name.find_last_of('.'));
    std::string file = files_.empty() ? "no files" : files_[0];
    for (const auto& [other, tensor] : tensors_)
      if (other.starts_with(layer.substr(0, layer.find_last_of('.')))) file = *tensor.file;
    throw Error("bad_weights", "[weights] " + name + " is missing from " + file + "; download the checkpoint again");
  }
  auto tensor = std::move(it->second);
  tensors_.erase(it);
  return tensor;
}

mx::array Weights::read(const Tensor& tensor, const std::string& name, const mx::array& wanted) {
  try {
    mx::eval(wanted);
  } catch (const std::exception& error) {
    throw Error("bad_weights", "[weights] " + name + " in " + *tensor.file + " cannot be read (" + error.what() +
                                   "); download the file again");
  }
  read_bytes_ += tensor.array.nbytes();
  bytes_ += wanted.nbytes();
  progress_(total_bytes_ ? static_cast<double>(read_bytes_) / static_cast<double>(total_bytes_) : 1.0);
  return wanted;
}

mx::array Weights::tensor(const std::string& name, const mx::Shape& shape) {
  auto taken = take(name);
  const auto& array = taken.array;
  if (array.shape() != shape || !is_float(array.dtype()))
    throw Error("bad_weights", "[weights] " + name + " in " + *taken.file + " has shape " + show(array.shape()) +
                                   (is_float(array.dtype()) ? "" : " of integers") + ", config.json asks for " +
                                   show(shape) + "; config.json and weights belong to different checkpoints");
  parameters_ += array.size();
  kinds_[dtype_name(array.dtype())] += array.size();
  auto wanted = converted(array);
  compute_kind_ = dtype_name(wanted.dtype());
  return read(taken, name, wanted);
}

Linear Weights::linear(const std::string& layer, int out, int in, bool bias) {
  auto name = layer + ".weight";
  std::optional<mx::array> added;
  if (bias) added = tensor(layer + ".bias", {out});
  if (!has(layer + ".scales")) return plain(tensor(name, {out, in}), added);

  auto quantization = quantization_.of(layer);
  if (!quantization)
    throw Error("bad_config", "[weights] " + name +
                                  " is quantized, but config.json has no \"quantization\" for it; "
                                  "get config.json again");
  auto [group, bits] = *quantization;
  if (group <= 0 || in % group != 0 || (bits != 2 && bits != 3 && bits != 4 && bits != 5 && bits != 6 && bits != 8))
    throw Error("bad_config", "[weights] " + name + ": config.json's quantization of " + std::to_string(bits) +
                                  " bits in groups of " + std::to_string(group) + " does not fit its width of " +
                                  std::to_string(in));
  auto packed = take(name);
  auto scales = take(layer + ".scales");
  auto biases = take(layer + ".biases");
  mx::Shape packed_shape{out, in * bits / 32};
  mx::Shape scales_shape{out, in / group};
  for (const auto& [part, shape] : {std::pair{&packed, packed_shape}, {&scales, scales_shape}, {&biases, scales_shape}})
    if (part->array.shape() != shape)
      throw Error("bad_weights", "[weights] " + layer + " in " + *part->file + " has a part of shape " +
                                     show(part->array.shape()) + ", config.json asks for " + show(shape) +
                                     "; config.json and weights belong to different checkpoints");
  auto count = static_cast<size_t>(out) * static_cast<size_t>(in);
  parameters_ += count;
  kinds_[std::to_string(bits) + "-bit"] += count;
  if (device_.dequantize) {
    auto whole = mx::dequantize(packed.array, converted(scales.array), converted(biases.array), group, bits);
    read_bytes_ += scales.array.nbytes() + biases.array.nbytes();
    return plain(read(packed, name, whole), added);
  }
  return {read(packed, name, packed.array),
          std::nullopt,
          read(scales, layer + ".scales", converted(scales.array)),
          read(biases, layer + ".biases", converted(biases.array)),
          added,
          *quantization};
}

RMSNorm Weights::norm_beyond_one(const std::string& layer, int dim, float eps) {
  auto beyond = tensor(layer + ".weight", {dim});
  auto scale = mx::add(beyond, mx::array(1.0F, beyond.dtype()));
  mx::eval(scale);
  return {scale, eps};
}

std::string Weights::kind() const {
  auto most = std::ranges::max_element(kinds_, {}, [](const auto& entry) { return entry.second; });
  return most == kinds_.end() ? "empty" : most->first;
}

}  // namespace tether
