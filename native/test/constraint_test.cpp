// Tests requests whose tokens are held to something, decoding as on a CPU and a token ahead as on Metal and CUDA.
#include "engine/constraint.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "error.h"
#include "test/check.h"
#include "test/sums.h"

using namespace tether;

namespace {

// Holds from a token on, allows one token after another, and is free again then.
class Scripted : public Constraint {
 public:
  Scripted(int32_t after, std::vector<int32_t> script) : after_(after), script_(std::move(script)) {}

  bool is_ready() override { return ++asked > not_ready; }
  std::optional<std::string> failure() const override { return failure_; }
  bool holds() const override { return armed_ && !failure_; }
  bool fill(std::span<uint32_t> words) override {
    std::ranges::fill(words, 0U);
    if (throws) throw Error("internal", "the matcher is broken");
    if (leads_nowhere) failure_ = "nothing fits";
    if (failure_) return false;
    auto id = static_cast<uint32_t>(script_[at_ + ahead_]);
    words[id / 32] |= 1U << (id % 32U);
    return true;
  }
  bool go_ahead(int32_t token) override {
    if (!armed_ || token != script_[at_ + ahead_] || at_ + ahead_ + 1 == script_.size()) return false;
    ahead_++;
    return true;
  }
  void come_back() override { ahead_ = 0; }
  void accept(int32_t token) override {
    check(ahead_ == 0, "a constraint that went ahead came back before the answer goes on");
    accepted.push_back(token);
    if (armed_ && ++at_ == script_.size()) armed_ = false;
    if (token == after_) armed_ = at_ < script_.size();
  }

  bool must_hold() const override { return required; }

  bool required = false;
  int not_ready = 0;
  int asked = 0;
  bool throws = false;
  bool leads_nowhere = false;
  std::vector<int32_t> accepted;

 private:
  int32_t after_;
  std::vector<int32_t> script_;
  size_t at_ = 0;
  size_t ahead_ = 0;
  bool armed_ = false;
  std::optional<std::string> failure_;
};

std::vector<int32_t> joined(std::vector<int32_t> first, const std::vector<int32_t>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

// The answer that follows the first three tokens, the script, and then what the model says.
std::vector<int32_t> held_answer(const std::vector<int32_t>& prompt, const std::vector<int32_t>& script, int count) {
  auto said = joined(answer(prompt, 3), script);
  return joined(said, answer(joined(prompt, said), count - static_cast<int>(said.size())));
}

GenerateRequest held(const std::vector<int32_t>& prompt, int count, const std::shared_ptr<Scripted>& constraint) {
  auto request = ask(prompt, count);
  request.constraint = constraint;
  return request;
}

void holds(bool ahead) {
  Fixture fixture(ahead);
  auto prompt = some_tokens(20, 3);
  auto plain = some_tokens(30, 4);
  const std::vector<int32_t> script{5, 90, 64, 5};
  auto constraint = std::make_shared<Scripted>(answer(prompt, 3)[2], script);
  auto last = std::make_shared<Scripted>(answer(prompt, 3)[2], script);
  Got steered, free, short_one;
  fixture.start(steered, held(prompt, 30, constraint));
  fixture.start(free, ask(plain, 40));
  fixture.start(short_one, held(prompt, 4, last));
  fixture.run();
  check(steered.tokens == held_answer(prompt, script, 30),
        "a request is held from its marker to the end of the grammar");
  check(constraint->accepted == steered.tokens,
        "a constraint is told of each token that is given out, and of no other");
  check(free.tokens == answer(plain, 40), "a neighbour is not touched");
  check(short_one.tokens == held_answer(prompt, {5}, 4), "the last token that is asked for is held too");
  const auto& finish = *steered.finish();
  check(finish.constrained && finish.constrained->tokens == 4 && !finish.constrained->failure,
        "tokens that were held are counted");
  check(finish.constrained && finish.constrained->removed > 0 && finish.constrained->removed < 4,
        "the probability of what was not allowed is summed up");
  check(!free.finish()->constrained, "a request without a constraint has no counts of one");
  Got more;
  fixture.start(more, ask(joined(prompt, steered.tokens), 5));
  fixture.run();
  check(more.tokens == answer(joined(prompt, steered.tokens), 5),
        "what was held goes to the prefix cache as it was given");
}

void waits(bool ahead) {
  Fixture fixture(ahead);
  auto prompt = some_tokens(20, 3);
  auto late = std::make_shared<Scripted>(answer(prompt, 3)[2], std::vector<int32_t>{7});
  late->not_ready = 40;
  auto never = std::make_shared<Scripted>(-5, std::vector<int32_t>{7});
  never->not_ready = 1'000'000'000;
  Got waiting, free, cancelled;
  fixture.start(waiting, held(prompt, 10, late));
  fixture.start(free, ask(some_tokens(9, 5), 3));
  fixture.start(cancelled, held(some_tokens(12, 6), 10, never));
  for (int i = 0; i < 8; i++) fixture.batch.pass();
  check(waiting.tokens.empty() && free.finish(), "a request waits for its grammar, and others go on");
  *cancelled.cancelled = true;
  fixture.run();
  check(waiting.tokens == held_answer(prompt, {7}, 10), "and gets its answer once it is there");
  check(cancelled.finish() && cancelled.finish()->reason == FinishReason::cancelled && cancelled.tokens.empty(),
        "a request that waits can be cancelled");
}

void fails(bool ahead) {
  Fixture fixture(ahead);
  auto prompt = some_tokens(20, 3);
  auto broken = std::make_shared<Scripted>(answer(prompt, 3)[2], std::vector<int32_t>{7});
  broken->throws = true;
  auto nowhere = std::make_shared<Scripted>(answer(prompt, 3)[2], std::vector<int32_t>{7});
  nowhere->leads_nowhere = true;
  auto needed = std::make_shared<Scripted>(answer(prompt, 3)[2], std::vector<int32_t>{7});
  needed->leads_nowhere = needed->required = true;
  Got failed, freed, refused, plain;
  fixture.start(failed, held(prompt, 10, broken));
  fixture.start(freed, held(prompt, 10, nowhere));
  fixture.start(refused, held(prompt, 10, needed));
  fixture.start(plain, ask(some_tokens(9, 5), 20));
  fixture.run();
  check(failed.failure() && failed.tokens.size() == 3, "a constraint that throws ends its request");
  check(freed.tokens == answer(prompt, 10), "one that leads nowhere frees its request");
  check(freed.finish()->constrained && freed.finish()->constrained->failure == "nothing fits",
        "and the finish says why");
  check(refused.failure() && refused.failure()->code == "invalid_request" && refused.tokens.size() == 3,
        "one that must hold ends its request");
  check(plain.tokens == answer(some_tokens(9, 5), 20), "none touches another request");
}

void draws_the_same_again(bool ahead) {
  // With a seed, at a temperature: what is drawn while nothing holds does not depend on there being a constraint.
  auto prompt = some_tokens(20, 3);
  auto hot = ask(prompt, 40);
  hot.sampling.temperature = 1;
  hot.sampling.seed = 11;
  auto watched = hot;
  watched.constraint = std::make_shared<Scripted>(-5, std::vector<int32_t>{7});
  Got one, other;
  Fixture fixture(ahead);
  fixture.start(one, hot);
  fixture.run();
  fixture.start(other, watched);
  fixture.run();
  check(one.tokens == other.tokens && one.tokens.size() == 40, "free text is as likely as without a constraint");
}

// What a drafter says without the constraint never holds within it, nor does what it says behind a wrong token.
void drafts_fit(bool ahead) {
  auto prompt = some_tokens(20, 3);
  std::vector<int32_t> script;
  for (int i = 0; i < 40; i++) script.push_back((7 * i + 3) % 50);
  auto constraint = std::make_shared<Scripted>(answer(prompt, 3)[2], script);
  Fixture fixture(ahead);
  fixture.draft_by(std::make_unique<Sums>(0), 0.05, 192);
  Got got;
  fixture.start(got, held(prompt, 100, constraint));
  fixture.run();
  check(got.tokens == held_answer(prompt, script, 100), "a drafter does not change what is held");
  check(constraint->accepted == got.tokens, "a constraint is told of what held alone");
  const auto* finish = got.finish();
  check(finish && finish->accepted_tokens > 70 && finish->drafted_tokens < finish->accepted_tokens + 20,
        "nearly all drafts hold, " + std::to_string(finish ? finish->accepted_tokens : 0));
  auto broken = std::make_shared<Scripted>(answer(prompt, 10)[9], script);
  broken->leads_nowhere = true;
  broken->required = true;
  Got failed;
  fixture.start(failed, held(prompt, 30, broken));
  fixture.run();
  check(failed.failure() && failed.tokens == answer(prompt, 10), "one that leads nowhere ends before a token is drawn");
}

}  // namespace

int main() {
  mx::set_default_device(mx::Device::cpu);
  mx::disable_compile();
  for (bool ahead : {false, true}) {
    context = ahead ? "one token ahead: " : "one token at a time: ";
    holds(ahead);
    waits(ahead);
    fails(ahead);
    draws_the_same_again(ahead);
    drafts_fit(ahead);
  }
  return result();
}
