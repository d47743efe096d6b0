// Norms of queries and keys that share out between them which dimensions of a head are large.
#pragma once

#include "model/layers.h"

namespace tether {

struct BalancedNorms {
  RMSNorm queries, keys;
};

// The weights of the two norms say which dimensions of keys matter: those where queries are large. Others that are
// large in keys alone would cost all of them precision when keys are rounded together. So keys are multiplied where
// queries are larger, and divided where they are smaller, by powers of two, which are exact, and queries by their
// inverse: all dot products stay. Dimensions that RoPE turns together, half a head apart, have one factor. Both norms
// have weights, of the same even width.
BalancedNorms balanced(const RMSNorm& queries, const RMSNorm& keys);

}  // namespace tether
