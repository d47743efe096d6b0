// Tests the passes over live requests, decoding as on a CPU and a token ahead as on Metal and CUDA.
#include "engine/batch.h"

#include <string>
#include <vector>

#include "error.h"
#include "test/check.h"
#include "test/sums.h"

using namespace tether;

namespace {

void together(bool ahead, int window) {
  Fixture fixture(ahead, window);
  std::vector<int> lengths{1, 2, 7, 8, 9, 10, 100, 33};
  std::vector<Got> got(lengths.size());
  for (size_t i = 0; i < lengths.size(); i++) {
    fixture.start(got[i], ask(some_tokens(lengths[i], static_cast<int>(i) + 1), 20 + static_cast<int>(i)));
    if (i % 3 == 0) fixture.batch.pass();
  }
  fixture.run();
  for (size_t i = 0; i < lengths.size(); i++) {
    check(got[i].tokens == answer(some_tokens(lengths[i], static_cast<int>(i) + 1), 20 + static_cast<int>(i)),
          "request " + std::to_string(i) + " gets the answer that it would get alone");
    check(got[i].finish() && got[i].finish()->reason == FinishReason::length, "a request ends with one finish");
  }
  // Each conversation continues from the prefix cache, its answer included.
  for (size_t i = 0; i < lengths.size(); i++) {
    Got more;
    auto prompt = some_tokens(lengths[i], static_cast<int>(i) + 1);
    prompt.insert(prompt.end(), got[i].tokens.begin(), got[i].tokens.end());
    fixture.start(more, ask(prompt, 5));
    fixture.run();
    check(more.tokens == answer(prompt, 5), "a conversation that continues gets the right answer");
    check(more.finish() && more.finish()->cached_tokens >= static_cast<int>(prompt.size()) - 2,
          "a conversation that continues computes only what is new");
  }
}

void ends(bool ahead) {
  Fixture fixture(ahead);
  auto prompt = some_tokens(20, 3);
  auto said = answer(prompt, 10);
  auto stopping = ask(prompt, 50);
  stopping.stop_tokens = {said[4]};
  Got one, stop, window;
  fixture.start(one, ask(prompt, 1));
  fixture.start(stop, stopping);
  fixture.start(window, ask(some_tokens(kWindow - 5, 4), 50));
  fixture.run();
  check(one.tokens == answer(prompt, 1) && one.finish()->reason == FinishReason::length,
        "a request for one token gets one");
  check(stop.tokens == std::vector<int32_t>(said.begin(), said.begin() + 4), "a stop token ends the output before it");
  check(stop.finish()->reason == FinishReason::stop && stop.finish()->stop_token == said[4],
        "a finish names the stop token");
  check(window.tokens.size() == 5 && window.finish()->reason == FinishReason::window, "a full window ends a request");
}

void cancels(bool ahead) {
  for (int when = 0; when < 30; when++) {
    Fixture fixture(ahead);
    std::vector<Got> got(3);
    for (int i = 0; i < 3; i++) fixture.start(got[static_cast<size_t>(i)], ask(some_tokens(40, i + 1), 30));
    for (int pass = 0; pass < when; pass++) fixture.batch.pass();
    *got[1].cancelled = true;
    fixture.batch.pass();
    check(got[1].finish() && got[1].finish()->reason == FinishReason::cancelled,
          "a cancelled request ends within one pass");
    fixture.run();
    for (size_t i : {0U, 2U})
      check(got[i].tokens == answer(some_tokens(40, static_cast<int>(i) + 1), 30),
            "the requests beside a cancelled one continue");
    auto part = answer(some_tokens(40, 2), 30);
    part.resize(got[1].tokens.size());
    check(got[1].tokens == part, "the output before a cancellation is right");
    Got again;
    fixture.start(again, ask(some_tokens(40, 2), 30));
    fixture.run();
    check(again.tokens == answer(some_tokens(40, 2), 30), "the prefix that a cancelled request leaves is right");
    if (when > 8) check(again.finish()->cached_tokens > 0, "what a cancelled request computed is reused");
  }
}

void shares(bool ahead, int window) {
  Fixture fixture(ahead, window);
  auto shared = some_tokens(120, 5);
  std::vector<Got> got(4);
  std::vector<std::vector<int32_t>> prompts;
  for (int i = 0; i < 4; i++) {
    prompts.push_back(shared);
    for (int32_t token : some_tokens(5 * i, 10 + i)) prompts.back().push_back(token);
    fixture.start(got[static_cast<size_t>(i)], ask(prompts.back(), 12));
    fixture.batch.pass();
  }
  fixture.run();
  int computed = 0;
  for (size_t i = 0; i < 4; i++) {
    check(got[i].tokens == answer(prompts[i], 12), "requests that share a beginning get their own answers");
    computed += got[i].finish()->prompt_tokens - got[i].finish()->cached_tokens;
  }
  check(computed < 180, "a shared beginning is computed once: " + std::to_string(computed) + " tokens computed");
}

void leader_is_cancelled(bool ahead) {
  Fixture fixture(ahead);
  auto shared = some_tokens(200, 6);
  Got leader, follower;
  fixture.start(leader, ask(shared, 5));
  fixture.start(follower, ask(shared, 5));
  for (int i = 0; i < 4; i++) fixture.batch.pass();
  *leader.cancelled = true;
  fixture.run();
  check(follower.tokens == answer(shared, 5), "a request whose leader is cancelled continues by itself");
}

void faults(bool ahead) {
  Fixture fixture(ahead);
  Got masked, short_mask, plain, steered;
  auto failing = ask(some_tokens(10, 1), 20);
  failing.mask = [](std::span<const int32_t> output) -> std::vector<uint32_t> {
    if (output.size() == 3) throw Error("invalid_request", "the grammar is broken");
    return {};
  };
  auto narrow = ask(some_tokens(10, 2), 20);
  narrow.mask = [](std::span<const int32_t>) { return std::vector<uint32_t>{1}; };
  auto only = ask(some_tokens(10, 4), 4);
  std::vector<std::vector<int32_t>> asked;
  only.mask = [&asked](std::span<const int32_t> output) {
    asked.emplace_back(output.begin(), output.end());
    return std::vector<uint32_t>{0, 1U << output.size(), 0, 0};
  };
  fixture.start(masked, failing);
  fixture.start(short_mask, narrow);
  fixture.start(plain, ask(some_tokens(10, 3), 20));
  fixture.start(steered, only);
  fixture.run();
  check(masked.failure() && masked.failure()->code == "invalid_request" && masked.tokens.size() == 3,
        "a mask that throws ends its request");
  check(short_mask.failure() && short_mask.failure()->message.find("too short") != std::string::npos,
        "a mask that is too short ends its request");
  check(plain.tokens == answer(some_tokens(10, 3), 20), "a mask that fails ends no other request");
  check(steered.tokens == std::vector<int32_t>{32, 33, 34, 35}, "only tokens that the mask allows are drawn");
  check(asked.size() == 4 && asked[3] == std::vector<int32_t>{32, 33, 34}, "a mask is given the tokens drawn so far");

  // A request decodes while another's prompt is prefilled.
  Got reading, writing;
  fixture.start(writing, ask(some_tokens(3, 7), 60));
  for (int i = 0; i < 4; i++) fixture.batch.pass();
  fixture.start(reading, ask(some_tokens(90, 8), 5));
  fixture.model().passes = 0;
  while (fixture.model().passes == 0) fixture.batch.pass();
  fixture.run();
  check(writing.tokens == answer(some_tokens(3, 7), 60) && reading.tokens == answer(some_tokens(90, 8), 5),
        "a request that decodes and one that is prefilled get the right answers");
  Got broken;
  fixture.start(broken, ask(some_tokens(90, 9), 5));
  fixture.model().throws = true;
  fixture.run();
  check(broken.failure() && broken.failure()->code == "internal",
        "an error of the device ends the request with code internal");
  Got after;
  fixture.start(after, ask(some_tokens(90, 9), 5));
  fixture.run();
  check(after.tokens == answer(some_tokens(90, 9), 5), "a request that failed leaves nothing in the prefix cache");
}

}  // namespace

int main() {
  mx::set_default_device(mx::Device::cpu);
  mx::disable_compile();
  for (bool ahead : {false, true}) {
    context = ahead ? "one token ahead: " : "one token at a time: ";
    for (int window : {0, 16}) {
      together(ahead, window);
      shares(ahead, window);
    }
    ends(ahead);
    cancels(ahead);
    leader_is_cancelled(ahead);
    faults(ahead);
  }
  return result();
}
