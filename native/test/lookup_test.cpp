// Tests what is drafted from a sequence's own tokens, and how many of them are worth a pass.
#include "engine/lookup.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/pass_costs.h"
#include "test/check.h"

using namespace tether;

namespace {

using Tokens = std::vector<int32_t>;

void follows() {
  struct Case {
    const char* what;
    Tokens prompt;
    Tokens said;
    Tokens draft;  // of four tokens
  };
  const std::vector<Case> cases{
      {"nothing is drafted from nothing", {}, {}, {}},
      {"nothing is drafted where nothing repeats", {1, 2, 3, 4, 5, 6}, {7, 8}, {}},
      {"two tokens in common are too few", {1, 2, 3, 4, 5, 6}, {1, 2}, {}},
      {"three tokens in common are followed", {1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 3}, {4, 5, 6, 7}},
      {"the end of a prompt counts", {1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3}, {}, {4, 5, 6, 7}},
      {"the last of several places is followed", {1, 2, 3, 4, 0, 1, 2, 3, 5, 0, 9}, {1, 2, 3}, {5, 0, 9, 1}},
      {"but one with more in common goes first",
       {9, 9, 1, 2, 3, 4, 0, 8, 1, 2, 3, 5, 0},
       {9, 9, 1, 2, 3},
       {4, 0, 8, 1}},
      {"a place is left where it does not hold", {1, 2, 3, 4, 5, 6}, {1, 2, 3, 9}, {}},
      {"and taken up behind what was put in", {1, 2, 3, 4, 5, 6, 7}, {1, 2, 3, 9, 8, 4}, {5, 6, 7, 1}},
      {"and behind what was replaced", {1, 2, 3, 4, 5, 6, 7}, {1, 2, 3, 9, 5}, {6, 7, 1, 2}},
      {"what repeats with a period goes on so", {1, 2, 3}, {1, 2, 3, 1}, {2, 3, 1, 2}},
      {"one token over and over", {7, 7}, {7, 7}, {7, 7, 7, 7}},
      {"what was said counts as the prompt does", {0}, {1, 2, 3, 4, 5, 1, 2, 3}, {4, 5, 1, 2}},
  };
  for (const auto& one : cases) {
    Lookup lookup(one.prompt, 100);
    for (int32_t token : one.said) lookup.accept(token);
    check(lookup.draft(4) == one.draft, one.what);
    check(lookup.matches() == !one.draft.empty(), one.what);
    check(lookup.draft(0).empty(), "a draft of no tokens is empty");
  }
}

void learns() {
  // What repeats holds more and more often, what only seems to does not.
  Tokens prompt;
  for (int i = 0; i < 200; i++) prompt.push_back(i);
  Lookup right(prompt, 1000);
  double before = right.odds(0);
  for (int i = 0; i < 100; i++) right.accept(i);
  check(right.odds(0) > 0.95 && right.odds(0) > before, "a place that was right is trusted");
  Tokens lures;
  for (int i = 0; i < 300; i++)
    for (int32_t token : {1, 2, 3, 100 + i}) lures.push_back(token);
  Lookup wrong(lures, 4000);
  for (int i = 0; i < 100; i++)
    for (int32_t token : {1, 2, 3, 1000 + i}) wrong.accept(token);
  for (int32_t token : {1, 2, 3}) wrong.accept(token);
  check(wrong.matches() && wrong.odds(0) < 0.3, "a place that was wrong is not: " + std::to_string(wrong.odds(0)));
}

// The longest common end of all earlier places, the slow way, where its grams have few places.
void agrees_with_a_search() {
  std::mt19937 random(5);
  Tokens all;
  for (int i = 0; i < 4000; i++) {
    bool copies = i > 100 && random() % 40 != 0;
    all.push_back(copies ? all[all.size() - 97] : static_cast<int32_t>(random() % 5000));
  }
  Lookup lookup({}, all.size());
  int places = 0;
  int right = 0;
  for (int32_t token : all) {
    auto draft = lookup.draft(1);
    places += draft.empty() ? 0 : 1;
    right += !draft.empty() && draft[0] == token ? 1 : 0;
    lookup.accept(token);
  }
  check(places > 3000, "what repeats is found: " + std::to_string(places));
  check(right > 0.95 * places, "and is right: " + std::to_string(right));
}

void takes_little() {
  std::mt19937 random(7);
  Tokens prompt;
  for (int i = 0; i < 200000; i++) prompt.push_back(static_cast<int32_t>(random() % 300));
  auto started = std::chrono::steady_clock::now();
  Lookup lookup(prompt, prompt.size() + 20000);
  for (int i = 0; i < 20000; i++) lookup.accept(static_cast<int32_t>(random() % 300));
  std::chrono::duration<double, std::micro> taken = std::chrono::steady_clock::now() - started;
  std::printf("%.3f us and %.1f bytes a token\n", taken.count() / 220000, static_cast<double>(lookup.bytes()) / 220000);
  check(lookup.bytes() <= size_t{16} * 220000, "the index takes at most 16 bytes a token");
}

double always(int) { return 1; }
double never(int) { return 0; }
double mostly(int) { return 0.8; }
double almost(int) { return 0.95; }

PassCosts costing(std::vector<double> seconds) { return PassCosts(seconds); }

void weighs() {
  auto cheap = costing({1, 1, 1, 1.1, 1.2});
  check(cheap.worth({1, 1}, always, 15) == 15, "cheap rows that hold are all drafted");
  check(cheap.worth({1, 1}, always, 3) == 3, "but no more than there are");
  check(cheap.worth({1, 1}, never, 15) == 0, "what never holds is not");
  auto even = costing({1, 2, 4, 8, 16});
  check(even.worth({1, 1}, always, 15) == 0, "rows that cost a pass each are not drafted");
  auto usual = costing({0.1, 0.12, 0.15, 0.25, 0.5});
  int some = usual.worth({1, 1}, mostly, 15);
  check(some >= 2 && some <= 7, "between these a few: " + std::to_string(some));
  check(usual.worth({8, 8}, mostly, 7) <= some, "beside other sequences, fewer");
  check(costing({1}).worth({1, 1}, always, 15) > 0, "what was not measured is taken from what is usual");
  for (double cost : {1.0, 1.2, 1.5, 2.0, 2.5, 5.0}) {
    const std::vector<std::pair<double, int>> known{{1, 1}, {1.2, 2}, {1.5, 4}, {2, 6}, {2.5, 8}, {5, 16}};
    auto rows = std::ranges::find(known, cost, &std::pair<double, int>::first)->second;
    check(std::abs(usual.cost(rows) - cost) < 1e-9, "costs grow evenly between those known");
  }
}

void corrects_itself() {
  auto costs = costing({1, 1.2, 1.5, 2.5, 5});
  int some = costs.worth({1, 1}, mostly, 15);
  for (int i = 0; i < 50; i++) costs.saw(1 + some, 20);
  check(costs.worth({1, 1}, mostly, 15) != some, "a pass that costs more than was thought is not repeated");
  for (int i = 0; i < 50; i++) costs.saw(1 + some, costing({1, 1.2, 1.5, 2.5, 5}).cost(1 + some));
  check(costs.worth({1, 1}, mostly, 15) > 0, "until it costs less");
  auto slow = costing({1, 1.2, 1.5, 2.5, 5});
  for (int i = 0; i < 200; i++) slow.saw(1, 3);
  for (int i = 0; i < 200; i++) slow.saw(4, 4.5);
  check(slow.worth({1, 1}, mostly, 15) == some, "a machine that is slow in all changes nothing");
  // What was disturbed when it was measured is found to be cheap.
  auto disturbed = costing({1, 30, 30, 30, 30});
  check(disturbed.worth({1, 1}, mostly, 15) == 0, "nothing is drafted at first");
  int drafted = 0;
  int passes = 0;
  for (; passes < 3000 && disturbed.worth({1, 1}, almost, 15) == 0; passes++) {
    int count = disturbed.tries({1, 1}, almost, 15);
    drafted += count > 0 ? 1 : 0;
    disturbed.saw(1 + count, 1 + 0.1 * count);
  }
  check(passes < 3000 && drafted < 10, "a few tries find it: " + std::to_string(drafted));
  auto dear = costing({1, 2, 4, 8, 16});
  drafted = 0;
  for (int i = 0; i < 10000; i++) {
    int count = dear.tries({1, 1}, almost, 15);
    drafted += count;
    dear.saw(1 + count, 1.0 + count);
  }
  check(drafted > 0 && drafted < 130, "what is dear is hardly ever tried: " + std::to_string(drafted));
}

void weighs_steps() {
  PassCosts costs(std::vector<double>{1, 1.1, 1.2, 1.4, 1.8});
  costs.set_drafter(0.1, 0);
  int some = costs.worth({1, 1}, mostly, 15, costs.step());
  check(some > 0 && some < costs.worth({1, 1}, mostly, 15), "steps of a drafter make drafts dearer");
  check(costs.worth({2, 2, 4}, mostly, 4, costs.step()) >= costs.worth({2, 2}, mostly, 4, costs.step()),
        "a step that drafts for another sequence, too, costs nothing more");
  for (int i = 0; i < 100; i++) costs.saw_steps(3, 3);
  check(costs.worth({1, 1}, mostly, 15, costs.step()) == 0, "steps that came to cost a pass each are not taken");
  for (int i = 0; i < 3000; i++) costs.saw_no_steps();
  check(costs.worth({1, 1}, mostly, 15, costs.step()) == some, "until that is long ago");
}

}  // namespace

int main() {
  follows();
  learns();
  agrees_with_a_search();
  takes_little();
  weighs();
  corrects_itself();
  weighs_steps();
  return result();
}
