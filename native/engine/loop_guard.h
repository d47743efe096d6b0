// Notices an answer that repeats itself without end.
//
// Pure policy: the tokens of one answer in, what to do about them out; no arrays, no clock. A loop is an answer whose
// last tokens are a period of up to kLongestPeriod tokens, many times over. Much that repeats is meant: rules of
// tables, rows of zeros, a thousand times the letter that was asked for, data in a call. So the limits are in tokens,
// and higher for a period of few different tokens, for rows of equal cells, and inside of a call. What goes on after
// the first is made less likely, and what still goes on after that is ended. Who asks for repetition gets it: a period
// then may come as often as was asked, and a quarter more.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tether {

// What was asked for: a text so many times, or any text up to so many tokens.
struct Repetition {
  int times = 0;
  int tokens = 0;
};

class LoopGuard {
 public:
  static constexpr int kLongestPeriod = 1024;
  // Repeated tokens from which on a repetition is a loop; at least four periods in any case.
  static constexpr int kWords = 1024;
  static constexpr int kFewTokens = 3200;  // a period of up to kFew different tokens
  static constexpr int kRows = 6400;       // a period that itself repeats few tokens, as rows of matrices and tables do
  static constexpr int kInCall = 8192;     // in the arguments of a call
  static constexpr int kFew = 4;
  // Different tokens of a row at most; and how often it has each of them on average, at least.
  static constexpr int kFewOfRow = 16;
  static constexpr int kCells = 4;
  static constexpr int kMostAsked = 65'536;  // repeated tokens, however many were asked for
  // What is taken off the logit of the token that would continue it.
  static constexpr float kPenalty = 3;

  explicit LoopGuard(Repetition asked = {}) : asked_(asked) { last_.fill(-1); }

  // The answer's next token. O(1), but for one count of a period when a limit is reached.
  void accept(int32_t token, bool in_call = false);

  // The token that would go on repeating `ahead` tokens after the last one, where that is to be less likely.
  std::optional<int32_t> discouraged(int ahead = 1) const;
  // Whether the answer is to be ended.
  bool is_endless() const { return state_ == State::endless; }

 private:
  // Tokens that have to be the same for a new period.
  static constexpr size_t kGram = 4;
  enum class State { free, discouraged, endless };

  int limit(bool in_call) const;
  int asked_for() const;
  // Tokens that this period may repeat outside of a call.
  int limit_of_period() const;
  // -> where the last kGram tokens stood before; -1: not within the longest period
  int find_and_note();

  Repetition asked_;
  std::vector<int32_t> tokens_;
  std::array<int, 4096> last_{};  // by a hash of kGram tokens: the last of them
  int period_ = 0;                // 0: none
  int run_ = 0;                   // tokens at the end that are the same as those a period before
  int since_ = 0;                 // run_ when it became a loop
  bool warned_ = false;           // a repetition was broken off; the next one is a loop sooner
  State state_ = State::free;
};

}  // namespace tether
