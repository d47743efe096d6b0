// One sequence's state: the tokens that its caches hold, and the points it can be taken back to.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/model.h"

namespace tether {

// `tokens` is always exactly what the caches hold. Copies share their buffers until one of them is extended.
class Sequence {
 public:
  // Earlier states of the sliding layers that are kept, the newest.
  static constexpr size_t kCheckpoints = 4;

  explicit Sequence(std::vector<KVCache> caches) : caches_(std::move(caches)) {}

  const std::vector<int32_t>& tokens() const { return tokens_; }
  int length() const { return static_cast<int>(tokens_.size()); }
  std::vector<KVCache>& caches() { return caches_; }

  // How long it will be: at least `tokens`, at the most `most`.
  void expect(int tokens, int most) {
    for (auto& cache : caches_) cache.expect(tokens, most);
  }
  // Earlier states of the sliding layers that it keeps after rewind(length).
  size_t checkpoints(int length) const;

  // Notes that a forward pass has extended the caches by these tokens.
  void extended_by(std::span<const int32_t> tokens) { tokens_.insert(tokens_.end(), tokens.begin(), tokens.end()); }

  // Remembers the sliding layers as they are now, so that the sequence can come back to here however far it goes on.
  void checkpoint();

  // The longest length <= `length` that can be had exactly; 0 if there is none. Never approximated: a sliding layer
  // that has lost what it needs is no candidate.
  int rewindable(int length) const;
  // `length` is a result of rewindable().
  void rewind(int length);

  size_t bytes() const;

 private:
  struct Checkpoint {
    int length;
    std::vector<KVCache> sliding;  // in layer order
  };

  bool can_trim(int length) const;

  std::vector<int32_t> tokens_;
  std::vector<KVCache> caches_;
  std::vector<Checkpoint> checkpoints_;  // ascending
};

}  // namespace tether
