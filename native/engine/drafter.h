// Drafts from a second, cheaper model: how likely they are to hold, and what such a model is asked.
#pragma once

#include <mlx/mlx.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/odds.h"
#include "engine/sequence.h"

namespace tether {

namespace mx = mlx::core;

// How often a drafter was right lately for one sequence, and when to try it again. Pure policy.
class DraftRecord {
 public:
  // How likely a drafted token is to hold if those before it do.
  double odds() const { return odds_(); }
  // Whether it was not asked for so long that it may have become better.
  bool is_due() const { return idle_ >= kTryEvery; }
  // A token of the answer.
  void passed() { idle_++; }
  void asked() { idle_ = 0; }
  void note(bool holds) { odds_.note(holds); }

 private:
  static constexpr int kTryEvery = 256;
  Odds odds_{0.95, 4, 3};  // of the last 20 drafted tokens or so
  int idle_ = 0;
};

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
  // At most `count` tokens that are likely to follow.
  std::vector<int32_t> draft = {};
};

// Engine thread only.
class Drafter {
 public:
  Drafter() = default;
  virtual ~Drafter() = default;
  Drafter(const Drafter&) = delete;
  Drafter& operator=(const Drafter&) = delete;

  // Drafts for sequences, whose jobs it may put into another order. -> how many tokens it has drafted one after
  // another, and how long that took, without what it had to read before.
  struct Took {
    int steps = 0;
    double seconds = 0;
  };
  virtual Took draft(std::span<DraftJob> jobs) = 0;
  // Whether it needs DraftState::hidden.
  virtual bool wants_hidden() const { return false; }
  // The most bytes that it keeps of a sequence.
  virtual uint64_t bytes_per_sequence() const { return 0; }
};

// Of jobs that are sorted, the longest first: how many draft a token in this step.
size_t going_at(std::span<const DraftJob> jobs, int step);
// Reads what the steps have drafted: (B) int32 for the jobs that each of them drafted for.
void hand_out(std::span<DraftJob> jobs, const std::vector<mx::array>& steps);

// Measures what drafting a token takes, in seconds.
double measure_drafter(Drafter& drafter, Model& target);

}  // namespace tether
