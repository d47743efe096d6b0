// Tests the policy of turns and the arithmetic of memory: pure code, no arrays.
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

// Prompts that arrive at some chunk and are read until they are done.
struct Prompt {
  int tokens;
  int arrives;        // before that chunk
  int finished = -1;  // after that many chunks
};

// Plays the engine's part: one chunk at a time, to whom the policy says. -> the most tokens that anyone was passed over
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
  check(false, "a prompt was never done");
  return longest;
}

void nothing_to_do() { check(!next_prefill({}), "somebody's turn among nobody"); }

void shortest_first() {
  std::vector<PendingPrefill> live{{.remaining = 900}, {.remaining = 300}, {.remaining = 300}};
  check(next_prefill(live) == 1U, "the first of the shortest has its turn");
}

// What is promised: a prompt of 2k that comes while one of 30k is read waits for three chunks of it at the most.
void short_beside_long() {
  for (int size : {64, 128, 256, 512, 1024, 2048})
    for (int arrives = 0; arrives < 15'000 / size; arrives++) {
      std::vector<Prompt> prompts{{.tokens = 30'000, .arrives = 0}, {.tokens = 2048, .arrives = arrives}};
      play(prompts, size);
      int waited = prompts[1].finished - arrives - 2048 / size;
      // One more may be running when it comes.
      check(waited <= 2, "2k beside 30k waited for " + std::to_string(waited) + " chunks of " + std::to_string(size));
    }
}

void long_keeps_moving() {
  std::vector<Prompt> prompts{{.tokens = 30'000, .arrives = 0}};
  for (int i = 0; i < 400; i++) prompts.push_back({.tokens = 1024, .arrives = i * 5});
  int longest = play(prompts);
  check(prompts[0].finished < 1000, "short prompts kept a long one from being read");
  check(longest <= 30 * kChunk, "a prompt was passed over for " + std::to_string(longest) + " tokens");
}

void many_long_leave_room() {
  std::vector<Prompt> prompts;
  for (int i = 0; i < 8; i++) prompts.push_back({.tokens = 30'000, .arrives = 0});
  prompts.push_back({.tokens = 2048, .arrives = 100});
  play(prompts);
  check(prompts.back().finished - 100 <= 20, "a short prompt waited for many long ones");
}

void chunks_end_at_stops() {
  std::vector<int> stops{100, 300, 1000};
  check(chunk_end(0, 2000, kChunk, stops) == 100, "a chunk ends at the first stop");
  check(chunk_end(100, 2000, kChunk, stops) == 300, "a stop at the beginning is behind");
  check(chunk_end(300, 2000, kChunk, stops) == 556, "no stop in reach");
  check(chunk_end(900, 950, kChunk, stops) == 950, "the end comes first");
  check(chunk_end(1900, 2000, kChunk, {}) == 2000, "the end is the end");
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
    check(needs(longest) <= memory.cap, "the longest sequence does not fit");
    check(needs(longest + 1) > memory.cap, "a longer sequence would fit");
  }
  memory.cap = 440'000;
  check(memory.longest(0) == 0, "nothing fits beside the weights");
  memory.cap = 0;
  check(memory.longest(0) == UINT64_MAX, "no cap, no bound");
}

}  // namespace

int main() {
  nothing_to_do();
  shortest_first();
  short_beside_long();
  long_keeps_moving();
  many_long_leave_room();
  chunks_end_at_stops();
  longest_sequence_fits_and_no_longer();
  return tether::result();
}
