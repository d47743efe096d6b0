// Whole texts through the model, for scores and for parity tests: no request, no prefix cache.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/loading.h"

namespace tether {

// All throw Error("invalid_request") for a token that the model does not know, and Error("closed") once `closing` is
// set. Engine thread only.

// log p(token i | those before it) for each token; entry 0 is 0.
std::vector<float> score(Loaded& loaded, std::span<const int32_t> tokens, const std::atomic<bool>& closing);

// The logits after every token, (tokens, vocab) row by row, computed `chunk` tokens at a time.
std::vector<float> logits(Loaded& loaded, std::span<const int32_t> tokens, int chunk, const std::atomic<bool>& closing);

// For benches: what the model's forward alone takes. Reads a prompt in chunks and then draws `count` tokens greedily,
// with nothing around it: no scheduler, no cache, no checks of the logits. -> seconds of both parts
struct BareSeconds {
  double prefill = 0;
  double decode = 0;
};
BareSeconds bare_loop(Loaded& loaded, std::span<const int32_t> prompt, int count, const std::atomic<bool>& closing);

}  // namespace tether
