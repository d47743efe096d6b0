// Small embeddings per token and layer, which Gemma 3n and the small Gemma 4 models feed to their blocks.
#pragma once

#include <mlx/mlx.h>

#include <string>

#include "model/layers.h"
#include "model/weights.h"

namespace tether {

class PerLayerEmbedding {
 public:
  struct Shape {
    int rows;   // rows of the table; later tokens have the embedding of token 0
    int vocab;  // all tokens
    int layers;
    int dim;
    int hidden;
    float eps;
  };

  PerLayerEmbedding(Weights& weights, const std::string& prefix, const Shape& shape);

  // ids: (N), embedded: (N, hidden), scaled -> (N, layers, dim)
  mx::array operator()(const mx::array& ids, const mx::array& embedded) const;

 private:
  Shape shape_;
  Embedding table_;
  Linear projection_;
  RMSNorm norm_;
};

}  // namespace tether
