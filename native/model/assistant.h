// A model without keys and values of its own, which drafts from what another has computed.
#pragma once

#include <mlx/mlx.h>

#include <memory>
#include <span>
#include <vector>

#include "model/model.h"

namespace tether {

// The target's caches of one sequence that an assistant reads: those of its last sliding and its last full layer.
struct Borrowed {
  const KVCache* sliding;
  const KVCache* full;
};

class Assistant {
 public:
  Assistant() = default;
  virtual ~Assistant() = default;
  Assistant(const Assistant&) = delete;
  Assistant& operator=(const Assistant&) = delete;

  // What follows a token of each of B sequences. `tokens`: (B) int32. `hidden`: (B, hidden of the target), what the
  // target computed before that token, or this assistant in the step before.
  struct Step {
    mx::array tokens;
    mx::array hidden;
  };
  virtual Step step(const Step& before, std::span<const Borrowed> sequences) = 0;
};

// The model_types of assistants.
bool is_assistant(const Config& config);

// Throws Error: bad_config, also if it is another model's; bad_weights. The target outlives it.
std::unique_ptr<Assistant> load_assistant(const Config& config, Weights& weights, Model& target);

// Which of the target's caches an assistant reads.
struct BorrowedCaches {
  size_t sliding;
  size_t full;
};
BorrowedCaches borrowed_caches(const Model& target);

}  // namespace tether
