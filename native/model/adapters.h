// LoRA adapters: what each of them adds to the products of a model's linear layers, and which rows of a pass get it.
#pragma once

#include <mlx/mlx.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapter_source.h"
#include "model/device.h"

namespace tether {

namespace mx = mlx::core;

// Adapters of a model are numbered from 1 on, in the order in which they are read. 0 is none: the model as it is.

// The rows [begin, end) of a pass, of sequences with the same adapter.
struct AdapterRows {
  int adapter;
  int begin;
  int end;
};

// What adapters add to one linear layer.
class AdaptedLinear {
 public:
  // rows: those of the pass that is being built; all layers of a model have the same.
  AdaptedLinear(int out, int in, const DevicePolicy& device, std::shared_ptr<const std::vector<AdapterRows>> rows)
      : out_(out), in_(in), device_(device), rows_(std::move(rows)) {}

  // x: (N, in), y: the layer's own product, (N, out) -> y with what the adapters of these rows add
  mx::array added(const mx::array& x, mx::array y) const;

  // Whether added() changes anything in this pass.
  bool adds() const;

  int out() const { return out_; }
  int in() const { return in_; }
  const DevicePolicy& device() const { return device_; }

  // Matrices as the policy multiplies by them: with `own_kernels` float32, (rank, in) times the scale and (out, rank);
  // else as stored, (in, rank) and (rank, out).
  struct Factors {
    mx::array a;
    mx::array b;
    float scale;
  };
  void set(int adapter, Factors factors);

 private:
  mx::array product(const mx::array& x, const Factors& factors) const;
  // Null: that adapter does not change this layer.
  const Factors* factors_of(int adapter) const {
    auto index = static_cast<size_t>(adapter);
    return index < factors_.size() && factors_[index] ? &*factors_[index] : nullptr;
  }

  int out_;
  int in_;
  DevicePolicy device_;
  std::shared_ptr<const std::vector<AdapterRows>> rows_;
  std::vector<std::optional<Factors>> factors_;  // by adapter, from 1 on
};

// The linear layers of a model that adapters can change, and the adapters that were read. Engine thread only.
class Adapters {
 public:
  // layer: the name of its tensors, without ".weight".
  std::shared_ptr<const AdaptedLinear> add_layer(const std::string& layer, int out, int in, const DevicePolicy& device);
  // Parts of an adapter for layers whose names begin so are not read: the model does not read these layers either.
  void ignore(const std::string& prefix) { ignored_.push_back(short_name(prefix)); }

  // Reads one more. Throws Error("bad_weights") if it is not whole, or was made for another model. -> its bytes
  size_t read(const AdapterSource& source);
  int count() const { return count_; }

  // For the pass that is built next: its rows, in order.
  void route(std::vector<AdapterRows> rows) { *rows_ = std::move(rows); }

  // A layer's name without what differs between checkpoints: what comes before the layers.
  static std::string short_name(const std::string& layer);

 private:
  void check_whole(const AdapterSource& source) const;

  std::map<std::string, std::shared_ptr<AdaptedLinear>> layers_;  // by short name
  std::vector<std::string> ignored_;
  std::shared_ptr<std::vector<AdapterRows>> rows_ = std::make_shared<std::vector<AdapterRows>>();
  int count_ = 0;
};

}  // namespace tether
