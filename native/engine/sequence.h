// One sequence: its tokens, the caches that hold them, and the lengths that it can be rewound to.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/model.h"

namespace tether {

// `tokens` is always exactly what the caches hold. Copies share their buffers until one of them is extended.
class Sequence {
 public:
  // Snapshots kept per sequence, the newest ones.
  static constexpr size_t kSnapshots = 4;

  // adapter: by which its caches are computed; 0: none.
  explicit Sequence(std::vector<KVCache> caches, int adapter = 0) : caches_(std::move(caches)), adapter_(adapter) {}

  const std::vector<int32_t>& tokens() const { return tokens_; }
  int adapter() const { return adapter_; }
  int length() const { return static_cast<int>(tokens_.size()); }
  std::vector<KVCache>& caches() { return caches_; }

  // Sizes buffers for at least `tokens` tokens, and never for more than `most`.
  void reserve(int tokens, int most) {
    for (auto& cache : caches_) cache.reserve(tokens, most);
  }
  // Snapshots that are left after rewind(length).
  size_t snapshots(int length) const;

  // Notes that a forward pass has extended the caches by these tokens.
  void extended_by(std::span<const int32_t> tokens) { tokens_.insert(tokens_.end(), tokens.begin(), tokens.end()); }

  // Takes back what the caches have beyond `tokens`: what a pass has computed and nobody wanted. That pass was the
  // last.
  void settle() {
    for (auto& cache : caches_)
      if (cache.offset() > length()) cache.trim(length());
  }

  // For a copy of a sequence that goes on, too.
  void detach() {
    for (auto& cache : caches_) cache.detach();
  }

  // Keeps the state of the sliding layers at this length, so that the sequence can be rewound to it later.
  void snapshot();

  // The longest length <= `length` whose state can be restored exactly, by trimming or from a snapshot; 0 if there is
  // none.
  int rewindable(int length) const;
  // `length` is a result of rewindable().
  void rewind(int length);

  size_t bytes() const;

 private:
  struct Snapshot {
    int length;
    std::vector<KVCache> sliding;  // in layer order
  };

  bool can_trim(int length) const;

  std::vector<int32_t> tokens_;
  std::vector<KVCache> caches_;
  int adapter_;
  std::vector<Snapshot> snapshots_;  // ascending
};

}  // namespace tether
