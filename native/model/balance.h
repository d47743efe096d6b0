// Norms of queries and keys that share out between them which dimensions of a head are large.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "model/layers.h"
#include "model/rope.h"

namespace tether {

// What keys are multiplied by and queries divided, for each dimension of a head: powers of two.
using KeyFactors = std::vector<float>;

struct BalancedNorms {
  RMSNorm queries;
  std::optional<RMSNorm> keys;  // none: the layer reads another one's keys
  KeyFactors factors;
};

// The weights of the two norms say which dimensions of keys matter: those where queries are large. Others that are
// large in keys alone would cost all of them precision when keys are rounded together. So keys are multiplied where
// queries are larger, and divided where they are smaller, by powers of two, which are exact, and queries by their
// inverse: all dot products stay. Dimensions that RoPE turns together have one factor. All norms have weights of the
// same even width. queries: of all layers that read these keys.
KeyFactors key_factors(std::span<const RMSNorm> queries, const RMSNorm& keys, const Rope& rope);

// A layer that reads its own keys.
BalancedNorms balanced(const RMSNorm& queries, const RMSNorm& keys, const Rope& rope);
// One that reads keys with these factors.
BalancedNorms balanced(const RMSNorm& queries, const KeyFactors& factors);
BalancedNorms balanced(const RMSNorm& queries, const RMSNorm& keys, const KeyFactors& factors);

}  // namespace tether
