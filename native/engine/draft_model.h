// A small model of the same vocabulary that drafts for a larger one.
#pragma once

#include <memory>

#include "engine/drafter.h"
#include "model/model.h"

namespace tether {

// Drafts what it would say itself, greedily. It reads a bounded part of a sequence: its first token, which models are
// trained to see, and the last ones.
class DraftModel : public Drafter {
 public:
  // Tokens that it reads of a sequence that it begins with. At twice as many it begins anew.
  static constexpr int kReach = 512;

  // vocab: of the target. chunk: tokens that it reads at a time. element: bytes of a number as it is computed. kv_bits:
  // as Model::new_caches() takes them.
  DraftModel(std::unique_ptr<Model> model, int vocab, int chunk, int element, int kv_bits, int reach = kReach);

  Took draft(std::span<DraftJob> jobs) override;
  uint64_t bytes_per_sequence() const override;

 private:
  bool prepare(DraftJob& job) const;
  void restart(DraftJob& job) const;
  void read_ahead(DraftJob& job, int left);

  std::unique_ptr<Model> model_;
  int vocab_;
  int chunk_;
  int element_;
  int kv_bits_;
  int reach_;
};

}  // namespace tether
