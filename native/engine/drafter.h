// Drafts from a second, cheaper model: how likely they are to hold, and what such a model is asked.
#pragma once

#include <mlx/mlx.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/constraint.h"
#include "engine/draft_record.h"
#include "engine/sequence.h"

namespace tether {

namespace mx = mlx::core;

// What a drafter keeps of a live sequence.
struct DraftState {
  DraftRecord record;
  // The target's hidden state behind the last token that its caches hold, (1, hidden); only where it is wanted.
  std::optional<mx::array> hidden = std::nullopt;
  // A draft model's own: the target's first token and those from `begin` on.
  std::optional<Sequence> sequence = std::nullopt;
  int begin = 1;
};

// To draft for one sequence. `target` has all tokens that are known, its caches all but the last of them.
struct DraftJob {
  DraftState* state;
  Sequence* target;
  int count;  // at least 1
  // What the next token is held to; nullptr: nothing.
  Constraint* constraint = nullptr;
  // At most `count` tokens that are likely to follow.
  std::vector<int32_t> draft = {};
  // It is still to read what was said: it has not drafted.
  bool reads = false;
};

// Engine thread only.
class Drafter {
 public:
  Drafter() = default;
  virtual ~Drafter() = default;
  Drafter(const Drafter&) = delete;
  Drafter& operator=(const Drafter&) = delete;

  // Drafts for sequences, whose jobs it may put into another order. Where it has much to read first, it reads a part.
  // -> what that took
  struct Took {
    // Tokens that were drafted one after another.
    int steps = 0;
    double seconds = 0;
    // Tokens that were read.
    int read = 0;
    double read_seconds = 0;
  };
  virtual Took draft(std::span<DraftJob> jobs) = 0;
  // Tokens that it would read of a sequence before it drafts, but for those that every draft begins with.
  virtual int unread(const DraftState&, const Sequence& /*target*/) const { return 0; }
  // Whether it needs DraftState::hidden.
  virtual bool wants_hidden() const { return false; }
  // The most bytes that it keeps of a sequence.
  virtual uint64_t bytes_per_sequence() const { return 0; }
};

// Of jobs that are sorted, the longest first: how many draft a token in this step.
size_t going_at(std::span<const DraftJob> jobs, int step);
// Reads what the steps have drafted: (B) int32 for the jobs that each of them drafted for.
void hand_out(std::span<DraftJob> jobs, const std::vector<mx::array>& steps);

// What a drafter takes for a token, in seconds.
struct DrafterCosts {
  double draft = 0;
  double read = 0;
};
DrafterCosts measure_drafter(Drafter& drafter, Model& target);

}  // namespace tether
