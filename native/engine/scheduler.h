// The scheduler: which request starts next, which of the prompts that are being prefilled gets the next chunk, and how
// long that chunk is.
//
// Pure policy: no arrays, no threads, no clock. The shortest prefill goes first, so that a small request does not wait
// for a big one. A prompt that has been passed over for too long goes before it, so that the big one does not starve.
// Clients get equal shares, however many requests each has sent: the client with the fewest live requests starts the
// next one, and a client that gets too little of the prefill goes first.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace tether {

// Requests that run at once; what memory allows may be less. The last place is for a client that has none of them.
constexpr size_t kMostLive = 16;

// Whether a request may start beside `live` others, of which `own` are of its client.
bool has_place(size_t live, size_t own);

// -> the index of the request that starts next, by how many live requests its client has; among equals the earliest.
// nullopt if there is none.
std::optional<size_t> next_start(std::span<const size_t> own);

// A prompt that is being prefilled.
struct PendingPrefill {
  int remaining = 0;    // tokens to compute before it is done, or before a request that waits for it can continue
  int passed_over = 0;  // tokens of other prompts of its client that were computed since its own last chunk
  std::string_view client = {};
  int lag = 0;  // tokens by which its client is behind an equal share of the prefill; below 0: ahead of it
};

// The prefill tokens of each other prompt of its client that are computed before a prompt goes first, however long it
// is, and those that a client lags behind before it goes first. A prompt of 2,048 tokens that comes while a long one is
// prefilled waits for one chunk of it.
constexpr int kPatience = 1536;

// -> the index of the prompt that gets the next chunk; among equals the earliest. nullopt if there is none.
std::optional<size_t> next_prefill(std::span<const PendingPrefill> prefills);

// A client's lag after a chunk of `tokens`, while `clients` are being prefilled. `served`: the chunk was its own.
int lag_after(int lag, int tokens, size_t clients, bool served);

// Where the chunk that begins at `begin` ends: at the next multiple of `chunk`, so that equal prompts are cut alike
// wherever they start; at `end`; or at the first of `fork_points` (ascending) in between, whichever comes first.
int chunk_end(int begin, int end, int chunk, std::span<const int> fork_points);

}  // namespace tether
