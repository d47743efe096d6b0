// Small embeddings per token and layer, which Gemma 3n and the small Gemma 4 models feed to their blocks.
#include "model/per_layer.h"

#include <cmath>

namespace tether {

PerLayerEmbedding::PerLayerEmbedding(Weights& weights, const std::string& prefix, const Shape& shape)
    : shape_(shape),
      table_(weights.embedding(prefix + "embed_tokens_per_layer", shape.rows, shape.layers * shape.dim)),
      projection_(weights.linear(prefix + "per_layer_model_projection", shape.layers * shape.dim, shape.hidden)),
      norm_(weights.norm(prefix + "per_layer_projection_norm", shape.dim, shape.eps)) {}

mx::array PerLayerEmbedding::operator()(const mx::array& ids, const mx::array& embedded) const {
  mx::Shape shape{ids.shape(0), shape_.layers, shape_.dim};
  auto scaled = [](const mx::array& x, float by) { return mx::multiply(x, mx::array(by, x.dtype())); };
  auto known = ids;
  if (shape_.rows < shape_.vocab)
    known = mx::where(mx::less(ids, mx::array(shape_.rows)), ids, mx::array(0, ids.dtype()));
  auto looked_up = mx::reshape(scaled(table_(known), std::sqrt(static_cast<float>(shape_.dim))), shape);
  auto projected =
      norm_(mx::reshape(scaled(projection_(embedded), 1 / std::sqrt(static_cast<float>(shape_.hidden))), shape));
  return scaled(mx::add(projected, looked_up), 1 / std::sqrt(2.0F));
}

}  // namespace tether
