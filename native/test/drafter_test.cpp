// Tests drafts of a second model: answers are those of one token a pass, whatever it drafts, in fewer passes where it
// is right.
#include <algorithm>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/batch.h"
#include "engine/draft_model.h"
#include "test/check.h"
#include "test/sums.h"

using namespace tether;

namespace {

using Tokens = std::vector<int32_t>;

// The model itself, but for every so many sums, where it says something else.
class Nearly : public Sums {
 public:
  Nearly(Windows windows, int wrong) : Sums(std::move(windows)), wrong_every(wrong) {}
  mx::array logits(const mx::array& hidden) override {
    if (wrong_every == 0) return Sums::logits(hidden);
    auto wrong = mx::equal(mx::remainder(hidden, mx::array(static_cast<float>(wrong_every))), mx::array(0.0F));
    return Sums::logits(mx::where(wrong, mx::add(hidden, mx::array(1.0F)), hidden));
  }

  int wrong_every;
};

// Drafts what is no token of the model.
class Foreign : public Sums {
 public:
  Foreign() : Sums(0) {}
  int vocab_size() const override { return kVocab + 3; }
  mx::array logits(const mx::array& hidden) override {
    auto row = Sums::logits(hidden);
    return mx::concatenate({row, mx::full({row.shape(0), 3}, 1.0F)}, 1);
  }
};

// Drafts from the target's hidden state, which is the sum of the tokens before the known one: right only if that is.
class FromHidden : public Drafter {
 public:
  bool wants_hidden() const override { return true; }
  Took draft(std::span<DraftJob> jobs) override {
    int most = 0;
    for (auto& job : jobs) {
      auto sum = static_cast<int>(job.state->hidden->item<float>()) + job.target->tokens().back();
      for (int i = 0; i < job.count; i++) {
        // Every other draft is wrong from its third token on.
        job.draft.push_back((sum + (asked % 2 && i > 1 ? 1 : 0)) % kVocab);
        sum += job.draft.back();
      }
      most = std::max(most, job.count);
    }
    asked++;
    return {.steps = most, .seconds = 1};
  }
  int asked = 0;
};

class Failing : public Drafter {
 public:
  Took draft(std::span<DraftJob>) override {
    asked++;
    throw std::runtime_error("the device is out of memory");
  }
  int asked = 0;
};

void same_answers(bool ahead, const Windows& windows, int wrong_every, int reach) {
  Fixture fixture(ahead, windows);
  auto model = std::make_unique<Nearly>(windows, wrong_every);
  fixture.draft_by(std::move(model), 0.1, reach);
  std::vector<Tokens> prompts{some_tokens(5, 1), some_tokens(60, 2), some_tokens(1, 3), some_tokens(33, 5)};
  std::vector<Got> got(prompts.size());
  for (size_t i = 0; i < prompts.size(); i++) {
    fixture.start(got[i], ask(prompts[i], 130 + static_cast<int>(i)));
    for (size_t pass = 0; pass < 3 * i; pass++) fixture.batch.pass();
  }
  fixture.run();
  auto drafts = "right but every " + std::to_string(wrong_every) + ", of " + std::to_string(reach);
  for (size_t i = 0; i < prompts.size(); i++) {
    auto name = drafts + ": request " + std::to_string(i);
    check(got[i].tokens == answer(prompts[i], 130 + static_cast<int>(i)), name + " gets the answer it would get alone");
    const auto* finish = got[i].finish();
    check(finish && finish->drafted_tokens > 0, name + " had drafts");
    if (reach == 192 && wrong_every == 0)
      check(finish && finish->drafted_tokens == finish->accepted_tokens && finish->accepted_tokens > 80,
            name + ": all drafts of a model that is right hold");
    if (reach == 192 && wrong_every > 3)
      check(finish && finish->accepted_tokens > 40 && finish->drafted_tokens > finish->accepted_tokens,
            name + ": some hold, " + std::to_string(finish->accepted_tokens));
    Got more;
    auto prompt = prompts[i];
    prompt.insert(prompt.end(), got[i].tokens.begin(), got[i].tokens.end());
    fixture.start(more, ask(prompt, 40));
    fixture.run();
    check(more.tokens == answer(prompt, 40), name + ": what is kept after a refused draft is right");
  }
}

void fewer_passes(bool ahead) {
  auto passes = [&](int drafter) {
    Fixture fixture(ahead);
    if (drafter) fixture.draft_by(std::make_unique<Nearly>(0, drafter > 1 ? drafter : 0), 0.05, 192);
    Got got;
    fixture.start(got, ask(some_tokens(20, 2), 200));
    fixture.run();
    check(got.tokens == answer(some_tokens(20, 2), 200), "the answer is right");
    return fixture.model().passes;
  };
  int plain = passes(0);
  check(passes(1) < plain / 4, "a drafter that is right saves most passes");
  check(passes(7) < plain / 2, "one that is right often saves many");
}

// Every place of an end, so that it also lies within a draft.
void ends_within(bool ahead) {
  auto prompt = some_tokens(20, 3);
  auto said = answer(prompt, 140);
  for (int count = 9; count < 60; count++) {
    Fixture fixture(ahead, 20);
    fixture.draft_by(std::make_unique<Nearly>(20, 11), 0.1, 192);
    Got length;
    fixture.start(length, ask(prompt, count));
    fixture.run();
    check(length.tokens == Tokens(said.begin(), said.begin() + count), "max_tokens holds within a draft");
    Got cancelled;
    fixture.start(cancelled, ask(prompt, 140));
    for (int pass = 0; pass < count / 3; pass++) fixture.batch.pass();
    *cancelled.cancelled = true;
    fixture.run();
    check(cancelled.tokens == Tokens(said.begin(), said.begin() + static_cast<int>(cancelled.tokens.size())),
          "what is said before a cancellation is right");
    Got stopped;
    auto request = ask(prompt, 140);
    auto at = static_cast<size_t>(count);
    request.stop_tokens = {said[at]};
    fixture.start(stopped, std::move(request));
    fixture.run();
    auto first = std::ranges::find(said, said[at]);
    check(stopped.tokens == Tokens(said.begin(), first), "a stop token ends the answer within a draft");
    Got more;
    auto further = prompt;
    further.insert(further.end(), stopped.tokens.begin(), stopped.tokens.end());
    further.push_back(5);
    fixture.start(more, ask(further, 30));
    fixture.run();
    check(more.tokens == answer(further, 30), "what is kept behind it is right");
  }
}

void samples_alike(bool ahead) {
  for (uint64_t seed = 1; seed <= 8; seed++) {
    auto sample = [&](bool drafts) {
      Fixture fixture(ahead, 16);
      if (drafts) fixture.draft_by(std::make_unique<Nearly>(16, 0), 0.05, 192);
      Got one, two;
      auto request = ask(some_tokens(15, static_cast<int>(seed)), 90);
      request.sampling = {.temperature = 0.4F, .top_p = seed % 2 ? 1 : 0.9F, .seed = seed};
      fixture.start(two, ask(some_tokens(9, 4), 80));
      fixture.start(one, std::move(request));
      fixture.run();
      check(two.tokens == answer(some_tokens(9, 4), 80), "the request beside it is not touched");
      check(!drafts || (one.finish() && one.finish()->drafted_tokens > 0), "there are drafts");
      return one.tokens;
    };
    check(sample(false) == sample(true), "a seed gives the same answer with drafts and without");
  }
}

void gives_up_what_does_not_pay(bool ahead) {
  auto drafted = [&](int wrong_every, double step) {
    Fixture fixture(ahead);
    fixture.draft_by(std::make_unique<Nearly>(0, wrong_every), step, 192);
    Got got;
    fixture.start(got, ask(some_tokens(20, 2), 350));
    fixture.run();
    check(got.tokens == answer(some_tokens(20, 2), 350), "the answer is right");
    return got.finish() ? got.finish()->drafted_tokens : -1;
  };
  int never = drafted(1, 0.2);
  check(never > 0 && never < 60, "a drafter that is never right is tried only a while: " + std::to_string(never));
  int slow = drafted(0, 1.2);
  check(slow <= 2, "one that is as slow as the model is hardly ever asked: " + std::to_string(slow));
}

// What a drafter costs, in passes of one token.
struct Price {
  double step;
  double read;
};

// A draft model whose work is added up, and which may come to be right.
class Priced : public Drafter {
 public:
  Priced(std::unique_ptr<Nearly> model, Price price, int reach)
      : says(*model), price_(price), model_(std::move(model), kVocab, 8, 4, 0, device_policy(), reach, 2 * reach) {}
  Took draft(std::span<DraftJob> jobs) override {
    auto took = model_.draft(jobs);
    check(took.read <= 8, "others do not wait for more than a chunk");
    passes += price_.step * took.steps + price_.read * took.read;
    return took;
  }
  int unread(const DraftState& state, const Sequence& target) const override { return model_.unread(state, target); }

  Nearly& says;
  double passes = 0;

 private:
  Price price_;
  DraftModel model_;
};

// Answers one after another with a drafter and without. A pass costs the same whatever its rows are.
class Answers {
 public:
  Answers(bool ahead, Price price, int wrong_every) : drafting_(ahead), plain_(ahead) {
    auto drafter = std::make_unique<Priced>(std::make_unique<Nearly>(0, wrong_every), price, 190);
    drafter_ = drafter.get();
    drafting_.draft_by(std::move(drafter), price.step, price.read);
  }

  // -> how many times faster these are
  double ask_for(int answers, int tokens) {
    double before = drafter_->passes;
    int passes = drafting_.model().passes;
    int alone = plain_.model().passes;
    for (int i = 0; i < answers; i++) {
      Got got;
      auto prompt = some_tokens(150, ++asked_);
      drafting_.start(got, ask(prompt, tokens));
      drafting_.run();
      check(got.tokens == answer(prompt, tokens), "the answer is right");
      Got other;
      plain_.start(other, ask(prompt, tokens));
      plain_.run();
    }
    // Both have read the prompts.
    int read = plain_.model().passes - alone - answers * tokens;
    return answers * tokens / (drafting_.model().passes - passes - read + drafter_->passes - before);
  }
  Nearly& says() { return drafter_->says; }

 private:
  Fixture drafting_;
  Fixture plain_;
  Priced* drafter_;
  int asked_ = 0;
};

void costs_less_than_it_saves(bool ahead) {
  auto shown = [](double ratio) { return ": " + std::to_string(ratio); };
  double bad = Answers(ahead, {.step = 0.2, .read = 0.05}, 1).ask_for(20, 150);
  check(bad > 0.98, "one that is never right costs next to nothing in the end" + shown(bad));
  double brief = Answers(ahead, {.step = 0.1, .read = 0.2}, 0).ask_for(10, 24);
  check(brief > 0.98, "an answer ends before reading would pay" + shown(brief));
  double good = Answers(ahead, {.step = 0.1, .read = 0.02}, 7).ask_for(5, 150);
  check(good > 1.5, "one that is often right pays" + shown(good));
  Answers answers(ahead, {.step = 0.1, .read = 0.02}, 1);
  answers.ask_for(5, 150);
  answers.says().wrong_every = 0;
  answers.ask_for(4, 150);
  double better = answers.ask_for(4, 150);
  check(better > 1.5, "one that came to be right is noticed" + shown(better));
  double slow = Answers(ahead, {.step = 1.2, .read = 0.3}, 0).ask_for(20, 150);
  check(slow > 0.98, "one that is as slow as the model is not used" + shown(slow));
}

void survives_what_a_drafter_does(bool ahead) {
  auto prompt = some_tokens(20, 2);
  for (bool fails : {true, false}) {
    Fixture fixture(ahead);
    auto failing = std::make_unique<Failing>();
    auto& asked = failing->asked;
    if (fails)
      fixture.draft_by(std::move(failing));
    else
      fixture.draft_by(std::make_unique<Foreign>());
    Got got;
    fixture.start(got, ask(prompt, 60));
    fixture.run();
    check(got.tokens == answer(prompt, 60), "an answer does not depend on its drafter");
    check(got.finish() && got.finish()->drafted_tokens == 0, "what it does not give is not verified");
    if (fails) check(asked == 1, "one that fails is not asked again");
  }
}

// Holds a part of an answer, where every fifth token must be another one than the model would say.
class Turning : public Constraint {
 public:
  bool is_ready() override { return true; }
  std::optional<std::string> failure() const override { return std::nullopt; }
  bool holds() const override { return at_ >= 12 && at_ < 50; }
  bool fill(std::span<uint32_t> words) override {
    for (uint32_t id = 0; id < kVocab; id++)
      if (at_ % 5 || id == at_) words[id / 32] |= 1U << (id % 32U);
    return true;
  }
  std::vector<int32_t> forced() override { return {}; }
  void accept(int32_t) override { at_++; }

 private:
  uint32_t at_ = 0;
};

void is_held_to_a_grammar(bool ahead) {
  auto held = [&](bool drafts, float temperature) {
    Fixture fixture(ahead, 20);
    if (drafts) fixture.draft_by(std::make_unique<Nearly>(20, 11), 0.1, 192);
    Got got;
    auto request = ask(some_tokens(20, 3), 80);
    request.constraint = std::make_shared<Turning>();
    request.sampling = {.temperature = temperature, .seed = 7};
    fixture.start(got, std::move(request));
    fixture.run();
    const auto* finish = got.finish();
    check(finish && finish->constrained->tokens == 38, "each token that was held is counted once");
    if (drafts) check(finish && finish->accepted_tokens > 20, "drafts hold where the grammar leaves a choice");
    return got.tokens;
  };
  for (float temperature : {0.0F, 0.4F})
    check(held(true, temperature) == held(false, temperature), "what is held is the same with a drafter");
}

void has_the_hidden_state(bool ahead) {
  Fixture fixture(ahead, 17);
  fixture.draft_by(std::make_unique<FromHidden>());
  std::vector<Got> got(3);
  for (int i = 0; i < 3; i++) fixture.start(got[static_cast<size_t>(i)], ask(some_tokens(5 + 9 * i, i), 120));
  fixture.run();
  for (int i = 0; i < 3; i++) {
    const auto& one = got[static_cast<size_t>(i)];
    check(one.tokens == answer(some_tokens(5 + 9 * i, i), 120), "the answer is right");
    check(one.finish() && one.finish()->accepted_tokens > 40, "the first two tokens of every draft hold");
  }
}

void reads_what_it_knows() {
  // A model of fewer tokens: the sequence has some that it does not know.
  class Fewer : public Sums {
   public:
    Fewer() : Sums(0) {}
    int vocab_size() const override { return 90; }
  };
  Fixture fixture(false);
  fixture.draft_by(std::make_unique<Fewer>());
  auto prompt = some_tokens(30, 2);
  prompt[10] = 95;
  Got got;
  fixture.start(got, ask(prompt, 100));
  fixture.run();
  check(got.tokens == answer(prompt, 100), "a token that a drafter does not know is not read by it");
}

// As passes would ask, until it has read.
void read_and_draft(Drafter& drafter, std::span<DraftJob> jobs) {
  std::vector<DraftJob> done;
  std::vector<DraftJob> left(jobs.begin(), jobs.end());
  while (!left.empty()) {
    auto took = drafter.draft(left);
    check(took.read <= 8, "no more than a chunk is read at a time");
    std::ranges::copy_if(left, std::back_inserter(done), [](const DraftJob& job) { return !job.reads; });
    std::erase_if(left, [](const DraftJob& job) { return !job.reads; });
    for (auto& job : left) job.reads = false;
  }
  std::ranges::copy(done, jobs.begin());
}

// The tokens of one sequence are drafted as if it were alone.
void drafts_together() {
  DraftModel together(std::make_unique<Sums>(Windows{0, 30}), kVocab, 8, 4, 0, device_policy(), 100, 200);
  DraftModel alone(std::make_unique<Sums>(Windows{0, 30}), kVocab, 8, 4, 0, device_policy(), 100, 200);
  std::vector<Sequence> targets;
  for (int i = 0; i < 3; i++) {
    targets.emplace_back(std::vector<KVCache>{});
    targets.back().extended_by(some_tokens(10 + 20 * i, i));
  }
  std::vector<DraftState> states(3), others(3);
  for (int round = 0; round < 60; round++) {
    std::vector<DraftJob> jobs;
    for (size_t i = 0; i < 3; i++)
      jobs.push_back({.state = &states[i], .target = &targets[i], .count = 1 + (round + 2 * static_cast<int>(i)) % 5});
    read_and_draft(together, jobs);
    for (auto& job : jobs) {
      auto i = static_cast<size_t>(job.state - states.data());
      DraftJob one{.state = &others[i], .target = &targets[i], .count = job.count};
      read_and_draft(alone, {&one, 1});
      check(static_cast<int>(job.draft.size()) == job.count && job.draft == one.draft, "drafts are those of one alone");
      if (targets[i].length() < 100)
        check(job.draft == answer(targets[i].tokens(), job.count), "and what the model would say");
      // The target takes some of it and goes on in its own way.
      auto held = static_cast<size_t>(round % (job.count + 1));
      targets[i].extended_by(std::span(job.draft).first(held));
      int32_t own = (round * 7) % 90;
      targets[i].extended_by({&own, 1});
    }
  }
  check(states[0].sequence->length() <= 200, "what it keeps of a sequence is bounded");
  check(states[0].sequence->bytes() <= together.bytes_per_sequence() + 2000, "by what it says");
}

}  // namespace

int main() {
  for (bool ahead : {false, true}) {
    context = ahead ? "ahead: " : "";
    for (const auto& windows : std::vector<Windows>{0, 17, {0, 8}})
      for (int wrong_every : {0, 1, 7})
        for (int reach : {20, 192}) same_answers(ahead, windows, wrong_every, reach);
    fewer_passes(ahead);
    ends_within(ahead);
    samples_alike(ahead);
    gives_up_what_does_not_pay(ahead);
    costs_less_than_it_saves(ahead);
    survives_what_a_drafter_does(ahead);
    has_the_hidden_state(ahead);
    is_held_to_a_grammar(ahead);
  }
  context = "";
  reads_what_it_knows();
  drafts_together();
  return result();
}
