// A grammar that holds from a call's marker to its end, or over a whole answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/constraint.h"
#include "grammar/grammar.h"

namespace tether {

// When a grammar holds.
struct Hold {
  bool from_start = false;  // from the first token of the answer
  std::string begun;        // then: what the prompt has of the grammar's text
  // After each of these control tokens, and after each of these texts, until its end.
  std::vector<int32_t> tokens;
  std::vector<std::string> texts;
  // Where an answer, or what comes after a call, begins as the grammar's text does, it holds from this text on. Empty:
  // never.
  std::string opening;
  // Whether an answer that it cannot hold is to fail; else it is free.
  bool required = false;
  // Where the grammar's text ends so does the answer; else anything may follow.
  bool to_end = false;
};

class CallConstraint : public Constraint {
 public:
  // `otherwise`: holds in the grammar's place if that cannot be compiled.
  CallConstraint(GrammarWish grammar, Hold hold, std::optional<GrammarWish> otherwise = std::nullopt);

  bool is_ready() override;
  std::optional<std::string> failure() const override { return failure_; }
  bool must_hold() const override { return hold_.required; }
  bool holds() const override { return matcher_.has_value(); }
  bool fill(std::span<uint32_t> words) override;
  std::vector<int32_t> forced() override;
  bool go_ahead(int32_t token) override;
  void come_back() override;
  void accept(int32_t token) override;

 private:
  void accept_free(int32_t token);
  void follow(int32_t token);
  void set_free();
  void begin();

  std::optional<GrammarWish> wish_;  // until it is there
  std::optional<GrammarWish> otherwise_;
  Hold hold_;
  GrammarPtr grammar_;
  std::optional<std::string> failure_;
  std::optional<Matcher> matcher_;
  std::vector<int32_t> ahead_;   // that it was told beyond the answer
  std::optional<Matcher> idle_;  // knows the bytes of free text
  std::string tail_;             // of the free text
  std::optional<Matcher> bare_;  // goes along with a text that may be a call without a marker
  std::string followed_;         // that text
  size_t longest_ = 0;
};

}  // namespace tether
