// Models whose last layers read keys and values of earlier ones: which layer's, and what each has of its own.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/block_halves.h"
#include "model/weights.h"

namespace tether {

// The last `shared` layers have no keys and values of their own. -> for each layer the index of the layer whose keys
// and values it reads: itself, or the last layer of its kind (sliding or full) that has its own. Throws
// Error("bad_config"), which names `where`, if there is none.
std::vector<size_t> key_sources(const std::vector<bool>& sliding, int shared, const std::string& where);

// What a layer makes itself: nothing, keys that are the values too, or both.
enum class OwnKeys { none, as_values, and_values };

struct SharingShape {
  int hidden;
  float eps;
  OwnKeys own;
};

// The attention `name` of such a model: queries, keys and values have norms, that of values without weights. Where
// it makes neither keys nor values, some checkpoints have unused tensors for them.
AttentionHalf sharing_attention(Weights& w, const std::string& name, const Attention& core, const SharingShape& shape);

// Balances the norms of all layers of such a model. sources: as of key_sources(). rope_of: by layer.
void balance(const std::vector<AttentionHalf*>& layers, const std::vector<size_t>& sources,
             const std::function<const Rope&(size_t)>& rope_of);

}  // namespace tether
