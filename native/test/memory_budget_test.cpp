// Tests the memory that engines of one process share: what each is granted, and what the others give up for it.
#include "engine/memory_budget.h"

#include <string>
#include <vector>

#include "error.h"
#include "test/check.h"
#include "test/sums.h"

using namespace tether;

namespace {

using Answer = MemoryShare::Answer;

void claims() {
  MemoryBudget budget;
  int woken = 0;
  MemoryShare one(budget, [&] { woken++; });
  MemoryShare other(budget);
  one.set_limits(1000, 0);
  other.set_limits(1000, 0);
  check(one.claim(400, 400) == Answer::granted, "the first claim is granted");
  check(other.claim(700, 700) == Answer::never, "what does not fit beside an idle engine is not granted");
  check(other.lacking() == 100, "a refused claim says what it lacks");
  check(other.claim(500, 300) == Answer::granted && other.lacking() == 0, "what fits beside the others is granted");
  check(one.claim(600, 400) == Answer::busy, "a claim waits for requests of the others");
  other.settle(300, 300);
  check(woken == 1, "who waits is told that another has less");
  check(one.claim(600, 400) == Answer::soon, "what was settled counts until it is known what is kept of it");
  other.kept(0);
  check(woken == 2 && one.claim(600, 400) == Answer::granted, "the rest of what was settled is free");
  one.leave();
  check(other.claim(1000, 300) == Answer::granted, "who has left has nothing");
  MemoryShare unbounded(budget);
  check(unbounded.claim(5000, 5000) == Answer::granted, "without a cap everything is granted");
}

void keeping() {
  MemoryBudget budget;
  int woken = 0;
  MemoryShare one(budget, [&] { woken++; });
  MemoryShare other(budget);
  one.set_limits(1000, 100);
  other.set_limits(1000, 150);
  one.claim(100, 100);
  other.claim(200, 200);
  check(one.keep(700) == 600, "what is kept leaves room for all that is firm, and once for freed buffers");
  check(one.keep(600) == 600, "all of the room may be kept while nobody else wants it");
  check(other.keep(50) == 0 && one.to_give_up() == 50 && woken == 1, "who keeps less than others gets room from them");
  check(one.keep(550) == 550 && one.to_give_up() == 0, "what is given up is no longer asked for");
  check(other.keep(50) == 50, "room that was given up can be had");
  check(other.keep(400) == 50 && one.to_give_up() == 250, "it gets an equal part and no more");
  check(other.claim(400, 200) == Answer::soon && one.to_give_up() == 250, "a claim waits for what can be given up");
  one.kept(0);
  check(one.to_give_up() == 0 && other.claim(400, 200) == Answer::granted, "a claim is granted once that is given up");
}

constexpr uint64_t kPrefixes = uint64_t{1} << 20U;

// Two models of 8 bytes a token in one budget.
struct Two {
  explicit Two(bool ahead, uint64_t cap)
      : one(ahead, 0, cap, {}, kPrefixes, kBlock, &budget), other(ahead, 0, cap, {}, kPrefixes, kBlock, &budget) {}
  MemoryBudget budget;
  Fixture one;
  Fixture other;
};

void requests(bool ahead) {
  // Room for 600 tokens.
  Two two(ahead, 4800);
  auto prompt = some_tokens(250, 2);
  Got big, waits;
  check(two.one.start(big, ask(some_tokens(300, 1), 80)), "a request that fits starts");
  check(!two.other.start(waits, ask(prompt, 20)), "a request waits for one of another engine");
  two.one.run();
  check(!two.other.start(waits, ask(prompt, 20)), "a request waits for prefixes of another engine");
  check(two.one.share().to_give_up() > 0, "the other engine is told to give up prefixes");
  two.one.batch.give_up();
  check(two.other.start(waits, ask(prompt, 20)), "a request starts once another engine has given up enough");
  two.other.run();
  check(waits.tokens == answer(prompt, 20), "a request that waited gets the right answer");
  check(two.one.prefix_bytes() + two.other.prefix_bytes() <= 4800, "prefixes of all engines stay within the cap");
}

// What an idle engine has without requests can only be had by closing it.
void weights_of_others(bool ahead) {
  Two two(ahead, 800);
  check(two.other.share().claim(400, 400) == Answer::granted, "another model has half of the memory");
  Got never, fits;
  try {
    two.one.start(never, ask(some_tokens(50, 1), 20));
    check(false, "a request that cannot fit beside another model is rejected");
  } catch (const Error& error) {
    check(error.code() == "memory_in_use" && std::string(error.what()).find("other models") != std::string::npos,
          "the error names what other models take");
  }
  check(two.one.batch.empty(), "a rejected request changes nothing");
  two.one.ask_for_room();
  check(!two.one.start(never, ask(some_tokens(50, 1), 20)), "a request that asks for room waits instead");
  check(two.one.share().lacking() == 160, "what it lacks is known");
  two.other.share().leave();
  check(two.one.start(never, ask(some_tokens(50, 1), 20)), "it starts once the other model is closed");
  two.one.run();
  check(never.tokens == answer(some_tokens(50, 1), 20), "and gets the right answer");
}

// A request that fails to start gives back what it claimed.
void failed_start(bool ahead) {
  Two two(ahead, 800);
  Got fails, fits;
  two.one.model().no_caches = true;
  try {
    two.one.start(fails, ask(some_tokens(50, 1), 20));
    check(false, "a request without caches does not start");
  } catch (const std::runtime_error&) {
    check(two.other.start(fits, ask(some_tokens(50, 1), 20)), "what a failed request claimed is free again");
  }
  two.other.run();
}

}  // namespace

int main() {
  mx::set_default_device(mx::Device::cpu);
  mx::disable_compile();
  context = "budget: ";
  claims();
  keeping();
  for (bool ahead : {false, true}) {
    context = ahead ? "one token ahead: " : "one token at a time: ";
    requests(ahead);
    weights_of_others(ahead);
    failed_start(ahead);
  }
  return result();
}
