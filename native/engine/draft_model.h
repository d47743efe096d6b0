// A small model of the same vocabulary that drafts for a larger one.
#pragma once

#include <memory>

#include "engine/drafter.h"
#include "model/model.h"

namespace tether {

// Drafts what it would say itself, greedily, held to what the target is held to. It reads a bounded part of a sequence:
// its first token, which models are trained to see, and the last ones.
class DraftModel : public Drafter {
 public:
  // Tokens that it reads of a sequence that it begins with, and how many it keeps before it begins anew. It was right
  // as often after 128 as after 512 (within a percent), and reads them in a fourth of the time.
  static constexpr int kReach = 128;
  static constexpr int kMost = 1024;
  // The smallest window that it can work in.
  static constexpr int kLeastWindow = 64;

  // vocab: of the target. chunk: tokens that it reads at a time. element: bytes of a number as it is computed. kv_bits:
  // as Model::new_caches() takes them. Throws Error("bad_config") if the model's window is too small.
  DraftModel(std::unique_ptr<Model> model, int vocab, int chunk, int element, int kv_bits, const DevicePolicy& device,
             int reach = kReach, int most = kMost);

  Took draft(std::span<DraftJob> jobs) override;
  int unread(const DraftState& state, const Sequence& target) const override;
  uint64_t bytes_per_sequence() const override;

 private:
  mx::array likeliest(const mx::array& hidden, std::span<DraftJob> jobs, const std::vector<mx::array>& steps) const;
  bool prepare(DraftJob& job) const;
  void restart(DraftJob& job) const;
  int read_ahead(DraftJob& job);

  std::unique_ptr<Model> model_;
  int vocab_;
  int chunk_;
  int element_;
  int kv_bits_;
  DevicePolicy device_;
  int reach_;
  int most_;
};

}  // namespace tether
