// Tests weights under the policies of a CPU and a GPU, in every format that MLX has.
#include "model/weights.h"

#include <cmath>
#include <filesystem>
#include <functional>
#include <string>

#include "error.h"
#include "test/check.h"

using namespace tether;

namespace {

DevicePolicy cpu() { return device_policy(); }

DevicePolicy gpu() { return gpu_policy("metal"); }

using Tensors = std::unordered_map<std::string, mx::array>;

class Checkpoint {
 public:
  explicit Checkpoint(const Tensors& tensors)
      : path_((std::filesystem::temp_directory_path() /
               ("tether-weights-test-" + std::to_string(next_++) + ".safetensors"))
                  .string()) {
    mx::save_safetensors(path_, tensors);
  }
  ~Checkpoint() { std::filesystem::remove(path_); }
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;

  Weights open(const DevicePolicy& device) const {
    return Weights({path_}, device, [](double) {});
  }
  const std::string& path() const { return path_; }

 private:
  static inline int next_ = 0;
  std::string path_;
};

Quantization affine(int bits, int group_size) {
  return {.mode = QuantMode::affine, .bits = bits, .group_size = group_size};
}

bool is_affine(const Quantization& q) { return q.mode == QuantMode::affine; }

float distance(const mx::array& a, const mx::array& b) {
  return mx::max(mx::abs(mx::subtract(mx::astype(a, mx::float32), mx::astype(b, mx::float32)))).item<float>();
}

// Two layers of (64, 128), an embedding and three experts, quantized alike.
Tensors quantized(const Quantization& q, mx::Dtype scales) {
  Tensors tensors;
  auto add = [&](const std::string& name, const mx::Shape& shape) {
    auto parts = mx::quantize(mx::random::normal(shape), q.group_size, q.bits, mode_name(q.mode));
    tensors.insert_or_assign(name + ".weight", parts[0]);
    tensors.insert_or_assign(name + ".scales", is_affine(q) ? mx::astype(parts[1], scales) : parts[1]);
    if (is_affine(q)) tensors.insert_or_assign(name + ".biases", mx::astype(parts[2], scales));
  };
  add("linear", {64, 128});
  add("embedding", {64, 128});
  add("experts", {3, 64, 128});
  tensors.insert_or_assign("norm.weight", mx::ones({128}, scales));
  return tensors;
}

mx::array whole(const Tensors& tensors, const std::string& name, const Quantization& q) {
  std::optional<mx::array> biases;
  if (is_affine(q)) biases = mx::astype(tensors.at(name + ".biases"), mx::float32);
  auto scales = tensors.at(name + ".scales");
  return mx::dequantize(tensors.at(name + ".weight"), is_affine(q) ? mx::astype(scales, mx::float32) : scales, biases,
                        q.group_size, q.bits, mode_name(q.mode), std::nullopt, mx::float32);
}

void every_format_computes_what_it_holds() {
  std::vector<Quantization> formats;
  for (int bits : {2, 3, 4, 5, 6, 8})
    for (int group : {32, 64, 128}) formats.push_back(affine(bits, group));
  formats.insert(formats.end(), {{.mode = QuantMode::mxfp4, .bits = 4, .group_size = 32},
                                 {.mode = QuantMode::mxfp8, .bits = 8, .group_size = 32},
                                 {.mode = QuantMode::nvfp4, .bits = 4, .group_size = 16}});
  auto x = mx::random::normal({5, 128});
  auto ids = mx::array({7, 0, 63}, mx::int32);
  auto chosen = mx::array({2, 0, 1, 1, 2, 0, 0, 2, 1, 0}, {5, 2}, mx::int32);
  auto rows = mx::expand_dims(x, {1, 2});
  for (const auto& format : formats) {
    auto name = name_of(format) + " in groups of " + std::to_string(format.group_size);
    auto tensors = quantized(format, mx::float32);
    Checkpoint file(tensors);
    auto experts = mx::swapaxes(whole(tensors, "experts", format), 1, 2);
    auto product = mx::matmul(x, mx::transpose(whole(tensors, "linear", format)));
    auto looked_up = mx::take(whole(tensors, "embedding", format), ids, 0);
    auto mixed = mx::gather_mm(rows, experts, std::nullopt, chosen);
    for (const auto& device : {cpu(), gpu()}) {
      auto where = name + " on " + std::string(device.name);
      auto weights = file.open(device);
      auto predicted = weights.predicted_bytes();
      auto linear = weights.linear("linear", 64, 128);
      auto embedding = weights.embedding("embedding", 64, 128);
      auto switched = weights.experts("experts", 3, 64, 128);
      weights.norm("norm", 128, 1e-6F);
      weights.expect_none_left();
      check(distance(linear(x), product) < 1e-3F, where + ": linear layer");
      // Without a dtype in the policy, rows of floating-point formats are bfloat16.
      bool halves = !is_affine(format) && !device.dtype;
      check(distance(embedding(ids), looked_up) < (halves ? 0.02F : 1e-5F), where + ": embedding");
      check(distance(switched(rows, chosen, false), mixed) < 1e-3F, where + ": experts");
      check(weights.bytes() == predicted,
            where + ": " + std::to_string(weights.bytes()) + " bytes, predicted " + std::to_string(predicted));
      check(weights.kind() == name_of(format), where + ": its kind is " + weights.kind());
    }
  }
}

// A CPU stores matrices of halves as they are and computes in float32: all 16-bit numbers, including infinities,
// subnormals and NaN, are read exactly.
void a_cpu_reads_halves_exactly() {
  auto bits = mx::reshape(mx::astype(mx::arange(65536), mx::uint16), {256, 256});
  for (auto dtype : {mx::float16, mx::bfloat16}) {
    auto halves = mx::view(bits, dtype);
    Checkpoint file({{"table.weight", halves}, {"norm.weight", mx::ones({256}, dtype)}});
    auto weights = file.open(cpu());
    auto predicted = weights.predicted_bytes();
    auto rows = weights.embedding("table", 256, 256)(mx::arange(256));
    check(weights.norm("norm", 256, 1e-6F).weight->dtype() == mx::float32, "a vector is converted");
    check(weights.bytes() == predicted && predicted == 131072 + 1024, "a matrix of halves is stored as it is");
    check(mx::array_equal(rows, mx::astype(halves, mx::float32), true).item<bool>(),
          "all 16-bit numbers are read exactly");
  }
}

void one_half_holds_for_all() {
  for (auto [norms, scales] :
       {std::pair{mx::bfloat16, mx::float16}, {mx::float16, mx::bfloat16}, {mx::bfloat16, mx::float32}}) {
    Quantization format = affine(4, 32);
    auto tensors = quantized(format, scales);
    tensors.insert_or_assign("norm.weight", mx::ones({128}, norms));
    tensors.insert_or_assign("plain.weight", mx::ones({128, 128}, norms));
    tensors.insert_or_assign("odd.weight", mx::ones({4, 128}, norms == mx::bfloat16 ? mx::float16 : mx::bfloat16));
    Checkpoint file(tensors);
    auto weights = file.open(gpu());
    auto x = mx::ones({2, 128}, norms);
    check(weights.linear("linear", 64, 128)(x).dtype() == norms, "a quantized layer returns the dtype of activations");
    check(weights.linear("plain", 128, 128)(x).dtype() == norms, "plain weights keep their dtype");
    check(weights.linear("odd", 4, 128)(x).dtype() == norms,
          "weights in the other half precision take the one of most weights");
    check(weights.embedding("embedding", 64, 128)(mx::array({1})).dtype() == norms,
          "rows of embeddings have the dtype of activations");
    check(weights.experts("experts", 3, 64, 128)(mx::ones({2, 1, 1, 128}, norms), mx::array({0, 1}, {2, 1}, mx::int32),
                                                 false)
                  .dtype() == norms,
          "experts return the dtype of activations");
    check(weights.norm("norm", 128, 1e-6F)(x).dtype() == norms, "norms return the dtype of activations");
  }
}

void float32_stays_float32() {
  Checkpoint file(quantized(affine(4, 32), mx::float32));
  auto weights = file.open(gpu());
  check(weights.linear("linear", 64, 128)(mx::ones({2, 128})).dtype() == mx::float32,
        "a checkpoint without halves is computed in float32");
}

void rejects(const std::string& what, const std::vector<std::string>& words, const std::function<void()>& act) {
  try {
    act();
    check(false, what + " is rejected");
  } catch (const Error& error) {
    for (const auto& word : words)
      check(std::string(error.what()).find(word) != std::string::npos, what + ": \"" + error.what() + "\" has " + word);
  }
}

void what_contradicts_config_is_named() {
  Quantization format = affine(4, 32);
  auto tensors = quantized(format, mx::float32);
  Checkpoint file(tensors);
  rejects("rows of another width", {"linear.weight", file.path(), "(64, 16)", "(64, 4)", "192"},
          [&] { file.open(gpu()).linear("linear", 64, 192); });
  rejects("another number of rows", {"linear.weight", file.path(), "4-bit", "(32, 16)"},
          [&] { file.open(gpu()).linear("linear", 32, 128); });
  rejects("another number of experts", {"experts.weight", file.path(), "(4, 64, 16)"},
          [&] { file.open(gpu()).experts("experts", 4, 64, 128); });
  tensors.erase("linear.weight");
  Checkpoint half(tensors);
  rejects("scales without their numbers", {"linear.weight", half.path()},
          [&] { half.open(gpu()).linear("linear", 64, 128); });
}

void a_head_is_read_or_ignored() {
  Checkpoint file({{"lm_head.weight", mx::ones({4, 32})}, {"norm.weight", mx::ones({32})}});
  for (bool tied : {true, false}) {
    auto weights = file.open(cpu());
    check(weights.head({"model.", ""}, tied, 4, 32).has_value() != tied, "a head is there unless it is tied");
    weights.norm("norm", 32, 1e-6F);
    weights.expect_none_left();
  }
  rejects("a head that is missing", {"lm_head.weight"}, [&] { file.open(cpu()).head({"model."}, false, 4, 32); });
}

}  // namespace

int main() {
  mx::set_default_device(mx::Device::cpu);
  mx::random::seed(7);
  every_format_computes_what_it_holds();
  a_cpu_reads_halves_exactly();
  one_half_holds_for_all();
  float32_stays_float32();
  what_contradicts_config_is_named();
  a_head_is_read_or_ignored();
  return result();
}
