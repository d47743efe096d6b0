// Control tokens among text: how grammars write them, and that inside a quoted text there is none.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "grammar/vocabulary.h"

namespace tether {

// Grammars match bytes, so each control token has bytes that no plain token can spell. A quoted text may hold all
// bytes, and yet no control token.
class Spelling {
 public:
  explicit Spelling(GrammarVocabulary vocabulary);

  // What grammars are compiled with.
  std::vector<std::string> grammar_tokens() const;
  // The bytes of a plain token; empty for control tokens.
  const std::string& bytes(int32_t token) const { return vocabulary_.tokens.at(static_cast<size_t>(token)); }
  bool is_quote(int32_t token) const { return vocabulary_.quote == token; }
  const std::vector<int32_t>& stop_tokens() const { return vocabulary_.stop_tokens; }
  // Clears the bits of all control tokens but the quote.
  void mask_controls(std::span<uint32_t> words) const;

 private:
  GrammarVocabulary vocabulary_;
  std::vector<uint32_t> plain_;  // one bit a token
};

}  // namespace tether
