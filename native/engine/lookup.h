// What a sequence is likely to say next, since it has said it before: drafts that one pass can verify.
//
// Pure policy: tokens in, drafts and their odds out; no arrays, no clock. An answer often repeats its prompt: an edit
// repeats a file, a summary its names. The place after the longest recent occurrence of the last tokens is followed as
// long as it holds; where something was put in or replaced, it is taken up again behind that. Whether it holds is noted
// for every token, also where nothing was drafted, so that trying costs nothing. (Prompt lookup decoding: Saxena 2023;
// as an n-gram index: llama.cpp, vLLM.)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/odds.h"

namespace tether {

class Lookup {
 public:
  // Tokens that a place has in common with the end before it is followed.
  static constexpr int kGram = 3;

  // expected: tokens that prompt and answer may have together. Takes at most 16 bytes for each of them.
  Lookup(std::span<const int32_t> prompt, size_t expected);

  // The sequence's next token. O(1).
  void accept(int32_t token);

  // Whether there is a place to follow.
  bool matches() const { return next_ >= 0; }
  // The next `count` tokens if the sequence goes on as it did there; empty without a place.
  std::vector<int32_t> draft(int count) const;
  // How likely the token `ahead` tokens after the next one is to hold if those before it do.
  double odds(int ahead) const;

  size_t bytes() const;

 private:
  void append(int32_t token);
  void find();
  void take_up_again();
  size_t slot(size_t end) const;
  int common(size_t a, size_t b) const;
  // By how much a place has in common with the end.
  static size_t kind(int common);

  std::vector<int32_t> tokens_;
  std::vector<int32_t> previous_;  // by place: where the same hash of kGram tokens ended before; -1: nowhere
  std::vector<int32_t> last_;      // by hash: where kGram such tokens ended last
  int64_t next_ = -1;              // the place of the token that is expected; -1: none
  int common_ = 0;                 // tokens before it that are those at the end
  int64_t left_ = -1;              // the place that did not hold, the last one
  int since_left_ = 0;             // tokens
  // By kind: how often such places were right, over the last 30 tokens or so.
  std::array<Odds, 4> odds_{Odds{0.97, 5, 3}, Odds{0.97, 5, 2}, Odds{0.97, 5, 3.5}, Odds{0.97, 5, 4.5}};
};

}  // namespace tether
