// A checkpoint's tensors by name: found, checked against the shape that is wanted, converted, read.
#pragma once

#include <mlx/mlx.h>

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/config.h"
#include "model/device.h"
#include "model/layers.h"

namespace tether {

// Takes each tensor out of the files once. Every failure is an Error("bad_weights") that names the tensor and its file.
// Engine thread only.
class Weights {
 public:
  // files: absolute paths of .safetensors files. Only their headers are read here.
  // progress: called with 0…1 as bytes are read; may throw to stop.
  Weights(const std::vector<std::string>& files, QuantizationConfig quantization, DevicePolicy device,
          std::function<void(double)> progress);

  bool has(const std::string& name) const { return tensors_.contains(name); }
  // The first of these prefixes under which `name` exists; an error that names them all if there is none.
  std::string prefix_of(const std::string& name, const std::vector<std::string>& prefixes) const;

  mx::array tensor(const std::string& name, const mx::Shape& shape);
  // `layer` is the name without ".weight".
  Linear linear(const std::string& layer, int out, int in, bool bias = false);
  ExpertLinear experts(const std::string& layer, int count, int out, int in);
  Embedding embedding(const std::string& layer, int rows, int dim);
  RMSNorm norm(const std::string& layer, int dim, float eps) { return {tensor(layer + ".weight", {dim}), eps}; }

  // A norm that is stored as what its scale has beyond 1, as Gemma 2 and 3 store it.
  RMSNorm norm_beyond_one(const std::string& layer, int dim, float eps);

  // Drops the tensors whose names begin so: the checkpoint has them and this model does not read them.
  void ignore(const std::string& prefix);
  // Every tensor must have been taken or ignored by now: one that is left means that config.json describes another
  // model.
  void expect_none_left() const;

  // Bytes that all tensors will take once read under this device's policy.
  size_t predicted_bytes() const;

  // What has been taken so far.
  size_t parameters() const { return parameters_; }
  size_t bytes() const { return bytes_; }
  // What the files hold, such as "4-bit" or "bf16": the kind most of the parameters have.
  std::string kind() const;
  // What is computed in, such as "f32".
  std::string compute_kind() const { return compute_kind_; }

 private:
  struct Tensor {
    mx::array array;
    const std::string* file;
  };

  // Matrices along the last two axes.
  struct Matrix {
    mx::array weight;
    std::optional<mx::array> scales, biases;
    Quantization quantization;
  };

  Tensor take(const std::string& name);
  Matrix matrix(const std::string& layer, const mx::Shape& shape);
  Quantization quantization_of(const std::string& layer, int width) const;
  mx::array converted(const mx::array& array) const;
  mx::array converted_scales(const mx::array& array) const;
  // As the file has it, evaluated: this is where it is read.
  mx::array read(const Tensor& tensor, const std::string& name);
  // Evaluates what the model will hold, and counts it.
  mx::array keep(const mx::array& wanted);

  std::vector<std::string> files_;
  std::unordered_map<std::string, Tensor> tensors_;
  QuantizationConfig quantization_;
  DevicePolicy device_;
  std::optional<mx::Dtype> half_;  // the half precision that activations have where the device keeps dtypes
  std::function<void(double)> progress_;
  size_t total_bytes_ = 0;
  size_t read_bytes_ = 0;
  size_t parameters_ = 0;
  size_t bytes_ = 0;
  std::map<std::string, size_t> kinds_;
  std::string compute_kind_ = "f32";
};

}  // namespace tether
