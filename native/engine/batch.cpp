// The forward passes that advance the live requests together, and how a request ends.
#include "engine/batch.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "crash.h"
#include "engine/rate.h"
#include "engine/scheduler.h"
#include "error.h"

namespace tether {
namespace {

// Passes after which MLX's freed buffers are given back.
constexpr size_t kClearEvery = 256;

}  // namespace

Failure to_failure(const std::exception& error) {
  if (const auto* known = dynamic_cast<const Error*>(&error)) return {known->code(), known->what()};
  return {"internal", error.what()};
}

void Batch::pass() {
  done_ = {};
  for (auto& live : live_)
    if (*live.submitted.cancelled) end(live, FinishReason::cancelled);
  for (auto& live : live_) fail_unheld(live);
  remove_ended();
  release_followers();
  loaded_.prefixes.drain();
  crash::stage("reading what is kept of prompts");
  bool restoring = advance_restores();
  bool ahead = loaded_.device.decode_ahead;
  auto writers = decoding();
  crash::stage(writers.empty() ? "between two passes" : "generating tokens");
  guard(writers, [&] { dispatch(); });
  if (!ahead) guard(writers, [&] { collect(); });
  auto* prefill = next_prefill();
  if (prefill) crash::stage(writers.empty() ? "reading a prompt" : "reading a prompt beside generating tokens");
  if (prefill) guard({prefill}, [&] { dispatch_chunk(*prefill); });
  if (ahead) guard(writers, [&] { collect(); });
  if (prefill) guard({prefill}, [&] { collect_chunk(*prefill); });
  remove_ended();
  if (!restoring && writers.empty() && !prefill) wait_for_others();
  if (++passes_ % kClearEvery == 0) mx::clear_cache();
}

// The request whose prompt gets a chunk in this pass; nullptr if none is being prefilled.
Live* Batch::next_prefill() {
  std::vector<Live*> waiting;
  std::vector<PendingPrefill> prefills;
  for (auto& live : live_) {
    if (live.ended || !live.is_prefilling()) continue;
    int remaining = live.remaining();
    for (const auto& other : live_)
      if (other.leader == live.submitted.id)
        remaining = std::min(remaining, other.remaining() - live.sequence.length());
    waiting.push_back(&live);
    prefills.push_back(
        {.remaining = remaining, .passed_over = live.passed_over, .client = live.client(), .lag = live.lag});
  }
  auto next = tether::next_prefill(prefills);
  return next ? waiting[*next] : nullptr;
}

// Notes who waits while this request computes so many tokens of its prompt.
void Batch::share_out(const Live& live, int tokens) {
  std::set<std::string_view> clients;
  for (const auto& other : live_)
    if (other.is_prefilling()) clients.insert(other.client());
  for (auto& other : live_) {
    bool same = other.client() == live.client();
    if (clients.contains(other.client())) other.lag = lag_after(other.lag, tokens, clients.size(), same);
    if (same && other.is_prefilling()) other.passed_over += tokens;
  }
}

size_t Batch::size(std::string_view client) const {
  return static_cast<size_t>(std::ranges::count(live_, client, &Live::client));
}

void Batch::dispatch_chunk(Live& live) {
  int begin = live.sequence.length();
  int stop = live.chunk_end(loaded_.info.prefill_chunk);
  auto part = live.prompt().subspan(static_cast<size_t>(begin), static_cast<size_t>(stop - begin));
  chunk_.assign(part.begin(), part.end());
  share_out(live, stop - begin);
  live.passed_over = 0;
  Segment segment{&live.sequence.caches(), stop - begin, live.adapter()};
  double started = thread_seconds();
  loaded_.model->forward(to_array(chunk_), {&segment, 1});
  done_.model_seconds += thread_seconds() - started;
}

// Evaluates only the caches, so that the layers after the last cache and the head are never computed.
void Batch::collect_chunk(Live& live) {
  if (live.ended) return;
  double started = thread_seconds();
  evaluate(live.sequence.caches(), loaded_.device.layer_by_layer);
  done_.model_seconds += thread_seconds() - started;
  live.sequence.extended_by(chunk_);
  done_.prompt_tokens = static_cast<int>(chunk_.size());
  live.finish.computed_tokens += done_.prompt_tokens;
  int length = live.sequence.length();
  bool is_fork_point = std::ranges::find(live.fork_points, length) != live.fork_points.end();
  if (is_fork_point || length == live.prefill_length()) live.sequence.snapshot();
  loaded_.prefixes.keep(live.cursor, live.sequence, live.ends());
  if (length < live.prefill_length()) return;
  live.next = Known{live.prompt().back()};
  mx::clear_cache();
}

// All live requests wait for records to be read, or for a grammar; not for long, since a request may be cancelled or
// come meanwhile.
void Batch::wait_for_others() {
  constexpr double kSeconds = 0.02;
  bool grammar = std::ranges::any_of(live_, [](const Live& live) { return live.awaits_constraint(); });
  if (grammar) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  bool waits = std::ranges::any_of(live_, [](const Live& live) { return live.restore.has_value(); });
  if (waits && !grammar) loaded_.prefixes.store()->wait(kSeconds);
}

std::vector<Live*> Batch::decoding() {
  std::vector<Live*> writers;
  for (auto& live : live_)
    if (live.is_decoding() && !live.awaits_constraint()) writers.push_back(&live);
  return writers;
}

// What may be drawn next for a request; empty: everything. A mask that fails ends the request, whose draw is then
// unused.
std::vector<uint32_t> Batch::allowed_next(Live& live, const mx::array& logits, int row) {
  auto vocab = static_cast<size_t>(loaded_.info.vocab_size);
  std::vector<uint32_t> allowed;
  try {
    if (live.submitted.request.mask)
      allowed = live.submitted.request.mask(std::span(live.sequence.tokens()).subspan(live.prompt().size()));
    if (!allowed.empty() && allowed.size() * 32 < vocab)
      throw Error("internal", "a logits mask of " + std::to_string(allowed.size() * 32) +
                                  " bits is too short for a vocabulary of " + std::to_string(vocab));
    if (live.is_held()) {
      allowed.resize((vocab + 31) / 32);
      auto since = Live::Clock::now();
      bool leads_on = live.constraint()->fill(allowed);
      live.finish.constrained->mask_seconds += seconds_since(since);
      fail_unheld(live);
      if (!leads_on) return {};
      auto removed = removed_probability(logits, row, allowed, loaded_.device);
      live.removed = live.removed ? mx::add(*live.removed, removed) : removed;
      live.finish.constrained->tokens++;
    }
  } catch (const std::exception& error) {
    fail(live, error);
    return {};
  }
  return allowed;
}

// The requests that this pass feeds a token, and their drafts. What is drawn with a mask or behind a draft must know
// the token before, so it is read first.
std::vector<Live*> Batch::feed() {
  std::vector<Live*> fed;
  for (auto& live : live_) {
    if (live.ended || !live.is_decoding() || live.awaits_constraint()) continue;
    bool reads = live.submitted.request.mask || live.is_held();
    if (std::holds_alternative<Pending>(live.next) && (reads || drafts_on(live))) read_pending(live);
    if (live.ended || live.is_last_pending()) continue;
    if (const auto* known = std::get_if<Known>(&live.next)) live.sequence.extended_by({&known->token, 1});
    fed.push_back(&live);
  }
  // What an adapter adds is computed at once for all rows that lie together.
  if (loaded_.info.adapters > 0) std::ranges::stable_sort(fed, {}, &Live::adapter);
  plan_drafts(fed);
  return fed;
}

// Feeds each decoding sequence its next token, and what is drafted behind it, and draws what follows.
void Batch::dispatch() {
  auto fed = feed();
  if (fed.empty()) return;
  auto since = Live::Clock::now();
  double started = thread_seconds();
  std::vector<Segment> segments;
  for (auto* live : fed) {
    segments.push_back({&live->sequence.caches(), 1 + static_cast<int>(live->draft.size()), live->adapter()});
    if (live->finish.output_tokens == 0 && std::holds_alternative<Known>(live->next)) live->finish.computed_tokens++;
  }
  done_.steps += static_cast<int>(fed.size());
  auto hidden = loaded_.model->forward(input_tokens(fed), segments);
  Computed pass{.hidden = hidden, .logits = loaded_.model->logits(hidden)};
  int rows = hidden.shape(0);
  std::vector<mx::array> computed;
  auto rest = set_drafted_apart(fed, pass, computed);
  if (!fed.empty()) draw_next(fed, rest, computed);
  if (loaded_.device.decode_ahead)
    mx::async_eval(computed);
  else
    mx::eval(computed);
  done_.model_seconds += thread_seconds() - started;
  // A pass that is dispatched ahead ends later.
  if (loaded_.costs && !loaded_.device.decode_ahead) loaded_.costs->saw(rows, seconds_since(since));
}

// Draws the token after each sequence's own. logits: a row for each. Masks are made while a GPU computes.
void Batch::draw_next(const std::vector<Live*>& fed, const mx::array& logits, std::vector<mx::array>& computed) {
  bool ahead = loaded_.device.decode_ahead;
  // On a CPU a second hand-over to MLX's thread costs more than the mask.
  if (ahead && std::ranges::any_of(fed, [](const Live* live) { return live->is_held(); })) mx::async_eval(logits);
  std::vector<Draw> draws;
  for (size_t i = 0; i < fed.size(); i++) {
    auto* live = fed[i];
    draws.push_back({&live->sampler, allowed_next(*live, logits, static_cast<int>(i)), live->discouraged()});
    live->free_draw.reset();
    if (ahead && live->constraint() && !live->is_held())
      live->free_draw = Drawable{.logits = row_of(logits, static_cast<int>(i)), .sampler = live->sampler};
    if (live->removed) computed.push_back(*live->removed);
  }
  auto drawn = draw(logits, draws, loaded_.device);
  computed.push_back(drawn);
  for (size_t i = 0; i < fed.size(); i++) fed[i]->dispatched({drawn, static_cast<int>(i)});
}

// The constraint holds from the token on that is pending, which was drawn before that was known.
void Batch::draw_again(Live& live) {
  auto from = std::move(*live.free_draw);
  live.free_draw.reset();
  live.sampler = std::move(from.sampler);
  Draw held{.sampler = &live.sampler, .allowed = allowed_next(live, from.logits, 0)};
  if (!live.ended) live.next = Pending{{draw(from.logits, {&held, 1}, loaded_.device), 0}};
}

// Reads the tokens that were fed unread; where nothing is dispatched ahead, those that this pass has drawn.
void Batch::collect() {
  for (auto& live : live_) {
    if (live.ended) continue;
    if (auto* in_flight = std::get_if<InFlight>(&live.next)) {
      int32_t token = in_flight->fed.read();
      live.next = Pending{std::move(in_flight->drawn)};
      live.sequence.extended_by({&token, 1});
      accept(live, token);
      if (!live.ended && live.is_held() && live.free_draw) draw_again(live);
    } else if (std::holds_alternative<Drafted>(live.next)) {
      verify(live);
    } else if (live.is_last_pending() || (!loaded_.device.decode_ahead && std::holds_alternative<Pending>(live.next))) {
      read_pending(live);
    }
    if (!live.ended) loaded_.prefixes.keep(live.cursor, live.sequence, {});
  }
}

void Batch::read_pending(Live& live) {
  int32_t token = std::get<Pending>(live.next).drawn.read();
  live.next = Known{token};
  accept(live, token);
}

// Hands out a token, or ends its request.
void Batch::accept(Live& live, int32_t token) {
  auto& finish = live.finish;
  const auto& request = live.submitted.request;
  if (finish.output_tokens == 0) {
    finish.prefill_seconds = seconds_since(live.started);
    live.decode_started = Live::Clock::now();
  }
  if (token == kNotANumber)
    return fail(live, Error("bad_weights", "[generate] the model's logits are not numbers after " +
                                               std::to_string(live.sequence.length()) +
                                               " tokens. Its weights are damaged or too large for " +
                                               loaded_.info.compute_dtype + ". Download the checkpoint again."));
  if (std::ranges::find(request.stop_tokens, token) != request.stop_tokens.end()) {
    finish.stop_token = token;
    return end(live, FinishReason::stop);
  }
  if (live.constraint()) live.constraint()->accept(token);
  if (live.lookup) live.lookup->accept(token);
  live.submitted.sink(token);
  finish.output_tokens++;
  done_.output_tokens++;
  if (live.loop_guard) live.loop_guard->accept(token, live.is_held());
  if (live.loop_guard && live.loop_guard->is_endless()) return end(live, FinishReason::loop);
  if (finish.output_tokens >= live.limit)
    end(live, live.limit < request.max_tokens ? FinishReason::window : FinishReason::length);
}

// An error in work for several requests ends all of them: it does not say whose it is.
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
  if (finish.output_tokens == 0 && reason == FinishReason::cancelled)
    finish.prefill_seconds = seconds_since(live.started);
  else
    finish.decode_seconds = seconds_since(live.decode_started);
  live.reserved = 0;
  make_room();
  live.sequence.settle();
  // A sequence whose restoring was not finished has nothing that the block store has not.
  if (!live.restore) {
    int kept = std::min(live.sequence.length(), live.prefill_length());
    if (loaded_.prefixes.finish(live.cursor, std::move(live.sequence), live.ends()))
      finish.created_tokens = std::max(0, kept - finish.cached_tokens);
  }
  if (live.constraint()) {
    if (live.removed) finish.constrained->removed = static_cast<double>(live.removed->item<float>());
    finish.constrained->failure = live.constraint()->failure();
  }
  live.submitted.sink(finish);
}

// Ends a request whose grammar does not hold it, where it must.
void Batch::fail_unheld(Live& live) {
  if (live.ended || !live.constraint() || !live.constraint()->must_hold() || live.awaits_constraint()) return;
  if (auto why = live.constraint()->failure())
    fail(live, Error("invalid_request", "the answer cannot be held to its grammar: " + *why));
}

void Batch::fail(Live& live, const std::exception& error) {
  if (live.ended) return;
  live.ended = true;
  live.submitted.sink(to_failure(error));
}

void Batch::remove_ended() {
  if (live_.remove_if([](const Live& live) { return live.ended; }) == 0) return;
  settle();
}

PrefillProgress Batch::prefill() const {
  for (const auto& live : live_)
    if (!live.finish.output_tokens && live.sequence.length() <= live.prefill_length())
      return {live.sequence.length(), static_cast<int>(live.prompt().size())};
  return {};
}

std::vector<Running> Batch::running() const {
  std::vector<Running> all;
  for (const auto& live : live_) {
    int size = live.finish.prompt_tokens;
    bool is_read = live.finish.output_tokens > 0;
    all.push_back({.id = live.submitted.id,
                   .label = live.submitted.request.label,
                   .prompt_tokens = size,
                   .read_tokens = is_read ? size : std::min(live.sequence.length(), size),
                   .cached_tokens = live.finish.cached_tokens,
                   .output_tokens = live.finish.output_tokens});
  }
  return all;
}

uint64_t Batch::kv_bytes() const {
  uint64_t sum = 0;
  for (const auto& live : live_) {
    sum += live.sequence.bytes();
    if (live.drafter && live.drafter->sequence) sum += live.drafter->sequence->bytes();
  }
  return sum;
}

}  // namespace tether
