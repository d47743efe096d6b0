// Tests what the prefix cache evicts: pure code, no arrays.
#include "engine/cache/policy.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "test/check.h"

using tether::check;
using tether::gives_way;
using tether::keep_value;
using tether::make;
using tether::restore;
using tether::touch;
using tether::Use;

namespace {

// Conversations, each a path of blocks, behind system prompts of one block.
class Requests {
 public:
  using Path = std::vector<Use*>;

  Path system() { return {&uses_.emplace_back()}; }

  // One request: `path` grows by a block.
  void turn(Path& path) {
    now++;
    bool is_first = path[0]->last == 0;
    if (!is_first) touch(path, now);
    if (is_first) return make(*path[0], nullptr, now);
    path.push_back(&uses_.emplace_back());
    make(*path.back(), path[path.size() - 2], now);
  }
  void turns(Path& path, int count) {
    for (int i = 0; i < count; i++) turn(path);
  }
  double value(const Path& path) const { return keep_value(*path.back(), now); }

  uint64_t now = 0;

 private:
  std::deque<Use> uses_;
};

void counts_uses() {
  Use system;
  Use history;
  Use fresh;
  make(system, nullptr, 7);
  make(history, &system, 7);
  check(history.hits == 0 && history.last == 7 && history.turn == 1, "a block that a request makes has no hits");
  check(system.branches == 0, "blocks that one request makes are one conversation");
  touch(std::vector<Use*>{&system, &history}, 8);
  make(fresh, &history, 8);
  check(history.hits == 1 && fresh.hits == 0 && fresh.last == 8, "what was there before has a hit more");
  check(history.turn == 1 && fresh.turn == 2, "blocks know how many requests made the path up to them");
}

void pinned_stays() {
  Use old{.last = 1};
  Use recent{.last = 90, .hits = 9};
  check(gives_way(old, recent, 100), "an old leaf gives way to a recent one");
  check(!gives_way(recent, old, 100), "a recent leaf does not give way to an old one");
  check(gives_way(old, old, 100), "a leaf gives way to what is worth as much");
  old.pinned = 1;
  check(!gives_way(old, recent, 100), "a pinned leaf stays, however old");
}

void clock_that_jumps() {
  Use use{.last = 1000, .hits = 3};
  check(keep_value(use, 5) == keep_value(use, 1000), "a clock that was set back makes no block look old");
  check(keep_value(use, UINT64_MAX) > 0, "a clock that jumped ahead leaves an order");
}

void least_recently_used() {
  Requests requests;
  auto system = requests.system();
  requests.turn(system);
  auto first = system;
  auto second = system;
  requests.turns(first, 3);
  requests.turns(second, 3);
  check(requests.value(first) < requests.value(second) && requests.value(first) > 1,
        "of two conversations in use the least recently used goes first");
}

void session_outlasts_its_subagents() {
  Requests requests;
  auto main = requests.system();
  requests.turns(main, 20);
  auto system = requests.system();
  requests.turn(system);
  std::vector<Requests::Path> finished;
  for (int i = 0; i < 20; i++) {
    auto subagent = system;
    requests.turns(subagent, 1 + i % 6);
    finished.push_back(subagent);
  }
  check(requests.value(main) > 1, "a session of 20 turns is in use while its subagents make 67 requests");
  check(requests.value(main) < requests.value(finished.back()), "the subagent that runs is worth more");
  for (size_t i = 0; i < 12; i++)
    check(requests.value(finished[i]) < requests.value(main),
          "a subagent that ended long ago goes before the session that waits, also number " + std::to_string(i));
  check(requests.value(system) > requests.value(main), "the system prompt of the subagents outlasts both");
}

void single_turns_take_no_room() {
  Requests requests;
  auto main = requests.system();
  requests.turns(main, 3);
  auto system = requests.system();
  requests.turn(system);
  std::vector<Requests::Path> titles;
  for (int i = 0; i < 8; i++) {
    titles.push_back(system);
    requests.turn(titles.back());
  }
  check(requests.value(titles.back()) < 1, "where no conversation goes on, the last one is out of use at once");
  check(requests.value(system) > 1, "the prefix that they share is in use");
  const Use& title = *titles.back().back();
  check(!gives_way(*main.back(), title, requests.now), "a title is not kept where a session would have to go");
  check(gives_way(*titles[6].back(), title, requests.now), "a title takes the room of an older one");
}

void first_turns_are_kept() {
  Requests requests;
  auto system = requests.system();
  requests.turn(system);
  for (int i = 0; i < 3; i++) {
    auto subagent = system;
    requests.turn(subagent);
    check(requests.value(subagent) > 1, "few conversations of one turn do not tell that there are never more");
  }
  auto main = requests.system();
  requests.turns(main, 5);
  for (int i = 0; i < 3; i++) {
    auto edited = main;
    edited.pop_back();
    requests.turn(edited);
    requests.turn(edited);
    check(requests.value(edited) > 1, "a prompt that is edited stays in use");
  }
}

// Under a small cap subagents lose their blocks between turns: that must not look as if they never went on.
void evicted_blocks_count() {
  Requests requests;
  auto system = requests.system();
  requests.turn(system);
  std::vector<Requests::Path> subagents(8, system);
  for (int i = 0; i < 4; i++)
    for (auto& one : subagents) {
      requests.turn(one);
      for (size_t block = 1; block < one.size(); block++) make(*one[block], one[block - 1], requests.now);
    }
  check(system[0]->branches == 8, "a conversation that was evicted is no new one when it comes again");
  check(subagents[0][1]->hits == 3, "a block that is made again keeps its hits");
  auto next = system;
  requests.turn(next);
  check(requests.value(next) > 1, "conversations that go on are kept although they were evicted each time");
}

void shared_prefix_does_not_stay_for_ever() {
  Use damaged{.last = 1, .hits = UINT32_MAX, .turn = 1};
  check(keep_value(damaged, 3000) > 1, "a prefix of very many uses stays for thousands of requests");
  check(keep_value(damaged, 10'000) < 1, "no number of hits keeps a block for ever");
  touch(std::vector<Use*>{&damaged}, 10'001);
  check(damaged.hits == UINT32_MAX, "hits do not wrap around");
}

void restores_from_hits() {
  Requests requests;
  auto system = requests.system();
  requests.turn(system);
  std::vector<Requests::Path> conversations(6, system);
  for (auto& one : conversations) requests.turns(one, 4);
  const Use* parent = nullptr;
  std::array<Use, 5> copies;
  for (size_t i = 0; i < 5; i++) {
    const Use& before = *conversations[2].at(i);
    copies.at(i) = {.last = before.last, .hits = before.hits};
    restore(copies[i], parent, i == 0 ? conversations.size() : i < 4 ? 1 : 0);
    parent = &copies[i];
    check(copies[i].turn == before.turn, "the turns of a path follow from its hits");
  }
  check(copies[4].goes_on > 0.7F && copies[4].goes_on < 1, "how likely a conversation goes on follows from the tree");
  Use child{.hits = UINT32_MAX};
  restore(child, &copies[3], 0);
  check(child.hits == copies[3].hits, "a block has no more hits than its parent, whatever its file says");
}

}  // namespace

int main() {
  counts_uses();
  pinned_stays();
  clock_that_jumps();
  least_recently_used();
  session_outlasts_its_subagents();
  single_turns_take_no_room();
  first_turns_are_kept();
  evicted_blocks_count();
  shared_prefix_does_not_stay_for_ever();
  restores_from_hits();
  return tether::result();
}
