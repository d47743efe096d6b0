// Whole texts through the model, for their scores: no request, no prefix cache.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/loading.h"

namespace tether {

// All throw Error("invalid_request") for a token that the model does not know or an adapter that is not loaded, and
// Error("closed") once `closing` is set. Engine thread only.

// Computes the tokens `chunk` at a time. each: gets the hidden states, (T, hidden), of tokens [begin, end).
void for_each_chunk(Loaded& loaded, std::span<const int32_t> tokens, int chunk, const std::atomic<bool>& closing,
                    const std::function<void(const mx::array& hidden, int begin, int end)>& each, int adapter = 0);

// Of each row of (rows, vocab), block by block: MLX on a CPU adds a whole row up in float32, and of 262,144 logits the
// result is 4e-4 too small. -> (rows)
mx::array log_sum_exp(const mx::array& logits);

// log p(token i | those before it) for each token; entry 0 is 0.
std::vector<float> score(Loaded& loaded, std::span<const int32_t> tokens, const std::atomic<bool>& closing,
                         int adapter = 0);

// Throws Error("invalid_request") for an adapter that is not loaded.
void check_adapter(const EngineInfo& info, int adapter);

}  // namespace tether
