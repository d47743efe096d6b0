// Models whose last layers read keys and values of earlier ones: which layer's, and what each has of its own.
#include "model/sharing.h"

#include "error.h"

namespace tether {

std::vector<size_t> key_sources(const std::vector<bool>& sliding, int shared, const std::string& where) {
  if (shared >= static_cast<int>(sliding.size()))
    throw Error("bad_config", "[config] " + where + ": num_kv_shared_layers must be below num_hidden_layers");
  size_t own = sliding.size() - static_cast<size_t>(shared);
  std::vector<size_t> sources;
  for (size_t layer = 0; layer < sliding.size(); layer++) {
    size_t after = layer < own ? layer + 1 : own;
    while (after > 0 && sliding[after - 1] != sliding[layer]) after--;
    if (after == 0)
      throw Error("bad_config", "[config] " + where + ": layer " + std::to_string(layer) +
                                    " shares keys and values, but no earlier layer of its kind has any");
    sources.push_back(after - 1);
  }
  return sources;
}

AttentionHalf sharing_attention(Weights& w, const std::string& name, const Attention& core, const SharingShape& shape) {
  const auto& [hidden, eps, own] = shape;
  int queries = core.heads * core.head_dim;
  int keys = core.kv_heads * core.head_dim;
  AttentionHalf made{.core = core,
                     .q_proj = w.linear(name + ".q_proj", queries, hidden),
                     .o_proj = w.linear(name + ".o_proj", hidden, queries),
                     .q_norm = w.norm(name + ".q_norm", core.head_dim, eps),
                     .v_norm = RMSNorm{std::nullopt, eps, w.device()}};
  if (own == OwnKeys::none) {
    for (const char* part : {".k_proj.", ".v_proj.", ".k_norm."}) w.ignore(name + part);
    return made;
  }
  made.k_proj = w.linear(name + ".k_proj", keys, hidden);
  made.k_norm = w.norm(name + ".k_norm", core.head_dim, eps);
  if (own == OwnKeys::and_values) made.v_proj = w.linear(name + ".v_proj", keys, hidden);
  return made;
}

void balance(const std::vector<AttentionHalf*>& layers, const std::vector<size_t>& sources,
             const std::function<const Rope&(size_t)>& rope_of) {
  std::vector<std::vector<RMSNorm>> readers(layers.size());
  for (size_t i = 0; i < layers.size(); i++) readers[sources[i]].push_back(*layers[i]->q_norm);
  // A source lies before the layers that read it.
  for (size_t i = 0; i < layers.size(); i++) {
    auto& layer = *layers[i];
    if (layer.k_norm)
      layer.balanced_norms = balanced(*layer.q_norm, *layer.k_norm, key_factors(readers[i], *layer.k_norm, rope_of(i)));
    else
      layer.balanced_norms = balanced(*layer.q_norm, layers[sources[i]]->balanced_norms->factors);
  }
}

}  // namespace tether
