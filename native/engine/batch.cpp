// The requests that are live, and the forward passes that move all of them on together.
#include "engine/batch.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/rate.h"
#include "engine/scheduler.h"
#include "error.h"

namespace tether {
namespace {

// Requests that run at once; what memory allows may be less.
constexpr size_t kMostLive = 16;
// Tokens of another request's prompt from which on it pays to wait for them.
constexpr int kWorthWaiting = 64;
// Passes after which MLX's freed buffers are given back.
constexpr size_t kClearEvery = 256;

mx::array to_array(std::span<const int32_t> tokens) {
  return mx::array(tokens.data(), {static_cast<int>(tokens.size())}, mx::int32);
}

int common_prefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  auto [end, _] = std::ranges::mismatch(a, b);
  return static_cast<int>(end - a.begin());
}

}  // namespace

Failure to_failure(const std::exception& error) {
  if (const auto* known = dynamic_cast<const Error*>(&error)) return {known->code(), known->what()};
  return {"internal", error.what()};
}

void Batch::check(const GenerateRequest& request) const {
  const auto& info = loaded_.info;
  auto size = static_cast<int>(request.prompt.size());
  if (size == 0) throw Error("invalid_request", "the prompt is empty; give at least one token");
  if (size >= info.window)
    throw Error("prompt_too_long", "prompt is too long: " + std::to_string(size) + " tokens > " +
                                       std::to_string(info.window - 1) + " maximum");
  for (int32_t token : request.prompt)
    if (token < 0 || token >= info.vocab_size)
      throw Error("invalid_request", "token " + std::to_string(token) + " is not in the model's vocabulary of " +
                                         std::to_string(info.vocab_size));
}

// What the model and the live requests may take, while one of `tokens` tokens runs with them.
uint64_t Batch::in_use(uint64_t tokens) const {
  uint64_t sum = 0;
  for (const auto& live : live_) {
    sum += live.memory;
    tokens = std::max<uint64_t>(tokens, live.prompt().size() + static_cast<uint64_t>(live.limit));
  }
  return sum + loaded_.memory.fixed(tokens);
}

uint64_t Batch::foreseen_bytes() const { return in_use(0) + loaded_.prefixes.bytes() - loaded_.memory.freed; }

bool Batch::fits(uint64_t bytes, uint64_t tokens) const {
  const auto& memory = loaded_.memory;
  uint64_t used = in_use(tokens);
  if (!memory.cap || used + bytes <= memory.cap) return true;
  if (!live_.empty()) return false;
  throw Error("not_enough_memory", "this request needs up to " + show_size(bytes) + " for " + std::to_string(tokens) +
                                       " tokens beside " + show_size(used) +
                                       " that the model takes, the memory cap is " + show_size(memory.cap) +
                                       "; raise --memory-cap or ask for fewer tokens");
}

void Batch::make_room() {
  uint64_t cap = loaded_.memory.cap;
  uint64_t used = in_use(0);
  while (cap && used + loaded_.prefixes.bytes() > cap && loaded_.prefixes.evict_one()) {
  }
}

// Memory is asked for before a prefix is taken: a request that waits or is refused leaves the prefix cache as it was.
// Room is made afterwards, when the prefix that it starts from cannot be forgotten for it any more.
bool Batch::start(Submitted& submitted) {
  check(submitted.request);
  if (live_.size() >= kMostLive) return false;
  std::span<const int32_t> prompt = submitted.request.prompt;
  auto size = static_cast<int>(prompt.size());
  int limit = std::min(submitted.request.max_tokens, loaded_.info.window - size);
  auto tokens = prompt.size() + static_cast<uint64_t>(limit);
  auto leader = find_leader(prompt);
  auto match = leader ? PrefixCache::Match{} : find_prefix(prompt);
  // Beside those it starts with: the end of its prompt, and where others part from it. One that follows starts with
  // one, and makes its leader keep it.
  uint64_t checkpoints = match.checkpoints + (match.branch > match.length ? 2 : 1);
  if (leader) checkpoints = 3;
  uint64_t bytes = loaded_.memory.sequence(tokens, std::min<uint64_t>(checkpoints, Sequence::kCheckpoints));
  if (!fits(bytes, tokens)) return false;

  Sampler sampler(submitted.request.sampling, prompt);
  auto sequence = loaded_.prefixes.take(match, Sequence(loaded_.new_caches()));
  live_.push_back({.submitted = std::move(submitted),
                   .sequence = std::move(sequence),
                   .sampler = std::move(sampler),
                   .finish = {.prompt_tokens = size},
                   .limit = limit,
                   .memory = bytes,
                   .stops = {},
                   .started = Clock::now(),
                   .decoding = Clock::now()});
  make_room();
  auto& live = live_.back();
  live.finish.queue_seconds = seconds_since(live.submitted.since);
  if (leader)
    follow(live, *leader);
  else
    begin(live, match.branch);
  return true;
}

// Requests that come together often share a long beginning (subagents, retries): it is computed once. Whoever waits
// loses nothing, since the leader is as urgent as the most urgent of those who wait for it.
std::optional<Batch::Leader> Batch::find_leader(std::span<const int32_t> prompt) {
  std::optional<Leader> best;
  for (auto& other : live_) {
    if (other.sequence.length() >= other.body()) continue;
    int common = std::min({common_prefix(other.prompt(), prompt), static_cast<int>(prompt.size()) - 1, other.body()});
    if (!best || common > best->shared) best = Leader{&other, common};
  }
  if (!best) return std::nullopt;
  int already = std::max(best->live->sequence.length(), loaded_.prefixes.match(prompt).length);
  if (best->shared - already < kWorthWaiting) return std::nullopt;
  return best;
}

void Batch::follow(Live& live, const Leader& leader) {
  live.leader = leader.live->submitted.id;
  live.shared = leader.shared;
  add_stop(*leader.live, leader.shared);
}

void Batch::add_stop(Live& live, int length) {
  auto place = std::ranges::lower_bound(live.stops, length);
  if (place == live.stops.end() || *place != length) live.stops.insert(place, length);
}

PrefixCache::Match Batch::find_prefix(std::span<const int32_t> prompt) const {
  std::vector<const Sequence*> others;
  for (const auto& other : live_) others.push_back(&other.sequence);
  return loaded_.prefixes.match(prompt, others);
}

void Batch::begin(Live& live, int branch) {
  live.finish.cached_tokens = live.sequence.length();
  if (branch > live.sequence.length()) add_stop(live, branch);
  auto size = static_cast<int>(live.prompt().size());
  live.sequence.expect(size, size + live.limit);
  if (live.sequence.length() >= live.body()) live.known = live.prompt().back();
}

void Batch::release_followers() {
  for (auto& live : live_) {
    if (!live.leader) continue;
    auto leader = std::ranges::find_if(live_, [&](const Live& other) { return other.submitted.id == *live.leader; });
    if (leader != live_.end() && leader->sequence.length() < live.shared) continue;
    live.leader.reset();
    guard({&live}, [&] {
      auto match = find_prefix(live.prompt());
      live.sequence = loaded_.prefixes.take(match, Sequence(loaded_.new_caches()));
      begin(live, match.branch);
    });
  }
}

Batch::Live* Batch::reader() {
  std::vector<Live*> readers;
  std::vector<PendingPrefill> pending;
  for (auto& live : live_) {
    if (live.ended || !live.reading()) continue;
    int remaining = live.remaining();
    for (const auto& other : live_)
      if (other.leader == live.submitted.id)
        remaining = std::min(remaining, other.remaining() - live.sequence.length());
    readers.push_back(&live);
    pending.push_back({.remaining = remaining, .passed_over = live.passed_over});
  }
  auto next = next_prefill(pending);
  if (!next) return nullptr;
  return readers[*next];
}

// Only the caches are evaluated, so that the layers after the last cache and the head are never computed.
void Batch::begin_chunk(Live& live) {
  int begin = live.sequence.length();
  int stop = chunk_end(begin, live.body(), loaded_.info.prefill_chunk, live.stops);
  auto part = live.prompt().subspan(static_cast<size_t>(begin), static_cast<size_t>(stop - begin));
  chunk_.assign(part.begin(), part.end());
  for (auto& other : live_)
    if (other.reading()) other.passed_over += stop - begin;
  live.passed_over = 0;
  Segment segment{&live.sequence.caches(), stop - begin};
  double started = thread_seconds();
  loaded_.model->forward(to_array(chunk_), {&segment, 1});
  done_.model_seconds += thread_seconds() - started;
}

void Batch::end_chunk(Live& live) {
  if (live.ended) return;
  std::vector<mx::array> written;
  for (const auto& cache : live.sequence.caches())
    for (const auto& array : cache.arrays()) written.push_back(array);
  double started = thread_seconds();
  mx::eval(written);
  done_.model_seconds += thread_seconds() - started;
  live.sequence.extended_by(chunk_);
  done_.prompt_tokens = static_cast<int>(chunk_.size());
  int length = live.sequence.length();
  bool parting = std::ranges::find(live.stops, length) != live.stops.end();
  if (parting || length == live.body()) live.sequence.checkpoint();
  if (length < live.body()) return;
  live.known = live.prompt().back();
  mx::clear_cache();
}

// The tokens that are fed, (B), in order.
mx::array Batch::inputs(std::span<Live* const> live) {
  if (std::ranges::all_of(live, [](const Live* one) { return one->known.has_value(); })) {
    std::vector<int32_t> tokens;
    for (const auto* one : live) tokens.push_back(*one->known);
    return to_array(tokens);
  }
  bool same = std::ranges::all_of(live, [&, row = 0](const Live* one) mutable {
    return one->drawn && one->drawn->row == row++ && one->drawn->tokens.id() == live[0]->drawn->tokens.id();
  });
  if (same && live[0]->drawn->tokens.shape(0) == static_cast<int>(live.size())) return live[0]->drawn->tokens;
  std::vector<mx::array> tokens;
  for (const auto* one : live)
    tokens.push_back(one->known ? to_array({&*one->known, 1})
                                : mx::slice(one->drawn->tokens, {one->drawn->row}, {one->drawn->row + 1}));
  return tokens.size() == 1 ? tokens[0] : mx::concatenate(tokens, 0);
}

// What the request's mask allows to be drawn next; false if the mask fails, which ends the request.
bool Batch::ask_mask(Live& live, std::vector<uint32_t>& allowed) {
  if (!live.submitted.request.mask) return true;
  try {
    allowed = live.submitted.request.mask(std::span(live.sequence.tokens()).subspan(live.prompt().size()));
    auto vocab = static_cast<size_t>(loaded_.info.vocab_size);
    if (allowed.empty() || allowed.size() * 32 >= vocab) return true;
    throw Error("internal", "a logits mask of " + std::to_string(allowed.size() * 32) +
                                " bits is too short for a vocabulary of " + std::to_string(vocab));
  } catch (const std::exception& error) {
    fail(live, error);
    return false;
  }
}

// Dispatches one token of each sequence. Where tokens are dispatched ahead, those that were drawn by the pass before
// are fed unread, and read afterwards.
void Batch::feed() {
  fed_.clear();
  std::vector<Draw> draws;
  for (auto& live : live_) {
    if (live.ended || !live.decoding_now()) continue;
    if (live.drawn && live.submitted.request.mask) read_drawn(live);
    bool last = live.drawn && live.finish.output_tokens + 1 >= live.limit;
    if (live.ended || last) continue;
    if (live.known) live.sequence.extended_by({&*live.known, 1});
    std::vector<uint32_t> allowed;
    if (!ask_mask(live, allowed)) continue;
    fed_.push_back(&live);
    draws.push_back({&live.sampler, std::move(allowed)});
  }
  if (fed_.empty()) return;
  double started = thread_seconds();
  std::vector<Segment> segments;
  for (auto* live : fed_) segments.push_back({&live->sequence.caches(), 1});
  auto next = draw(loaded_.model->logits(loaded_.model->forward(inputs(fed_), segments)), draws);
  if (loaded_.device.decode_ahead)
    mx::async_eval(next);
  else
    mx::eval(next);
  done_.model_seconds += thread_seconds() - started;
  for (size_t i = 0; i < fed_.size(); i++) {
    fed_[i]->unread = std::exchange(fed_[i]->drawn, Drawn{next, static_cast<int>(i)});
    fed_[i]->known.reset();
  }
}

// Hands out what the pass before has drawn, or this one where nothing is dispatched ahead.
void Batch::read() {
  for (auto& live : live_) {
    if (live.ended || !live.drawn) continue;
    if (live.unread) {
      // Fed already.
      int32_t token = value(*std::exchange(live.unread, std::nullopt));
      live.sequence.extended_by({&token, 1});
      take(live, token);
    } else if (!loaded_.device.decode_ahead || live.finish.output_tokens + 1 >= live.limit) {
      read_drawn(live);
    }
  }
}

void Batch::read_drawn(Live& live) {
  live.known = value(*std::exchange(live.drawn, std::nullopt));
  take(live, *live.known);
}

int32_t Batch::value(Drawn drawn) {
  drawn.tokens.eval();
  return drawn.tokens.data<int32_t>()[drawn.row];
}

void Batch::take(Live& live, int32_t token) {
  auto& finish = live.finish;
  const auto& request = live.submitted.request;
  if (finish.output_tokens == 0) {
    finish.prefill_seconds = seconds_since(live.started);
    live.decoding = Clock::now();
  }
  if (token == kNotANumber)
    return fail(live, Error("bad_weights", "[generate] the model's logits are not numbers after " +
                                               std::to_string(live.sequence.length()) +
                                               " tokens; its weights are damaged or too large for " +
                                               loaded_.info.compute_dtype + ", download the checkpoint again"));
  if (std::ranges::find(request.stop_tokens, token) != request.stop_tokens.end()) {
    finish.stop_token = token;
    return end(live, FinishReason::stop);
  }
  live.submitted.sink(token);
  finish.output_tokens++;
  done_.output_tokens++;
  if (finish.output_tokens >= live.limit)
    end(live, live.limit < request.max_tokens ? FinishReason::window : FinishReason::length);
}

void Batch::pass() {
  done_ = {};
  for (auto& live : live_)
    if (*live.submitted.cancelled) end(live, FinishReason::cancelled);
  remove_ended();
  release_followers();
  auto writers = decoding();
  guard(writers, [&] { feed(); });
  if (!loaded_.device.decode_ahead) guard(writers, [&] { read(); });
  std::vector<Live*> readers;
  if (auto* next = reader()) readers.push_back(next);
  for (auto* next : readers) guard(readers, [&] { begin_chunk(*next); });
  if (loaded_.device.decode_ahead) guard(writers, [&] { read(); });
  for (auto* next : readers) guard(readers, [&] { end_chunk(*next); });
  remove_ended();
  if (++passes_ % kClearEvery == 0) mx::clear_cache();
}

std::vector<Batch::Live*> Batch::decoding() {
  std::vector<Live*> writers;
  for (auto& live : live_)
    if (live.decoding_now()) writers.push_back(&live);
  return writers;
}

// A fault that cannot be laid at one request's door ends all that took part.
void Batch::guard(const std::vector<Live*>& part, const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    for (auto* live : part) fail(*live, error);
  }
}

void Batch::end(Live& live, FinishReason reason) {
  if (live.ended) return;
  live.ended = true;
  auto& finish = live.finish;
  finish.reason = reason;
  // What was not even drawn once was cancelled while it read.
  if (finish.output_tokens == 0 && reason == FinishReason::cancelled)
    finish.prefill_seconds = seconds_since(live.started);
  else
    finish.decode_seconds = seconds_since(live.decoding);
  loaded_.prefixes.put(std::move(live.sequence));
  live.submitted.sink(finish);
}

void Batch::fail(Live& live, const std::exception& error) {
  if (live.ended) return;
  live.ended = true;
  live.submitted.sink(to_failure(error));
}

void Batch::remove_ended() {
  live_.remove_if([](const Live& live) { return live.ended; });
}

PrefillProgress Batch::prefill() const {
  for (const auto& live : live_)
    if (!live.finish.output_tokens && live.sequence.length() <= live.body())
      return {live.sequence.length(), static_cast<int>(live.prompt().size())};
  return {};
}

uint64_t Batch::kv_bytes() const {
  uint64_t sum = 0;
  for (const auto& live : live_) sum += live.sequence.bytes();
  return sum;
}

}  // namespace tether
