// What only tests and benches ask: all logits of a text, and how fast the model's forward is by itself.
#include "engine/probe.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "engine/cache/restore.h"
#include "engine/live.h"
#include "engine/loading.h"
#include "engine/rate.h"
#include "engine/sampler.h"
#include "engine/scheduler.h"
#include "engine/scoring.h"
#include "error.h"

namespace tether {
namespace {

using Clock = std::chrono::steady_clock;

void check_open(const std::atomic<bool>& closing) {
  if (closing) throw Error("closed", "the model was closed");
}

void add_rows(std::vector<float>& all, Loaded& loaded, const mx::array& hidden) {
  auto rows = mx::contiguous(mx::astype(loaded.model->logits(hidden), mx::float32));
  mx::eval(rows);
  all.insert(all.end(), rows.data<float>(), rows.data<float>() + rows.size());
}

std::vector<float> all_logits(Loaded& loaded, std::span<const int32_t> tokens, int chunk, int adapter,
                              const std::atomic<bool>& closing) {
  std::vector<float> all;
  for_each_chunk(
      loaded, tokens, chunk, closing, [&](const mx::array& hidden, int, int) { add_rows(all, loaded, hidden); },
      adapter);
  return all;
}

// As a request would start.
Sequence started(Loaded& loaded, std::span<const int32_t> tokens, int adapter, const std::atomic<bool>& closing) {
  constexpr double kSeconds = 0.02;
  auto match = loaded.prefixes.match(tokens, {}, adapter);
  Sequence sequence(loaded.new_caches(), adapter);
  if (match.from) {
    sequence = *match.from;
    sequence.rewind(match.length);
  }
  if (!match.restores) return sequence;
  auto& store = *loaded.prefixes.store();
  Restore restore(store, tokens, match.start, loaded.device.layer_by_layer, loaded.prefixes.room());
  while (restore.advance(sequence) != Restore::State::done) {
    check_open(closing);
    store.wait(kSeconds);
    store.drain();
  }
  return sequence;
}

std::vector<float> rows_from_cache(Loaded& loaded, std::span<const int32_t> tokens, int adapter,
                                   const std::atomic<bool>& closing) {
  check_adapter(loaded.info, adapter);
  auto sequence = started(loaded, tokens, adapter, closing);
  auto size = static_cast<int>(tokens.size());
  int chunk = loaded.info.prefill_chunk;
  std::vector<float> all;
  for (int begin = sequence.length(); begin < size;) {
    check_open(closing);
    int end = chunk_end(begin, size, chunk, {});
    Segment segment{&sequence.caches(), end - begin, adapter};
    add_rows(all, loaded,
             loaded.model->forward(mx::array(tokens.data() + begin, {end - begin}, mx::int32), {&segment, 1}));
    evaluate(sequence.caches(), loaded.device.layer_by_layer);
    begin = end;
  }
  return all;
}

void bare_prefill(Loaded& loaded, std::span<const int32_t> tokens, std::vector<KVCache>& caches,
                  const std::atomic<bool>& closing) {
  auto size = static_cast<int>(tokens.size());
  for (int begin = 0; begin < size; begin += loaded.info.prefill_chunk) {
    check_open(closing);
    int end = std::min(begin + loaded.info.prefill_chunk, size);
    Segment segment{&caches, end - begin};
    loaded.model->forward(mx::array(tokens.data() + begin, {end - begin}, mx::int32), {&segment, 1});
    evaluate(caches, loaded.device.layer_by_layer);
  }
}

std::vector<float> bare_seconds(Loaded& loaded, std::span<const int32_t> prompt, int count,
                                const std::atomic<bool>& closing) {
  auto started = Clock::now();
  auto caches = loaded.new_caches();
  bare_prefill(loaded, prompt.first(prompt.size() - 1), caches, closing);
  Segment segment{&caches, 1};
  auto step = [&](const mx::array& token) {
    auto next =
        mx::astype(mx::argmax(loaded.model->logits(loaded.model->forward(token, {&segment, 1})), -1), mx::int32);
    if (loaded.device.decode_ahead)
      mx::async_eval(next);
    else
      mx::eval(next);
    return next;
  };
  auto current = step(mx::array(&prompt.back(), {1}, mx::int32));
  current.eval();
  auto prefill = seconds_since(started);
  started = Clock::now();
  for (int i = 1; i < count; i++) {
    check_open(closing);
    auto next = step(current);
    current.eval();
    current = next;
  }
  current.eval();
  return {static_cast<float>(prefill), static_cast<float>(seconds_since(started))};
}

// What the drafter drafts behind the last of these tokens.
std::vector<float> drafted(Loaded& loaded, std::vector<int32_t> tokens, int count, const std::atomic<bool>& closing) {
  if (!loaded.drafter || tokens.size() < 2)
    throw Error("invalid_request", "a drafter and two tokens are needed to draft");
  int32_t known = tokens.back();
  tokens.pop_back();
  check_open(closing);
  Sequence sequence(loaded.new_caches());
  Segment segment{&sequence.caches(), static_cast<int>(tokens.size())};
  auto hidden = loaded.model->forward(to_array(tokens), {&segment, 1});
  mx::eval(hidden);
  sequence.extended_by(tokens);
  sequence.extended_by({&known, 1});
  DraftState state;
  state.hidden = row_of(hidden, segment.length - 1);
  DraftJob job{.state = &state, .target = &sequence, .count = count};
  loaded.drafter->draft({&job, 1});
  return {job.draft.begin(), job.draft.end()};
}

}  // namespace

void drafts(Engine& engine, std::vector<int32_t> tokens, int count, Engine::Done<std::vector<float>> done) {
  engine.run([tokens = std::move(tokens), count](
                 Loaded& loaded, const std::atomic<bool>& closing) { return drafted(loaded, tokens, count, closing); },
             std::move(done));
}

void logits(Engine& engine, std::vector<int32_t> tokens, int chunk, int adapter,
            Engine::Done<std::vector<float>> done) {
  engine.run(
      [tokens = std::move(tokens), chunk, adapter](Loaded& loaded, const std::atomic<bool>& closing) {
        return all_logits(loaded, tokens, chunk, adapter, closing);
      },
      std::move(done));
}

void resumed_logits(Engine& engine, std::vector<int32_t> tokens, int adapter, Engine::Done<std::vector<float>> done) {
  engine.run(
      [tokens = std::move(tokens), adapter](Loaded& loaded, const std::atomic<bool>& closing) {
        return rows_from_cache(loaded, tokens, adapter, closing);
      },
      std::move(done));
}

void bare_loop(Engine& engine, std::vector<int32_t> prompt, int count, Engine::Done<std::vector<float>> done) {
  engine.run(
      [prompt = std::move(prompt), count](Loaded& loaded, const std::atomic<bool>& closing) {
        return bare_seconds(loaded, prompt, count, closing);
      },
      std::move(done));
}

}  // namespace tether
