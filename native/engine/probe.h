// What only tests and benches ask: all logits of a text, and how fast the model's forward is by itself.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/engine.h"

namespace tether {

// Thread-safe, as the engine's own calls; `done` gets Error("invalid_request") for a token that the model does not
// know.

// The logits after every token, (tokens, vocab) row by row, computed `chunk` tokens at a time.
void logits(Engine& engine, std::vector<int32_t> tokens, int chunk, int adapter, Engine::Done<std::vector<float>> done);
// The same for a text that starts from what the prefix cache has of it, without the rows of what it has. In the chunks
// of a prompt.
void resumed_logits(Engine& engine, std::vector<int32_t> tokens, int adapter, Engine::Done<std::vector<float>> done);

// The `count` tokens, at least 1, that the drafter drafts behind the last of these. Fails without a drafter.
void drafts(Engine& engine, std::vector<int32_t> tokens, int count, Engine::Done<std::vector<float>> done);

// Reads a prompt in chunks and draws `count` tokens greedily, without a scheduler, a prefix cache or checks of the
// logits. -> seconds of prefill and of decode
void bare_loop(Engine& engine, std::vector<int32_t> prompt, int count, Engine::Done<std::vector<float>> done);

}  // namespace tether
