// What a model's tokens are to a grammar.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tether {

struct GrammarVocabulary {
  // The bytes of each token, by id. Empty: a control token, which a grammar names by its id or not at all.
  std::vector<std::string> tokens;
  // The control token that opens and closes texts, where the model has one.
  std::optional<int32_t> quote;
  std::vector<int32_t> stop_tokens;
};

}  // namespace tether
