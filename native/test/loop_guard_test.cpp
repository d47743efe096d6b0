// Which answers the loop guard takes for endless, and when.
#include "engine/loop_guard.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "check.h"

namespace {

using tether::check;
using tether::LoopGuard;
using tether::Repetition;

struct Seen {
  int discouraged = -1;  // tokens after which a repetition was made less likely first
  int ended = -1;        // and after which the answer was ended; -1: never
};

Seen play(int tokens, const std::function<int32_t(int)>& token, bool in_call = false, Repetition asked = {}) {
  LoopGuard guard(asked);
  Seen seen;
  for (int at = 0; at < tokens && seen.ended < 0; at++) {
    guard.accept(token(at), in_call);
    if (seen.discouraged < 0 && guard.discouraged()) seen.discouraged = at + 1;
    if (guard.is_endless()) seen.ended = at + 1;
  }
  return seen;
}

// Different tokens, without a pattern.
int32_t noise(int at) { return static_cast<int32_t>((static_cast<uint32_t>(at + 1) * 2654435761U) >> 8U); }

void loops_end() {
  for (int period : {1, 2, 3, 7, 30, 150, 250, 1000}) {
    auto seen = play(30'000, [&](int at) { return at < 100 ? noise(at) : 1000 + (at - 100) % period; });
    int limit = std::max(period <= LoopGuard::kFew ? LoopGuard::kFewTokens : LoopGuard::kWords, 4 * period);
    auto name = "a period of " + std::to_string(period);
    check(seen.discouraged >= 100 + limit && seen.discouraged <= 100 + limit + period + 4,
          name + " is made less likely after its limit, not after " + std::to_string(seen.discouraged));
    int more = seen.ended - seen.discouraged;
    check(more >= period && more <= period + 64, name + " is ended a period later, not " + std::to_string(more));
  }
}

void loops_with_repetitions_inside_end() {
  // a a a a a b c d a a a a a b c d
  auto seen = play(10'000, [](int at) { return std::max(0, at % 8 - 4); });
  check(seen.ended > 0, "a period that has a run of one token is noticed");
}

void what_never_repeats_is_free() { check(play(200'000, noise).discouraged < 0, "noise is no loop"); }

void what_stops_in_time_is_free() {
  check(play(2000, [](int) { return 5; }).discouraged < 0, "two thousand times the same token is no loop");
  check(play(1000, [](int at) { return at % 8; }).discouraged < 0, "125 times the same sentence is no loop");
  check(play(8000, [](int at) { return at % 40; }, true).discouraged < 0, "8,000 tokens in a call are no loop");
  check(play(10'000, [](int at) { return at % 40; }, true).ended > 0, "10,000 tokens in a call are one");
  // Rows that differ in their number.
  auto rows = [](int at) { return at % 12 == 3 ? noise(at / 12) : at % 12; };
  check(play(100'000, rows).discouraged < 0, "rows with a number each are no loop");
}

void rows_of_equal_cells_are_free_for_longer() {
  // Twenty cells of four tokens, and two that end the row.
  auto rows = [](int at) { return at % 82 < 80 ? at % 82 % 4 : at % 82; };
  check(play(6000, rows).discouraged < 0, "6,000 tokens of equal rows are no loop");
  auto seen = play(10'000, rows);
  check(seen.ended > LoopGuard::kRows && seen.ended < LoopGuard::kRows + 300, "rows without end are a loop");
  check(play(10'000, [](int at) { return at % 17; }).ended < 1200, "17 different tokens are no row of cells");
}

void a_period_that_is_too_long_is_free() {
  auto seen = play(50'000, [](int at) { return noise(at % (LoopGuard::kLongestPeriod + 1)); });
  check(seen.discouraged < 0, "a period above the longest is not looked for");
}

void the_token_that_goes_on_is_discouraged() {
  LoopGuard guard;
  for (int at = 0; at < 5000 && !guard.discouraged(); at++) guard.accept(at % 10);
  int last = -1;
  for (int at = 0; at < 5; at++) {
    int next = *guard.discouraged(1);
    check(*guard.discouraged(2) == (next + 1) % 10, "also the token after the next one");
    check(last < 0 || next == (last + 1) % 10, "the next token of the period");
    guard.accept(next);
    last = next;
  }
  check(!guard.discouraged(11), "nothing beyond a period");
  guard.accept(77);
  check(!guard.discouraged(), "after another token nothing is");
  int more = 0;
  for (; more < 2000 && !guard.discouraged(); more++) guard.accept(more % 10);
  check(more < 300, "a loop that comes again is noticed sooner, not after " + std::to_string(more));
}

void what_was_asked_for_is_free() {
  struct Case {
    int period;
    bool in_call;
    Repetition asked;
    int limit;  // repeated tokens
  };
  const std::vector<Case> cases{
      {.period = 20, .in_call = false, .asked = {.times = 200}, .limit = 5000},
      {.period = 20, .in_call = false, .asked = {.times = 40}, .limit = LoopGuard::kWords},
      {.period = 20, .in_call = true, .asked = {.times = 200}, .limit = LoopGuard::kInCall},
      {.period = 20, .in_call = true, .asked = {.times = 1000}, .limit = 25'000},
      {.period = 1, .in_call = false, .asked = {.times = 2000}, .limit = LoopGuard::kFewTokens},
      {.period = 1, .in_call = false, .asked = {.times = 10'000}, .limit = 12'500},
      {.period = 300, .in_call = false, .asked = {.times = 12}, .limit = 4500},
      {.period = 20, .in_call = false, .asked = {.tokens = 4000}, .limit = 5000},
      {.period = 20, .in_call = false, .asked = {.times = 100, .tokens = 4000}, .limit = 5000},
      {.period = 1000, .in_call = false, .asked = {.times = 2'000'000'000}, .limit = LoopGuard::kMostAsked},
      {.period = 20, .in_call = true, .asked = {.tokens = 2'147'483'647}, .limit = LoopGuard::kMostAsked},
  };
  for (const auto& [period, in_call, asked, limit] : cases) {
    auto seen = play(100'000, [&](int at) { return at % period; }, in_call, asked);
    auto name = std::to_string(asked.times) + " times a period of " + std::to_string(period) + " and " +
                std::to_string(asked.tokens) + " tokens";
    // The first period repeats nothing.
    check(seen.discouraged >= limit && seen.discouraged <= limit + period + 4,
          name + " are no loop up to " + std::to_string(limit) + ", not " + std::to_string(seen.discouraged));
    check(seen.ended > 0 && seen.ended <= seen.discouraged + period + 64, name + " are ended soon after that");
  }
}

}  // namespace

int main() {
  loops_end();
  loops_with_repetitions_inside_end();
  what_never_repeats_is_free();
  what_stops_in_time_is_free();
  rows_of_equal_cells_are_free_for_longer();
  a_period_that_is_too_long_is_free();
  what_was_asked_for_is_free();
  the_token_that_goes_on_is_discouraged();
  return tether::result();
}
