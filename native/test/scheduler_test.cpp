// Tests the scheduler's policy and the arithmetic of memory: pure code, no arrays.
#include "engine/scheduler.h"

#include <algorithm>
#include <string>
#include <vector>

#include "engine/memory.h"
#include "test/check.h"

using tether::check;
using tether::chunk_end;
using tether::MemoryModel;
using tether::next_prefill;
using tether::PendingPrefill;

namespace {

constexpr int kChunk = 256;

// A prompt that arrives at some chunk and is prefilled until it is done.
struct Prompt {
  int tokens;
  int arrives;        // before that chunk
  int finished = -1;  // after that many chunks
};

// Prefills the prompts chunk by chunk, as the policy says. -> the most tokens for which a prompt was passed over
int play(std::vector<Prompt>& prompts, int size = kChunk) {
  std::vector<PendingPrefill> state(prompts.size());
  for (size_t i = 0; i < prompts.size(); i++) state[i].remaining = prompts[i].tokens;
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
    for (size_t i : who) {
      state[i].passed_over += size;
      longest = std::max(longest, state[i].passed_over);
    }
    size_t chosen = who[*next];
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
  chunks_end_at_fork_points();
  longest_sequence_fits_and_no_longer();
  return tether::result();
}
