// LoRA adapters: what each of them adds to the products of a model's linear layers, and which rows of a pass get it.
#include "model/adapters.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <unordered_map>
#include <utility>

#include "cpu/ops/elementwise.h"
#include "cpu/ops/products.h"
#include "error.h"
#include "model/show_shape.h"

namespace tether {
namespace {

constexpr std::string_view kLayers = "layers.";

// The number of a layer and the rest of its name; nullopt if it is in none.
std::optional<std::pair<int, std::string>> layer_of(const std::string& name) {
  if (!name.starts_with(kLayers)) return std::nullopt;
  int number = 0;
  const char* end = name.data() + name.size();
  auto [at, error] = std::from_chars(name.data() + kLayers.size(), end, number);
  if (error != std::errc() || at == end) return std::nullopt;
  return std::pair(number, std::string(at + 1, end));
}

mx::array rows_of(const mx::array& x, int begin, int end) { return mx::slice(x, {begin, 0}, {end, x.shape(1)}); }

// An adapter's file while it is read. Its errors name the adapter.
class AdapterFile {
 public:
  explicit AdapterFile(const AdapterSource& source) : source_(source) {
    try {
      tensors_ = mx::load_safetensors(source.file).first;
    } catch (const std::exception& error) {
      throw fault(source.file + " cannot be read (" + error.what() + "). Copy or download it again.");
    }
  }

  Error fault(const std::string& what) const {
    return {"bad_weights", "[adapter] " + source_.path + " cannot be used: " + what};
  }

  // The two matrices of a layer, (in, rank) and (rank, out), read and checked.
  std::pair<mx::array, mx::array> matrices(const AdapterPart& part, int in, int out) const {
    auto a = tensor(part.a);
    auto b = tensor(part.b);
    if (source_.transposed) {
      a = mx::transpose(a);
      b = mx::transpose(b);
    }
    int rank = a.shape(1);
    check_shape(part.a, a, {in, rank}, part.layer, in, out);
    check_shape(part.b, b, {rank, out}, part.layer, in, out);
    if (rank < 1 || rank > std::max(in, out))
      throw fault(part.a + " has rank " + std::to_string(rank) + ", and the layer is (" + std::to_string(out) + ", " +
                  std::to_string(in) + "): a rank is at least 1 and at most the larger of the two.");
    check_finite(part.a, a);
    check_finite(part.b, b);
    return {a, b};
  }

 private:
  mx::array tensor(const std::string& name) const {
    auto found = tensors_.find(name);
    if (found == tensors_.end()) throw fault(source_.file + " has no tensor " + name + ". Copy or download it again.");
    const auto& array = found->second;
    if (array.ndim() != 2 || !mx::issubdtype(array.dtype(), mx::floating))
      throw fault(name + " has shape " + show_shape(array.shape()) + " and must be a matrix of floats.");
    return array;
  }

  void check_shape(const std::string& name, const mx::array& array, const mx::Shape& wanted, const std::string& layer,
                   int in, int out) const {
    if (array.shape() == wanted) return;
    auto stored = [&](mx::Shape shape) {
      if (source_.transposed) std::swap(shape[0], shape[1]);
      return show_shape(shape);
    };
    throw fault(name + " has shape " + stored(array.shape()) + ", and " + layer + " of this model, which is (" +
                std::to_string(out) + ", " + std::to_string(in) + "), needs " + stored(wanted) +
                ". Use the model that the adapter was made for.");
  }

  void check_finite(const std::string& name, const mx::array& array) const {
    try {
      if (mx::all(mx::isfinite(array)).item<bool>()) return;
    } catch (const std::exception& error) {
      throw fault(name + " cannot be read (" + error.what() + "). Copy or download it again.");
    }
    throw fault(name + " has numbers that are not finite. Its training has failed, or the file is damaged.");
  }

  const AdapterSource& source_;
  std::unordered_map<std::string, mx::array> tensors_;
};

}  // namespace

mx::array AdaptedLinear::product(const mx::array& x, const Factors& factors) const {
  if (device_.own_kernels) {
    auto inner = cpu::product(x, {.numbers = factors.a}, device_.activations);
    return cpu::product(inner, {.numbers = factors.b}, device_.activations);
  }
  auto inner = mx::matmul(x, factors.a);
  auto scaled = mx::multiply(inner, mx::array(factors.scale, inner.dtype()));
  // A float32 adapter beside activations in half precision is multiplied in float32, as mlx-lm does.
  return mx::astype(mx::matmul(scaled, factors.b), x.dtype());
}

mx::array AdaptedLinear::added(const mx::array& x, mx::array y) const {
  std::vector<mx::array> parts;
  int done = 0;
  for (const auto& [adapter, begin, end] : *rows_) {
    const auto* factors = factors_of(adapter);
    if (!factors) continue;
    bool whole = end - begin == x.shape(0);
    auto sum = product(whole ? x : rows_of(x, begin, end), *factors);
    if (device_.own_kernels) {
      y = cpu::add_rows(y, sum, begin);
    } else if (whole) {
      return mx::add(y, sum);
    } else {
      if (begin > done) parts.push_back(rows_of(y, done, begin));
      parts.push_back(mx::add(rows_of(y, begin, end), sum));
      done = end;
    }
  }
  if (parts.empty()) return y;
  if (done < y.shape(0)) parts.push_back(rows_of(y, done, y.shape(0)));
  return mx::concatenate(parts, 0);
}

bool AdaptedLinear::adds() const {
  return std::ranges::any_of(*rows_, [this](const AdapterRows& rows) { return factors_of(rows.adapter) != nullptr; });
}

void AdaptedLinear::set(int adapter, Factors factors) {
  auto index = static_cast<size_t>(adapter);
  if (factors_.size() <= index) factors_.resize(index + 1);
  factors_[index] = std::move(factors);
}

std::string Adapters::short_name(const std::string& layer) {
  auto place = layer.find(kLayers);
  if (place != std::string::npos && (place == 0 || layer[place - 1] == '.')) return layer.substr(place);
  std::string_view rest = layer;
  for (bool again = true; again;) {
    again = false;
    for (std::string_view prefix : {"base_model.", "language_model.", "model."}) {
      if (!rest.starts_with(prefix)) continue;
      rest.remove_prefix(prefix.size());
      again = true;
    }
  }
  return std::string(rest);
}

std::shared_ptr<const AdaptedLinear> Adapters::add_layer(const std::string& layer, int out, int in,
                                                         const DevicePolicy& device) {
  auto added = std::make_shared<AdaptedLinear>(out, in, device, rows_);
  layers_[short_name(layer)] = added;
  return added;
}

size_t Adapters::read(const AdapterSource& source) {
  AdapterFile file(source);
  size_t bytes = 0;
  count_++;
  for (const auto& part : source.parts) {
    if (std::ranges::any_of(ignored_, [&](const auto& prefix) { return (part.layer + ".").starts_with(prefix); }))
      continue;
    auto found = layers_.find(part.layer);
    if (found == layers_.end())
      throw file.fault("it changes " + part.layer +
                       ", which is no linear layer of this model that an adapter can change. Use the model that the "
                       "adapter was made for, or train it without that layer.");
    auto& layer = *found->second;
    auto [a, b] = file.matrices(part, layer.in(), layer.out());
    if (layer.device().own_kernels) {
      a = mx::multiply(mx::transpose(mx::astype(a, mx::float32)), mx::array(part.scale));
      b = mx::transpose(mx::astype(b, mx::float32));
    }
    a = mx::contiguous(a);
    b = mx::contiguous(b);
    mx::eval(a, b);
    bytes += a.nbytes() + b.nbytes();
    layer.set(count_, {.a = a, .b = b, .scale = part.scale});
  }
  // Last: another model's adapter is best told by a shape.
  check_whole(source);
  return bytes;
}

// A tensor that is missing would leave its layer as it is, and the answers a little worse.
void Adapters::check_whole(const AdapterSource& source) const {
  if (source.modules.empty()) return;
  std::set<std::string> there;
  for (const auto& part : source.parts) there.insert(part.layer);
  int layers = 0;
  for (const auto& [name, layer] : layers_)
    if (auto place = layer_of(name)) layers = std::max(layers, place->first + 1);
  for (const auto& [name, layer] : layers_) {
    auto place = layer_of(name);
    if (!place || there.contains(name) || (source.last_layers > 0 && place->first < layers - source.last_layers))
      continue;
    bool wanted = std::ranges::any_of(source.modules, [&](const std::string& module) {
      return place->second == module || place->second.ends_with("." + module);
    });
    if (wanted)
      throw Error("bad_weights", "[adapter] " + source.path + " cannot be used: " + source.file +
                                     " has no tensors for " + name +
                                     ", which adapter_config.json says it changes. Copy or download it again.");
  }
}

}  // namespace tether
