// Drafts of an assistant, which reads the keys and values of the model that it drafts for.
#pragma once

#include <memory>

#include "engine/drafter.h"
#include "model/assistant.h"

namespace tether {

class AssistantDrafter : public Drafter {
 public:
  // The target outlives it.
  AssistantDrafter(std::unique_ptr<Assistant> assistant, const Model& target)
      : assistant_(std::move(assistant)), caches_(borrowed_caches(target)) {}

  Took draft(std::span<DraftJob> jobs) override;
  bool wants_hidden() const override { return true; }

 private:
  std::unique_ptr<Assistant> assistant_;
  BorrowedCaches caches_;
};

}  // namespace tether
