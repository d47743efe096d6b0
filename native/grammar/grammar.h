// Grammars over a model's tokens, compiled on a thread of their own. Behind this header is xgrammar.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grammar/vocabulary.h"

namespace tether {

// A grammar that is ready to be matched. Any number of matchers may share it.
struct CompiledGrammar;
using GrammarPtr = std::shared_ptr<const CompiledGrammar>;

// Parts of the schema that the grammar does not hold, in xgrammar's words.
const std::vector<std::string>& warnings_of(const CompiledGrammar& grammar);

// A grammar that was asked for. While it is compiled, that ends early once no copy of this is left. Any thread.
class GrammarWish {
 public:
  using Result = std::shared_future<GrammarPtr>;

  explicit GrammarWish(std::shared_ptr<const Result> result) : result_(std::move(result)) {}

  bool is_ready() const { return result_->wait_for(std::chrono::seconds(0)) == std::future_status::ready; }
  // Waits. Throws Error("invalid_request") that says what is wrong with the source.
  GrammarPtr get() const { return result_->get(); }

 private:
  std::shared_ptr<const Result> result_;
};

// The grammars of one vocabulary. Any thread; nothing here waits for a compilation, and the destructor for the part of
// one that cannot be interrupted.
class Grammars {
 public:
  // Bytes of all masks that are kept for grammars that nobody uses.
  static constexpr size_t kMostKeptBytes = size_t{256} << 20U;

  explicit Grammars(GrammarVocabulary vocabulary, size_t most_kept_bytes = kMostKeptBytes);
  ~Grammars();
  Grammars(const Grammars&) = delete;
  Grammars& operator=(const Grammars&) = delete;

  // `source`: a structural tag of xgrammar's in JSON, whose text is what may be written. The same source gives the same
  // grammar again while it is among the last ones used, as far as there is room for their masks.
  GrammarWish compile(const std::string& source);

  // For tests: how many were compiled.
  size_t compiled() const;

  // Calls on the grammars' thread, once all that was asked for is compiled, or at the end.
  void then(std::function<void()> done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// For benches: the seconds that each mask takes before one of these tokens is accepted. Ends with the first that does
// not fit.
std::vector<float> mask_seconds(GrammarPtr grammar, std::span<const int32_t> tokens);

// A place in a text that follows a grammar. One thread at a time.
class Matcher {
 public:
  explicit Matcher(GrammarPtr grammar);
  ~Matcher();
  Matcher(Matcher&&) noexcept;
  Matcher& operator=(Matcher&&) noexcept;

  // false: the grammar does not allow this token here, and nothing has changed.
  bool accept(int32_t token);
  // Takes back the last tokens that were accepted; these, in their order.
  void take_back(std::span<const int32_t> tokens);
  // As accept() for the end of a token whose beginning is no part of the text.
  bool accept_text(const std::string& bytes);
  // The bytes of a token; empty for control tokens.
  const std::string& bytes(int32_t token) const;
  // Whether a stop token was accepted.
  bool is_over() const;
  // Whether the text may end here.
  bool is_complete() const;
  // One bit a token, lowest first: which may come next, stop tokens among them where the text may end. `words`: at
  // least (vocabulary + 31) / 32 of them, all of which are written.
  void fill(std::span<uint32_t> words);
  // The tokens of what must follow; empty where there is a choice.
  std::vector<int32_t> forced() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tether
