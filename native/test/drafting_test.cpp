// Tests passes that verify drafts: answers are those of one token a pass, in fewer passes, on a CPU and a token ahead.
#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "engine/batch.h"
#include "test/check.h"
#include "test/sums.h"

using namespace tether;

namespace {

using Tokens = std::vector<int32_t>;

Tokens joined(Tokens first, const Tokens& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

// The model's answers repeat after 48 tokens. Prompts that hold parts of the answer make it repeat at once, or seem to.
Tokens luring(int seed, int length) {
  auto prompt = some_tokens(7, seed);
  auto said = answer(prompt, 60);
  Tokens lures;
  for (int i = 0; static_cast<int>(lures.size()) < length; i++) {
    auto begin = said.begin() + (i * 7) % 40;
    lures.insert(lures.end(), begin, begin + 3 + i % 9);
    lures.push_back(90 + i % 7);
  }
  return joined(lures, prompt);
}

// A prompt that is answered as its begin says, so that the answer is drafted from its first token on.
Tokens repeating(int seed) {
  auto start = some_tokens(6, seed);
  auto all = joined(start, answer(start, 60));
  int sum = std::accumulate(all.begin(), all.end(), 0);
  all.push_back((kVocab - sum % kVocab) % kVocab);
  return joined(all, start);
}

void same_answers(bool ahead, const Windows& windows) {
  Fixture fixture(ahead, windows);
  fixture.draft();
  std::vector<Tokens> prompts{some_tokens(5, 1), luring(2, 60), some_tokens(1, 3), luring(4, 100), some_tokens(33, 5)};
  std::vector<Got> got(prompts.size());
  for (size_t i = 0; i < prompts.size(); i++) {
    fixture.start(got[i], ask(prompts[i], 150 + static_cast<int>(i)));
    for (size_t pass = 0; pass < 4 * i; pass++) fixture.batch.pass();
  }
  fixture.run();
  for (size_t i = 0; i < prompts.size(); i++) {
    auto name = "request " + std::to_string(i);
    check(got[i].tokens == answer(prompts[i], 150 + static_cast<int>(i)), name + " gets the answer it would get alone");
    check(got[i].finish() && got[i].finish()->reason == FinishReason::length, name + " ends with one finish");
    check(got[i].finish() && got[i].finish()->accepted_tokens > 40, name + " had drafts that were right");
    bool lured = i % 2 == 1;
    check(!lured || (got[i].finish() && got[i].finish()->drafted_tokens > got[i].finish()->accepted_tokens),
          name + " had others that were wrong");
  }
  for (size_t i = 0; i < prompts.size(); i++) {
    Got more;
    auto prompt = joined(prompts[i], got[i].tokens);
    fixture.start(more, ask(prompt, 90));
    fixture.run();
    check(more.tokens == answer(prompt, 90), "what is kept after a refused draft is right");
    check(more.finish() && more.finish()->cached_tokens >= static_cast<int>(prompt.size()) - 2, "and is all there");
  }
}

// What later prompts find of an answer does not depend on how many tokens its passes had.
void keeps_alike(bool ahead, const Windows& windows) {
  auto prompt = luring(3, 50);
  auto found = [&](bool drafts) {
    std::vector<int> cached;
    for (int fork = 60; fork < 230; fork += 9) {
      Fixture fixture(ahead, windows, 0, {}, uint64_t{1} << 22U);
      if (drafts) fixture.draft();
      Got got, more;
      fixture.start(got, ask(prompt, 200));
      fixture.run();
      auto other = joined(prompt, got.tokens);
      other.resize(static_cast<size_t>(fork));
      other.push_back(96);
      fixture.start(more, ask(other, 40));
      fixture.run();
      check(more.tokens == answer(other, 40), "a prompt that parts from an answer gets its own");
      cached.push_back(more.finish() ? more.finish()->cached_tokens : -1);
    }
    return cached;
  };
  check(found(true) == found(false), "drafts do not change what is kept of an answer");
}

void fewer_passes(bool ahead) {
  auto passes = [&](bool drafts) {
    Fixture fixture(ahead);
    if (drafts) fixture.draft();
    Got got;
    fixture.start(got, ask(some_tokens(20, 2), 300));
    fixture.run();
    check(got.tokens == answer(some_tokens(20, 2), 300), "the answer is right");
    return fixture.model().passes;
  };
  int plain = passes(false);
  int drafted = passes(true);
  check(drafted < plain / 2,
        "an answer that repeats takes fewer passes: " + std::to_string(drafted) + " of " + std::to_string(plain));
}

// Every place of an end, so that it also lies within a draft, at its begin and at its end.
void ends_within(bool ahead) {
  auto prompt = luring(3, 40);
  auto said = answer(prompt, 140);
  for (int count = 60; count < 130; count++) {
    Fixture fixture(ahead, 20);
    fixture.draft();
    Got length;
    fixture.start(length, ask(prompt, count));
    fixture.run();
    check(length.tokens == Tokens(said.begin(), said.begin() + count), "max_tokens holds within a draft");
    // The same tokens come every 48: a token of the prompt's end that the answer does not have ends nothing.
    Got cancelled;
    fixture.start(cancelled, ask(prompt, 300));
    for (int pass = 0; pass < count / 4; pass++) fixture.batch.pass();
    *cancelled.cancelled = true;
    fixture.run();
    auto part = answer(prompt, 300);
    part.resize(cancelled.tokens.size());
    check(cancelled.tokens == part, "what is said before a cancellation is right");
    auto further = joined(prompt, cancelled.tokens);
    Got more;
    fixture.start(more, ask(further, 20));
    fixture.run();
    check(more.tokens == answer(further, 20), "what a cancelled request leaves is right");
  }
}

void stops_within(bool ahead) {
  auto prompt = repeating(8);
  auto said = answer(prompt, 60);
  for (size_t at = 1; at < 40; at++) {
    auto first = std::ranges::find(said, said[at]);
    auto expected = Tokens(said.begin(), first);
    Fixture fixture(ahead, 12);
    fixture.draft();
    Got got;
    auto request = ask(prompt, 60);
    request.stop_tokens = {said[at]};
    fixture.start(got, std::move(request));
    fixture.run();
    check(got.tokens == expected, "a stop token ends the answer within a draft");
    check(got.finish() && got.finish()->stop_token == said[at], "and is named");
    check(got.finish() && got.finish()->drafted_tokens > 0, "there was a draft");
    Got more;
    auto further = joined(joined(prompt, got.tokens), {said[at], 5});
    fixture.start(more, ask(further, 30));
    fixture.run();
    check(more.tokens == answer(further, 30), "what is kept behind it is right");
  }
}

void samples_alike(bool ahead) {
  for (uint64_t seed = 1; seed <= 12; seed++) {
    Sampling sampling{.temperature = 0.4F, .seed = seed};
    if (seed % 4 == 1) sampling.top_k = 5;
    if (seed % 4 == 2) sampling.repetition_penalty = 1.3F;
    if (seed % 4 == 3) sampling.top_p = 0.9F;
    auto sample = [&](bool drafts) {
      Fixture fixture(ahead, 16);
      if (drafts) fixture.draft();
      Got one, two;
      auto request = ask(luring(static_cast<int>(seed), 80), 120);
      request.sampling = sampling;
      fixture.start(two, ask(some_tokens(9, 4), 100));
      fixture.start(one, std::move(request));
      fixture.run();
      check(two.tokens == answer(some_tokens(9, 4), 100), "the request beside it is not touched");
      return one;
    };
    auto plain = sample(false);
    auto drafted = sample(true);
    check(plain.tokens == drafted.tokens, "a seed gives the same answer with drafts and without");
    check(drafted.finish() && drafted.finish()->drafted_tokens > 0, "which had drafts");
  }
}

// The tokens that follow a draft's first token, over many requests without a seed: their frequencies with drafts and
// without (chi-square of two samples).
void samples_with_the_same_odds() {
  constexpr int kRuns = 1500;
  auto prompt = repeating(8);
  auto count = [&](bool drafts) {
    std::vector<int> seen(kVocab);
    Fixture fixture(false);
    if (drafts) fixture.draft();
    int drafted = 0;
    for (int i = 0; i < kRuns; i++) {
      Got got;
      auto request = ask(prompt, 4);
      request.sampling.temperature = 1;
      fixture.start(got, std::move(request));
      fixture.run();
      seen[static_cast<size_t>((got.tokens.back() - got.tokens[2] + 2 * kVocab) % kVocab)]++;
      drafted += got.finish()->drafted_tokens > 0 ? 1 : 0;
    }
    check(drafts ? drafted > kRuns / 4 : drafted == 0, "drafts are tried: " + std::to_string(drafted));
    return seen;
  };
  auto plain = count(false);
  auto drafted = count(true);
  double square = 0;
  int freedom = -1;
  for (size_t i = 0; i < plain.size(); i++) {
    double both = plain[i] + drafted[i];
    if (both < 10) continue;
    square += std::pow(plain[i] - drafted[i], 2) / both;
    freedom++;
  }
  // Three standard deviations above the mean of a chi-square distribution.
  check(freedom > 3 && square < freedom + 3 * std::sqrt(2.0 * freedom) + 6,
        "chi-square " + std::to_string(square) + " of " + std::to_string(freedom) + " degrees of freedom");
}

// Allows one token after another from the begin, and forces some of them.
class Forcing : public Constraint {
 public:
  Forcing(Tokens script, size_t forces) : script_(std::move(script)), forces_(forces) {}
  bool is_ready() override { return true; }
  std::optional<std::string> failure() const override { return std::nullopt; }
  bool holds() const override { return at_ < script_.size(); }
  bool fill(std::span<uint32_t> words) override {
    std::ranges::fill(words, 0U);
    auto id = static_cast<uint32_t>(script_[at_]);
    words[id / 32] |= 1U << (id % 32U);
    return true;
  }
  Tokens forced() override {
    auto end = std::min(script_.size(), at_ + forces_);
    Tokens forced(script_.begin() + static_cast<std::ptrdiff_t>(at_),
                  script_.begin() + static_cast<std::ptrdiff_t>(end));
    if (forced.size() > 2 && lies) forced[2] = 0;
    return forced;
  }
  void accept(int32_t token) override {
    accepted.push_back(token);
    at_++;
  }
  bool lies = false;
  Tokens accepted;

 private:
  Tokens script_;
  size_t forces_;
  size_t at_ = 0;
};

void drafts_what_is_forced(bool ahead) {
  for (bool lies : {false, true}) {
    Fixture fixture(ahead, 12);
    fixture.draft();
    auto prompt = some_tokens(20, 3);
    Tokens script;
    for (int i = 0; i < 30; i++) script.push_back((i * 13 + 5) % 90);
    auto constraint = std::make_shared<Forcing>(script, 6);
    constraint->lies = lies;
    auto request = ask(prompt, 50);
    request.constraint = constraint;
    request.loop_guard = true;
    Got got;
    fixture.start(got, std::move(request));
    fixture.run();
    auto expected = joined(script, answer(joined(prompt, script), 20));
    check(got.tokens == expected, "what is held is the same with drafts");
    check(constraint->accepted == expected, "the constraint gets each token once");
    check(got.finish() && got.finish()->constrained->tokens == 30, "each token that was held is counted once");
    if (!lies) check(fixture.model().passes < 40, "what is forced takes few passes");
    Got more;
    auto further = joined(prompt, got.tokens);
    fixture.start(more, ask(further, 10));
    fixture.run();
    check(more.tokens == answer(further, 10), "what is kept is right");
  }
}

void masks(bool ahead) {
  Fixture fixture(ahead);
  fixture.draft();
  auto prompt = repeating(8);
  auto all = answer(prompt, 40);
  std::vector<size_t> asked;
  auto request = ask(prompt, 40);
  request.mask = [&](std::span<const int32_t> output) {
    check(Tokens(output.begin(), output.end()) ==
              Tokens(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(output.size())),
          "a mask sees what was drawn");
    asked.push_back(output.size());
    return std::vector<uint32_t>{};
  };
  Got got;
  fixture.start(got, std::move(request));
  fixture.run();
  check(got.tokens == all, "a mask that allows all changes nothing");
  check(asked.size() == 40 && std::ranges::is_sorted(asked), "it is asked once for each token");
}

void fails(bool ahead) {
  for (int when = 0; when < 12; when++) {
    Fixture fixture(ahead, 20);
    fixture.draft();
    Got got;
    auto prompt = luring(2, 60);
    fixture.start(got, ask(prompt, 100));
    for (int pass = 0; pass < 12 + when; pass++) fixture.batch.pass();
    fixture.model().throws = true;
    fixture.run();
    check(got.failure() || got.tokens == answer(prompt, 100), "a fault in a pass with drafts ends its request");
    Got more;
    fixture.start(more, ask(prompt, 60));
    fixture.run();
    check(more.tokens == answer(prompt, 60), "and nothing of it is kept");
  }
}

void loses_nothing_where_it_does_not_pay() {
  Fixture fixture(false);
  fixture.draft({1, 2, 4, 8, 16});
  Got got;
  fixture.start(got, ask(luring(2, 100), 200));
  fixture.run();
  check(got.finish() && got.finish()->drafted_tokens <= 3,
        "where each row costs a pass nothing is drafted, but to try");
}

}  // namespace

int main() {
  for (bool ahead : {false, true}) {
    context = ahead ? "ahead: " : "";
    for (const auto& windows : std::vector<Windows>{0, 8, 17, 64, {0, 8}, {8, 30, 0}}) same_answers(ahead, windows);
    for (const auto& windows : std::vector<Windows>{0, 8, 30, {8, 0}}) keeps_alike(ahead, windows);
    fewer_passes(ahead);
    ends_within(ahead);
    stops_within(ahead);
    samples_alike(ahead);
    drafts_what_is_forced(ahead);
    masks(ahead);
    fails(ahead);
  }
  context = "";
  samples_with_the_same_odds();
  loses_nothing_where_it_does_not_pay();
  return result();
}
