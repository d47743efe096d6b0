// Tests how requests join the batch: what they wait for, and that one that cannot start changes nothing.
#include <stdexcept>
#include <string>
#include <vector>

#include "error.h"
#include "test/check.h"
#include "test/sums.h"

using namespace tether;

namespace {

// The first `shared` tokens of `prompt`, then others: `size` tokens.
std::vector<int32_t> fork(const std::vector<int32_t>& prompt, int shared, int size) {
  auto tokens = prompt;
  tokens.resize(static_cast<size_t>(shared));
  while (static_cast<int>(tokens.size()) < size) tokens.push_back(91 + static_cast<int>(tokens.size()) % 5);
  return tokens;
}

void memory(bool ahead) {
  // Room for 100 tokens.
  Fixture fixture(ahead, 0, 800);
  Got big, other, late;
  check(fixture.start(big, ask(some_tokens(50, 1), 20)), "a request that fits starts");
  check(!fixture.start(other, ask(some_tokens(20, 2), 20)), "a request that does not fit beside another waits");
  check(fixture.start(late, ask(some_tokens(5, 3), 5)), "a small request starts beside a big one");
  fixture.run();
  check(fixture.start(other, ask(some_tokens(20, 2), 20)), "a request starts when the others have ended");
  fixture.run();
  check(other.tokens == answer(some_tokens(20, 2), 20), "a request that waited gets the right answer");
  try {
    Got never;
    fixture.start(never, ask(some_tokens(90, 2), 20));
    check(false, "a request that can never fit is rejected");
  } catch (const Error& error) {
    check(error.code() == "not_enough_memory", "a request that can never fit is rejected with code not_enough_memory");
    check(std::string(error.what()).find("110 tokens") != std::string::npos,
          "the error of a request that can never fit says its tokens");
  }
}

// A request that waits leaves the prefix cache as it was.
void waiting_keeps_prefixes(bool ahead, int window) {
  for (int shared : {15, 50, 80}) {
    // Room for a live request and the prefix of an earlier one, but not for another request.
    Fixture fixture(ahead, window, window ? 11'100 : 4'800);
    auto earlier = some_tokens(80, 1);
    fixture.remember(earlier);
    Got busy, waits;
    fixture.start(busy, ask(some_tokens(300, 2), 80));
    for (int i = 0; i < 3; i++) fixture.batch.pass();
    size_t bytes = fixture.prefix_bytes();
    check(bytes > 0, "a request starts without dropping the prefix of an earlier one");
    auto prompt = fork(earlier, shared, 250);
    for (int i = 0; i < 20; i++) {
      check(!fixture.start(waits, ask(prompt, 20)), "a request that does not fit waits");
      fixture.batch.pass();
      if (fixture.prefix_bytes() == bytes) continue;
      check(false, "a waiting request leaves the prefix cache as it is");
      break;
    }
    *busy.cancelled = true;
    fixture.run();
    auto longer = earlier;
    for (int32_t token : answer(earlier, 5)) longer.push_back(token);
    Got same;
    fixture.start(same, ask(longer, 5));
    fixture.run();
    check(same.finish()->cached_tokens >= 83, "a waiting request does not shorten the prefix that it would start from");
    check(fixture.start(waits, ask(prompt, 20)), "a waiting request starts when there is room");
    fixture.run();
    check(waits.tokens == answer(prompt, 20), "a request that waited gets the right answer");
    if (window == 0) check(waits.finish()->cached_tokens == shared, "a request that waited starts from the prefix");
  }
}

// The same where it would start from a copy of a live sequence.
void waiting_beside_its_prefix(bool ahead) {
  Fixture fixture(ahead, 0, 4800);
  auto prompt = some_tokens(300, 2);
  Got busy, waits;
  fixture.start(busy, ask(prompt, 80));
  for (int i = 0; i < 50; i++) fixture.batch.pass();
  for (int i = 0; i < 3; i++) {
    check(!fixture.start(waits, ask(fork(prompt, 200, 250), 20)), "a request that does not fit waits");
    check(fixture.prefix_bytes() == 0, "a waiting request puts no copy of a live sequence into the prefix cache");
  }
  fixture.run();
  check(fixture.start(waits, ask(fork(prompt, 200, 250), 20)), "a waiting request starts when there is room");
  fixture.run();
  check(waits.tokens == answer(fork(prompt, 200, 250), 20), "a request that waited gets the right answer");
}

void rejected_keeps_prefixes(bool ahead) {
  for (int shared : {15, 50}) {
    // Room for 250 tokens.
    Fixture fixture(ahead, 0, 2000);
    auto earlier = some_tokens(80, 1);
    fixture.remember(earlier);
    size_t bytes = fixture.prefix_bytes();
    for (int i = 0; i < 3; i++) {
      Got never;
      try {
        fixture.start(never, ask(fork(earlier, shared, 250), 20));
        check(false, "a request that can never fit is rejected");
      } catch (const Error& error) {
        check(error.code() == "not_enough_memory",
              "a request that can never fit is rejected with code not_enough_memory");
      }
      check(fixture.prefix_bytes() == bytes, "a rejected request leaves the prefix cache as it is");
    }
  }
}

// A request starts from a prefix even if both do not fit together: the prefix is then moved, or copied and dropped.
void prefix_makes_room_for_its_request(bool ahead) {
  for (int shared : {15, 80}) {
    // Room for 300 tokens.
    Fixture fixture(ahead, 0, 2400);
    auto earlier = some_tokens(80, 1);
    fixture.remember(some_tokens(30, 7));
    fixture.remember(earlier);
    auto prompt = fork(earlier, shared, 250);
    Got got;
    check(fixture.start(got, ask(prompt, 20)), "prefixes are dropped for a request that needs their memory");
    check(fixture.prefix_bytes() + size_t{8} * 270 <= 2400, "prefixes and requests stay within the cap");
    fixture.run();
    check(got.tokens == answer(prompt, 20), "a request whose prefix is dropped for it gets the right answer");
    check(got.finish()->cached_tokens == shared, "a request starts from a prefix that is dropped for it");
  }
}

void found_prefix_is_dropped_last(bool ahead) {
  Fixture fixture(ahead, 0, 4800);
  auto earlier = some_tokens(80, 1);
  fixture.remember(earlier);
  for (int seed : {7, 8, 9}) fixture.remember(some_tokens(40, seed));
  auto prompt = fork(earlier, 15, 350);
  Got got, again;
  fixture.start(got, ask(prompt, 40));
  *got.cancelled = true;
  fixture.run();
  fixture.start(again, ask(fork(earlier, 80, 90), 5));
  fixture.run();
  check(again.finish()->cached_tokens == 80, "the prefix that a request starts from is dropped after all others");
}

// An error while a request starts is its own alone.
void errors_at_start(bool ahead) {
  Fixture fixture(ahead);
  auto earlier = some_tokens(80, 1);
  fixture.remember(earlier);
  size_t bytes = fixture.prefix_bytes();
  Got fails;
  fixture.model().no_caches = true;
  try {
    fixture.start(fails, ask(fork(earlier, 50, 90), 20));
    check(false, "a request without caches does not start");
  } catch (const std::runtime_error& error) {
    check(std::string(error.what()) == "no memory for caches", "an error at the start of a request is thrown");
  }
  fixture.model().no_caches = false;
  check(fixture.batch.empty() && fixture.prefix_bytes() == bytes,
        "a request that fails to start leaves the batch and the prefix cache as they are");

  // The same where a follower gets the prefix that it waited for.
  Got leader, follower, beside;
  auto shared = some_tokens(200, 6);
  fixture.start(leader, ask(shared, 30));
  fixture.start(follower, ask(shared, 5));
  fixture.start(beside, ask(some_tokens(10, 3), 60));
  for (int i = 0; i < 4; i++) fixture.batch.pass();
  fixture.model().no_caches = true;
  fixture.run();
  check(follower.failure() && follower.failure()->code == "internal",
        "an error while a follower starts ends it with a failure");
  check(leader.tokens == answer(shared, 30), "an error of a follower does not end its leader");
  check(beside.tokens == answer(some_tokens(10, 3), 60), "an error of a follower does not end other requests");
}

}  // namespace

int main() {
  mx::set_default_device(mx::Device::cpu);
  mx::disable_compile();
  for (bool ahead : {false, true}) {
    context = ahead ? "one token ahead: " : "one token at a time: ";
    memory(ahead);
    for (int window : {0, 16}) waiting_keeps_prefixes(ahead, window);
    waiting_beside_its_prefix(ahead);
    rejected_keeps_prefixes(ahead);
    prefix_makes_room_for_its_request(ahead);
    found_prefix_is_dropped_last(ahead);
    errors_at_start(ahead);
  }
  return result();
}
