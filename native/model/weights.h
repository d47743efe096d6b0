// Reads a checkpoint's tensors by name, checks their shapes, converts them and makes layers of them.
#pragma once

#include <mlx/mlx.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "matrix.h"
#include "model/adapters.h"
#include "model/config.h"
#include "model/device.h"
#include "model/layers.h"

namespace tether {

// Takes each tensor out of the files once; the layers compute by the policy given here. Every failure is an
// Error("bad_weights") that names the tensor and its file. Engine thread only.
class Weights {
 public:
  // files: absolute paths of .safetensors files. Only their headers are read here.
  // progress: called with 0…1 as bytes are read; may throw to stop loading.
  Weights(const std::vector<std::string>& files, const DevicePolicy& device, std::function<void(double)> progress);

  const DevicePolicy& device() const { return device_; }

  bool has(const std::string& name) const { return tensors_.contains(name); }
  // The first of these prefixes under which `name` exists. If there is none, the error names them all.
  std::string prefix_of(const std::string& name, const std::vector<std::string>& prefixes) const;

  mx::array tensor(const std::string& name, const mx::Shape& shape);
  // (count) int32, each from 0 on and below `below`.
  mx::array numbers(const std::string& name, int count, int below);
  // `layer` is the name without ".weight". An adapter can change it.
  Linear linear(const std::string& layer, int out, int in, bool bias = false);
  ExpertLinear experts(const std::string& layer, int count, int out, int in);
  Embedding embedding(const std::string& layer, int rows, int dim);
  // The output layer under one of these prefixes. nullopt: the embedding is used for it, and a head is ignored.
  std::optional<Linear> head(const std::vector<std::string>& prefixes, bool tied, int vocab, int dim);
  RMSNorm norm(const std::string& layer, int dim, float eps) {
    return {tensor(layer + ".weight", {dim}), eps, device_};
  }
  // For checkpoints that store a norm's scale minus 1, as those of Gemma 2 and 3 do.
  RMSNorm norm_beyond_one(const std::string& layer, int dim, float eps);

  // Drops the tensors whose names begin with `prefix`: the checkpoint has them and this model does not read them.
  void ignore(const std::string& prefix);
  // Throws if a tensor was neither taken nor ignored: config.json then describes another model.
  void expect_none_left() const;

  // The layers that adapters can change, for the model that is made of them.
  std::shared_ptr<Adapters> adapters() const { return adapters_; }

  // Bytes that all tensors will take once they are read.
  size_t predicted_bytes() const;

  // Of the tensors taken so far.
  size_t parameters() const { return parameters_; }
  size_t bytes() const { return bytes_; }
  // The format that most parameters are stored in, such as "4-bit" or "bf16".
  std::string kind() const;
  // The dtype of activations, such as "f32".
  std::string compute_kind() const { return compute_kind_; }

 private:
  struct Tensor {
    mx::array array;
    const std::string* file;
  };

  Tensor take(const std::string& name);
  void drop(const std::string& prefix);
  Linear plain_linear(const std::string& layer, int out, int in, bool bias);
  Matrix matrix(const std::string& layer, const mx::Shape& shape);
  // Of a layer with scales, whose rows have `width` numbers.
  Quantization quantization_of(const std::string& layer, int width) const;
  mx::array converted(const mx::array& array) const;
  mx::array converted_scales(const mx::array& array) const;
  // Evaluates the tensor as the file has it, which reads the file.
  mx::array read(const Tensor& tensor, const std::string& name);
  // Evaluates an array that the model will hold, and counts its bytes.
  mx::array keep(const mx::array& wanted);

  std::shared_ptr<Adapters> adapters_ = std::make_shared<Adapters>();
  std::vector<std::string> files_;
  std::unordered_map<std::string, Tensor> tensors_;
  DevicePolicy device_;
  std::optional<mx::Dtype> half_;  // dtype of activations, if the policy has none; nullopt: no tensor is a half
  std::function<void(double)> progress_;
  size_t total_bytes_ = 0;
  size_t read_bytes_ = 0;
  size_t parameters_ = 0;
  size_t bytes_ = 0;
  std::map<std::string, size_t> kinds_;
  std::string compute_kind_ = "f32";
};

}  // namespace tether
