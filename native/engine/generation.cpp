// One request from prompt to finish: prefix, prefill in chunks, decode.
#include "engine/generation.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "engine/sampler.h"
#include "error.h"

namespace tether {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

mx::array to_array(std::span<const int32_t> tokens) {
  return mx::array(tokens.data(), {static_cast<int>(tokens.size())}, mx::int32);
}

void check(const Loaded& loaded, const GenerateRequest& request) {
  auto size = static_cast<int>(request.prompt.size());
  if (size == 0) throw Error("invalid_request", "the prompt is empty; give at least one token");
  if (size >= loaded.info.window)
    throw Error("prompt_too_long", "prompt is too long: " + std::to_string(size) + " tokens > " +
                                       std::to_string(loaded.info.window - 1) + " maximum");
  for (int32_t token : request.prompt)
    if (token < 0 || token >= loaded.info.vocab_size)
      throw Error("invalid_request", "token " + std::to_string(token) + " is not in the model's vocabulary of " +
                                         std::to_string(loaded.info.vocab_size));
}

// Makes room for the keys and values that this request may add, by forgetting old prefixes.
void reserve(Loaded& loaded, const Sequence& sequence, size_t tokens) {
  if (!loaded.info.memory_cap) return;
  size_t added = (tokens - static_cast<size_t>(sequence.length())) * loaded.info.bytes_per_token;
  auto too_much = [&] { return mx::get_active_memory() + added > loaded.info.memory_cap; };
  while (too_much() && loaded.prefixes.evict_one()) {
  }
  if (too_much())
    throw Error("not_enough_memory", "this request needs " + show_size(added) + " for its KV cache, " +
                                         show_size(mx::get_active_memory()) + " of the cap of " +
                                         show_size(loaded.info.memory_cap) +
                                         " are in use; raise --memory-cap or lower --max-context");
}

// Keys and values of all prompt tokens but the last. Only the caches are evaluated, so that the layers after the last
// cache and the head are never computed. -> false if cancelled on the way.
bool prefill(Loaded& loaded, Sequence& sequence, std::span<const int32_t> prompt, int branch,
             const std::atomic<bool>& cancelled, const std::function<void(PrefillProgress)>& progress) {
  int end = static_cast<int>(prompt.size()) - 1;
  while (sequence.length() < end) {
    progress({sequence.length(), end + 1});
    if (cancelled) return false;
    int begin = sequence.length();
    int stop = std::min(begin + loaded.device.prefill_chunk, end);
    if (begin < branch && branch < stop) stop = branch;
    auto chunk = prompt.subspan(static_cast<size_t>(begin), static_cast<size_t>(stop - begin));
    Segment segment{&sequence.caches(), static_cast<int>(chunk.size())};
    loaded.model->forward(to_array(chunk), {&segment, 1});
    std::vector<mx::array> written;
    for (const auto& cache : sequence.caches())
      for (const auto& array : cache.arrays()) written.push_back(array);
    mx::eval(written);
    sequence.extended_by(chunk);
    if (stop == branch) sequence.checkpoint();
  }
  sequence.checkpoint();
  mx::clear_cache();
  return true;
}

}  // namespace

Finish generate(Loaded& loaded, const GenerateRequest& request, const std::atomic<bool>& cancelled,
                const std::function<void(PrefillProgress)>& progress, const std::function<void(int32_t)>& emit) {
  check(loaded, request);
  auto started = Clock::now();
  std::span<const int32_t> prompt = request.prompt;
  Finish finish{.prompt_tokens = static_cast<int>(prompt.size())};
  auto [sequence, branch] = loaded.prefixes.take(prompt, Sequence(loaded.model->new_caches()));
  finish.cached_tokens = sequence.length();
  int room = loaded.info.window - finish.prompt_tokens;
  int limit = std::min(request.max_tokens, room);
  reserve(loaded, sequence, prompt.size() + static_cast<size_t>(limit));

  if (!prefill(loaded, sequence, prompt, branch, cancelled, progress)) {
    finish.reason = FinishReason::cancelled;
    finish.prefill_seconds = seconds_since(started);
    loaded.prefixes.put(std::move(sequence));
    return finish;
  }

  Sampler sampler(request.sampling, prompt);
  Segment segment{&sequence.caches(), 1};
  auto step = [&](const mx::array& token) {
    return sampler(loaded.model->logits(loaded.model->forward(token, {&segment, 1})));
  };
  auto current = step(to_array(prompt.last(1)));
  sequence.extended_by(prompt.last(1));
  mx::eval(current);
  progress({});
  finish.prefill_seconds = seconds_since(started);

  auto decoding = Clock::now();
  while (true) {
    bool last = finish.output_tokens + 1 >= limit;
    std::optional<mx::array> next;
    if (loaded.device.decode_ahead && !last) {
      next = step(current);
      mx::async_eval(*next);
    }
    auto token = current.item<int32_t>();
    if (next) sequence.extended_by({&token, 1});
    if (std::ranges::find(request.stop_tokens, token) != request.stop_tokens.end()) {
      finish.reason = FinishReason::stop;
      finish.stop_token = token;
      break;
    }
    emit(token);
    finish.output_tokens++;
    if (last) {
      finish.reason = limit < request.max_tokens ? FinishReason::window : FinishReason::length;
      break;
    }
    if (cancelled) {
      finish.reason = FinishReason::cancelled;
      break;
    }
    if (!next) {
      next = step(current);
      mx::eval(*next);
      sequence.extended_by({&token, 1});
    }
    current = *next;
    if (finish.output_tokens % 256 == 0) mx::clear_cache();
  }
  finish.decode_seconds = seconds_since(decoding);
  loaded.prefixes.put(std::move(sequence));
  return finish;
}

void run_chunks(Loaded& loaded, std::span<const int32_t> tokens, int chunk,
                const std::function<void(const mx::array& hidden, int begin, int end)>& each) {
  auto caches = loaded.model->new_caches();
  int size = static_cast<int>(tokens.size());
  for (int begin = 0; begin < size; begin += chunk) {
    int end = std::min(begin + chunk, size);
    Segment segment{&caches, end - begin};
    auto part = to_array(tokens.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
    each(loaded.model->forward(part, {&segment, 1}), begin, end);
  }
}

}  // namespace tether
