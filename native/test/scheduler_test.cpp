// Tests the scheduler's policy and the arithmetic of memory: pure code, no arrays.
#include "engine/scheduler.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/memory.h"
#include "test/check.h"

using tether::check;
using tether::chunk_end;
using tether::has_place;
using tether::kMostLive;
using tether::lag_after;
using tether::MemoryModel;
using tether::next_prefill;
using tether::next_start;
using tether::PendingPrefill;

namespace {

constexpr int kChunk = 256;

// A prompt that arrives at some chunk and is prefilled until it is done.
struct Prompt {
  int tokens;
  int arrives;  // before that chunk
  std::string client = {};
  int finished = -1;  // after that many chunks
};

// Prefills the prompts chunk by chunk, as the policy says. -> the most tokens for which a prompt was passed over
int play(std::vector<Prompt>& prompts, int size = kChunk) {
  std::vector<PendingPrefill> state(prompts.size());
  for (size_t i = 0; i < prompts.size(); i++) {
    state[i].remaining = prompts[i].tokens;
    state[i].client = prompts[i].client;
  }
  int longest = 0;
  for (int chunk = 0; chunk < 100'000; chunk++) {
    std::vector<PendingPrefill> live;
    std::vector<size_t> who;
    for (size_t i = 0; i < prompts.size(); i++)
      if (prompts[i].arrives <= chunk && prompts[i].finished < 0) {
        live.push_back(state[i]);
        who.push_back(i);
      }
    auto next = next_prefill(live);
    if (!next) {
      bool more = false;
      for (const auto& prompt : prompts) more = more || prompt.finished < 0;
      if (!more) return longest;
      continue;
    }
    size_t chosen = who[*next];
    std::set<std::string_view> clients;
    for (size_t i : who) clients.insert(state[i].client);
    for (size_t i : who) {
      bool same = state[i].client == state[chosen].client;
      state[i].lag = lag_after(state[i].lag, size, clients.size(), same);
      if (same) state[i].passed_over += size;
      longest = std::max(longest, state[i].passed_over);
    }
    state[chosen].passed_over = 0;
    state[chosen].remaining -= size;
    if (state[chosen].remaining <= 0) prompts[chosen].finished = chunk + 1;
  }
  check(false, "all prompts are done in the end");
  return longest;
}

void nothing_to_do() { check(!next_prefill({}), "without prompts there is no chunk"); }

void shortest_first() {
  std::vector<PendingPrefill> live{{.remaining = 900}, {.remaining = 300}, {.remaining = 300}};
  check(next_prefill(live) == 1U, "of two shortest prompts the earlier one is next");
}

// A prompt of 2k that comes while one of 30k is prefilled waits for three chunks of it at most.
void short_beside_long() {
  for (int size : {64, 128, 256, 512, 1024, 2048})
    for (int arrives = 0; arrives < 15'000 / size; arrives++) {
      std::vector<Prompt> prompts{{.tokens = 30'000, .arrives = 0}, {.tokens = 2048, .arrives = arrives}};
      play(prompts, size);
      int waited = prompts[1].finished - arrives - 2048 / size;
      // One more may be running when it comes.
      check(waited <= 2, "2k beside 30k waits for two more chunks at most, not " + std::to_string(waited) + " of " +
                             std::to_string(size));
    }
}

void long_keeps_moving() {
  std::vector<Prompt> prompts{{.tokens = 30'000, .arrives = 0}};
  for (int i = 0; i < 400; i++) prompts.push_back({.tokens = 1024, .arrives = i * 5});
  int longest = play(prompts);
  check(prompts[0].finished < 1000, "a long prompt is prefilled although short ones keep coming");
  check(longest <= 30 * kChunk,
        "a prompt is passed over for 30 chunks at most, not " + std::to_string(longest) + " tokens");
}

void many_long_leave_room() {
  std::vector<Prompt> prompts;
  for (int i = 0; i < 8; i++) prompts.push_back({.tokens = 30'000, .arrives = 0});
  prompts.push_back({.tokens = 2048, .arrives = 100});
  play(prompts);
  check(prompts.back().finished - 100 <= 20, "a short prompt is done soon although many long ones are prefilled");
}

// A client that sends many prompts gets no more of the prefill than one that sends one.
void clients_get_equal_shares() {
  for (int size : {64, 256, 1024})
    for (int tokens : {6000, 12'000, 30'000}) {
      std::vector<Prompt> prompts;
      for (int i = 0; i < 15; i++) prompts.push_back({.tokens = 10'000, .arrives = 0, .client = "many"});
      int arrives = 10'000 / size;
      prompts.push_back({.tokens = tokens, .arrives = arrives, .client = "one"});
      play(prompts, size);
      int waited = (prompts.back().finished - arrives) * size;
      check(waited <= 2 * tokens + 5000, "a prompt of " + std::to_string(tokens) +
                                             " beside 15 of another client takes " + "twice its time at most, not " +
                                             std::to_string(waited) + " tokens");
    }
}

// Also where the short prompts of one client never end.
void long_one_keeps_moving_beside_short_ones_of_another() {
  std::vector<Prompt> prompts{{.tokens = 30'000, .arrives = 0, .client = "long"}};
  for (int i = 0; i < 400; i++) prompts.push_back({.tokens = 1024, .arrives = i * 4, .client = "short"});
  play(prompts);
  check(prompts[0].finished <= 2 * 30'000 / kChunk + 20,
        "a client's long prompt gets half of the prefill beside another");
}

void a_short_prompt_does_not_wait_for_its_share() {
  std::vector<Prompt> prompts{{.tokens = 30'000, .arrives = 0, .client = "long"},
                              {.tokens = 2048, .arrives = 20, .client = "short"}};
  play(prompts);
  check(prompts[1].finished - 20 <= 2048 / kChunk + 1, "a short prompt of another client goes before a long one");
}

void the_client_with_the_fewest_starts_next() {
  check(!next_start({}), "without requests none starts");
  check(next_start(std::vector<size_t>{2, 1, 0, 0}) == 2U, "of two clients without a live request the earlier starts");
  check(next_start(std::vector<size_t>{1, 1}) == 0U, "of equals the earlier starts");
}

void the_last_place_is_for_another_client() {
  check(has_place(kMostLive - 2, kMostLive - 2), "a client alone gets all places but one");
  check(!has_place(kMostLive - 1, kMostLive - 1), "a client alone does not get the last place");
  check(has_place(kMostLive - 1, 0), "a client without a live request gets the last place");
  check(!has_place(kMostLive, 0), "there are no more places than that");
}

void chunks_end_at_fork_points() {
  std::vector<int> fork_points{100, 300, 1000};
  check(chunk_end(0, 2000, kChunk, fork_points) == 100, "a chunk ends at the first fork point in it");
  check(chunk_end(100, 2000, kChunk, fork_points) == 256, "a chunk does not end at a fork point where it begins");
  check(chunk_end(300, 2000, kChunk, fork_points) == 512, "a chunk ends where chunks from the start would end");
  check(chunk_end(512, 2000, kChunk, fork_points) == 768, "a chunk without a fork point has its full length");
  check(chunk_end(900, 950, kChunk, fork_points) == 950,
        "a chunk ends at the end of the prompt, if that is before a fork point");
  check(chunk_end(1900, 2000, kChunk, {}) == 2000, "a chunk does not go beyond the end of the prompt");
}

void longest_sequence_fits_and_no_longer() {
  MemoryModel memory{.cap = 1'000'000,
                     .weights = 400'000,
                     .per_token = 100,
                     .sliding = 50'000,
                     .drafter = 7'000,
                     .scratch = 30'000,
                     .scratch_per_token = 10,
                     .freed = 20'000};
  for (uint64_t snapshots : {0, 1, 4}) {
    auto longest = memory.longest(snapshots);
    auto needs = [&](uint64_t tokens) { return memory.fixed(tokens) + memory.sequence(tokens, snapshots); };
    check(needs(longest) <= memory.cap, "the longest sequence fits");
    check(needs(longest + 1) > memory.cap, "no longer sequence fits");
  }
  memory.cap = 440'000;
  check(memory.longest(0) == 0, "the longest sequence is 0 where nothing fits beside the weights");
  memory.cap = 0;
  check(memory.longest(0) == UINT64_MAX, "without a cap there is no longest sequence");
}

}  // namespace

int main() {
  nothing_to_do();
  shortest_first();
  short_beside_long();
  long_keeps_moving();
  many_long_leave_room();
  clients_get_equal_shares();
  long_one_keeps_moving_beside_short_ones_of_another();
  a_short_prompt_does_not_wait_for_its_share();
  the_client_with_the_fewest_starts_next();
  the_last_place_is_for_another_client();
  chunks_end_at_fork_points();
  longest_sequence_fits_and_no_longer();
  return tether::result();
}
