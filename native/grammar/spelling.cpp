// Control tokens among text: how grammars write them, and that inside a quoted text there is none.
#include "grammar/spelling.h"

#include <utility>

namespace tether {
namespace {

// The quote in grammars, U+10FFFD: CMakeLists.txt writes it into xgrammar's source. Its first byte begins no other
// character that anybody uses.
constexpr const char* kQuote = "\xF4\x8F\xBF\xBD";
constexpr char kFirstOfQuote = '\xF4';
// In no UTF-8.
constexpr char kControl = '\xFF';

}  // namespace

Spelling::Spelling(GrammarVocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {
  auto& tokens = vocabulary_.tokens;
  plain_.resize((tokens.size() + 31) / 32);
  for (size_t i = 0; i < tokens.size(); i++) {
    // Where there is no quote it may be spelled: no grammar has it then.
    if (vocabulary_.quote && tokens[i].find(kFirstOfQuote) != std::string::npos) tokens[i].clear();
    if (!tokens[i].empty() || is_quote(static_cast<int32_t>(i))) plain_[i / 32] |= 1U << (i % 32U);
  }
}

std::vector<std::string> Spelling::grammar_tokens() const {
  auto all = vocabulary_.tokens;
  for (size_t i = 0; i < all.size(); i++)
    if (all[i].empty()) all[i].append(1, kControl).append(std::to_string(i));
  if (vocabulary_.quote) all[static_cast<size_t>(*vocabulary_.quote)] = kQuote;
  return all;
}

void Spelling::mask_controls(std::span<uint32_t> words) const {
  for (size_t i = 0; i < plain_.size(); i++) words[i] &= plain_[i];
}

}  // namespace tether
