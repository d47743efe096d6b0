// How a request joins the batch: the memory that it reserves, and the earlier work that it starts from.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "engine/batch.h"
#include "engine/rate.h"
#include "engine/scheduler.h"
#include "engine/scoring.h"
#include "error.h"

namespace tether {
namespace {

// The shortest shared prefix, in tokens, for which a request waits until another has computed it.
constexpr int kWorthWaiting = 64;
// A follower starts with one snapshot and adds the two of any request (Batch::start).
constexpr uint64_t kFollowerSnapshots = 3;

int common_prefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  auto [end, _] = std::ranges::mismatch(a, b);
  return static_cast<int>(end - a.begin());
}

}  // namespace

void Batch::check(const GenerateRequest& request) const {
  const auto& info = loaded_.info;
  check_adapter(info, request.adapter);
  auto size = static_cast<int>(request.prompt.size());
  if (size == 0) throw Error("invalid_request", "the prompt is empty. Pass at least one token.");
  if (size >= info.window)
    throw Error("prompt_too_long", "prompt is too long: " + std::to_string(size) + " tokens > " +
                                       std::to_string(info.window - 1) + " maximum");
  for (int32_t token : request.prompt)
    if (token < 0 || token >= info.vocab_size)
      throw Error("invalid_request", "token " + std::to_string(token) + " is not in the model's vocabulary of " +
                                         std::to_string(info.vocab_size));
}

// The most bytes that the model and the live requests take, when a sequence of `tokens` tokens runs with them.
uint64_t Batch::in_use(uint64_t tokens) const {
  uint64_t sum = 0;
  for (const auto& live : live_) {
    sum += live.reserved;
    tokens = std::max<uint64_t>(tokens, live.prompt().size() + static_cast<uint64_t>(live.limit));
  }
  return sum + loaded_.memory.fixed(tokens);
}

uint64_t Batch::reserved_bytes() const { return in_use(0) + loaded_.prefixes.bytes() - loaded_.memory.freed; }

// The same without freed buffers, which all engines of the process have in common. Scratch is needed by requests alone.
uint64_t Batch::firm(uint64_t tokens) const {
  return live_.empty() && tokens == 0 ? loaded_.memory.weights : in_use(tokens) - loaded_.memory.freed;
}

// Other engines may have what this one does not need.
void Batch::settle() {
  if (loaded_.share) loaded_.share->settle(firm(0), loaded_.memory.weights);
  loaded_.prefixes.account();
}

// Claims memory for a request of `bytes`, which it gets if it fits beside the live ones when all prefixes are dropped.
// Throws if it can never fit.
bool Batch::fits(uint64_t bytes, uint64_t tokens) const {
  const auto& memory = loaded_.memory;
  uint64_t used = in_use(tokens);
  if (!memory.cap || used + bytes <= memory.cap) {
    using Answer = MemoryShare::Answer;
    if (!loaded_.share) return true;
    auto claimed = loaded_.share->claim(firm(tokens) + bytes, memory.weights);
    if (claimed != Answer::never || loaded_.asks_for_room || !live_.empty()) return claimed == Answer::granted;
    throw Error("memory_in_use", "this request needs up to " + show_size(bytes) + " for " + std::to_string(tokens) +
                                     " tokens beside " + show_size(used) + " that its model takes and " +
                                     show_size(loaded_.share->held_by_others()) +
                                     " that other models take, the memory cap is " + show_size(memory.cap) +
                                     ". Close another model, raise --memory-cap, or ask for fewer tokens.");
  }
  if (!live_.empty()) return false;
  throw Error("not_enough_memory", "this request needs up to " + show_size(bytes) + " for " + std::to_string(tokens) +
                                       " tokens beside " + show_size(used) +
                                       " that the model takes, the memory cap is " + show_size(memory.cap) +
                                       ". Raise --memory-cap, or ask for fewer tokens.");
}

// Drops prefixes until the others fit beside the live requests, and beside what other engines have.
void Batch::make_room() {
  settle();
  auto& prefixes = loaded_.prefixes;
  uint64_t cap = loaded_.memory.cap;
  uint64_t most = cap ? cap - std::min(cap, in_use(0)) : UINT64_MAX;
  prefixes.limit(most);
  auto over = [&] {
    uint64_t bytes = prefixes.bytes();
    uint64_t may = loaded_.share ? std::min(most, loaded_.share->keep(bytes)) : most;
    return bytes - std::min(bytes, may);
  };
  for (uint64_t bytes = over(); bytes && prefixes.evict(bytes, true); bytes = over()) {
  }
  prefixes.account();
}

// The prefix is taken when nothing can keep the request from starting, so that one that waits or is rejected leaves the
// prefix cache as it was. Room is made after that: the prefix that the request starts from is out of reach then.
bool Batch::start(Submitted& submitted) {
  check(submitted.request);
  if (!has_place(live_.size(), size(submitted.request.client))) return false;
  std::span<const int32_t> prompt = submitted.request.prompt;
  auto size = static_cast<int>(prompt.size());
  int limit = std::min(submitted.request.max_tokens, loaded_.info.window - size);
  auto tokens = prompt.size() + static_cast<uint64_t>(limit);
  int adapter = submitted.request.adapter;
  auto leader = find_leader(submitted.request);
  auto match = leader ? PrefixCache::Match{} : find_prefix(submitted.request);
  // It adds one at the end of its prompt, and one where other prompts part from it.
  uint64_t snapshots = match.snapshots + (match.fork > match.length ? 2 : 1);
  if (leader) snapshots = kFollowerSnapshots;
  uint64_t bytes = loaded_.memory.sequence(tokens, std::min<uint64_t>(snapshots, Sequence::kSnapshots));
  if (!fits(bytes, tokens)) return false;

  // If something throws from here on, what was claimed is given back.
  const std::unique_ptr<Batch, void (*)(Batch*)> settled(this, [](Batch* batch) { batch->settle(); });
  Sampler sampler(submitted.request.sampling, prompt, loaded_.device);
  auto sibling = std::ranges::find(live_, submitted.request.client, &Live::client);
  int lag = sibling == live_.end() ? 0 : sibling->lag;
  auto miss = leader ? Miss{} : loaded_.prefixes.explain(match, prompt);
  auto sequence = loaded_.prefixes.take(match, Sequence(loaded_.new_caches(), adapter));
  live_.push_back({.submitted = std::move(submitted),
                   .sequence = std::move(sequence),
                   .cursor = {},
                   .restore = {},
                   .sampler = std::move(sampler),
                   .finish = {.prompt_tokens = size},
                   .limit = limit,
                   .reserved = bytes,
                   .fork_points = {},
                   .likely_forks = {},
                   .lag = lag,
                   .next = {},
                   .started = Live::Clock::now(),
                   .decode_started = Live::Clock::now()});
  make_room();
  auto& live = live_.back();
  live.finish.queue_seconds = seconds_since(live.submitted.since);
  if (live.constraint()) live.finish.constrained.emplace();
  if (live.submitted.request.loop_guard)
    live.loop_guard = std::make_unique<LoopGuard>(live.submitted.request.repetition);
  if (loaded_.costs && loaded_.lookup) live.lookup = std::make_unique<Lookup>(live.prompt(), tokens);
  if (loaded_.costs && loaded_.drafter)
    live.drafter = std::make_unique<DraftState>(DraftState{.record = drafter_record_.of_next()});
  live.finish.miss = std::move(miss);
  if (leader) {
    live.leader = leader->live->submitted.id;
    live.shared = leader->shared;
    leader->live->add_fork_point(leader->shared);
  } else {
    begin(live, match);
  }
  return true;
}

// Requests that come together often share a long beginning (subagents, retries): it is computed once. Waiting costs
// nothing, since the leader is as urgent as its most urgent follower.
std::optional<Batch::Leader> Batch::find_leader(const GenerateRequest& request) {
  std::span<const int32_t> prompt = request.prompt;
  std::optional<Leader> best;
  for (auto& other : live_) {
    int length = other.prefill_length();
    if (other.adapter() != request.adapter || other.sequence.length() >= length) continue;
    int common = std::min({common_prefix(other.prompt(), prompt), static_cast<int>(prompt.size()) - 1, length});
    if (!best || common > best->shared) best = Leader{&other, common};
  }
  if (!best) return std::nullopt;
  int already = std::max(best->live->sequence.length(), loaded_.prefixes.match(prompt, {}, request.adapter).length);
  if (best->shared - already < kWorthWaiting) return std::nullopt;
  return best;
}

PrefixCache::Match Batch::find_prefix(const GenerateRequest& request) const {
  std::vector<const Sequence*> others;
  for (const auto& other : live_) others.push_back(&other.sequence);
  return loaded_.prefixes.match(request.prompt, others, request.adapter);
}

// The sequence is the one that the match takes.
void Batch::begin(Live& live, const PrefixCache::Match& match) {
  auto size = static_cast<int>(live.prompt().size());
  live.sequence.reserve(size, size + live.limit);
  if (match.fork > match.length) live.add_fork_point(match.fork);
  if (loaded_.prefixes.store() && loaded_.prefixes.store()->needs_ends()) {
    live.likely_forks = live.submitted.request.forks;
    std::erase_if(live.likely_forks, [&](int length) { return length <= 0 || length >= size; });
    std::ranges::sort(live.likely_forks);
  }
  loaded_.prefixes.begin(match.start);
  if (match.restores) {
    live.restore.emplace(*loaded_.prefixes.store(), live.prompt(), match.start, loaded_.device.layer_by_layer,
                         loaded_.prefixes.room());
  } else {
    loaded_.prefixes.count(live.sequence.length(), 0, 0);
    start_prefill(live, match.start);
  }
}

// The sequence has the prefix that it starts from; of that, these blocks are stored.
void Batch::start_prefill(Live& live, const BlockStore::Start& stored) {
  live.cursor = loaded_.prefixes.cursor_at(stored, live.sequence.length());
  live.finish.cached_tokens = live.sequence.length();
  if (live.sequence.length() >= live.prefill_length()) live.next = Known{live.prompt().back()};
}

// Reads on for the requests whose beginning lies in the block store. -> whether anything moved
bool Batch::advance_restores() {
  bool moved = false;
  for (auto& live : live_) {
    if (live.ended || !live.restore) continue;
    guard({&live}, [&] {
      auto state = live.restore->advance(live.sequence);
      moved = moved || state != Restore::State::waits;
      if (state != Restore::State::done) return;
      int disk = live.restore->from_disk();
      loaded_.prefixes.count(0, live.sequence.length() - disk, disk);
      start_prefill(live, live.restore->start());
      live.restore.reset();
    });
  }
  return moved;
}

// Starts those whose leader has prefilled what they share, or has ended.
void Batch::release_followers() {
  for (auto& live : live_) {
    if (!live.leader) continue;
    auto leader = std::ranges::find_if(live_, [&](const Live& other) { return other.submitted.id == *live.leader; });
    if (leader != live_.end() && leader->sequence.length() < live.shared) continue;
    live.leader.reset();
    guard({&live}, [&] {
      auto match = find_prefix(live.submitted.request);
      live.finish.miss = loaded_.prefixes.explain(match, live.prompt());
      live.sequence = loaded_.prefixes.take(match, Sequence(loaded_.new_caches(), live.adapter()));
      begin(live, match);
    });
  }
}

}  // namespace tether
