// Whole texts through the model, for scores and for parity tests: no request, no prefix cache.
#include "engine/scoring.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>

#include "engine/rate.h"
#include "error.h"

namespace tether {
namespace {

// Runs tokens through the model `chunk` at a time and hands each chunk's hidden states, (T, hidden), to `each`.
void run_chunks(Loaded& loaded, std::span<const int32_t> tokens, int chunk, const std::atomic<bool>& closing,
                const std::function<void(const mx::array& hidden, int begin, int end)>& each) {
  if (tokens.empty()) throw Error("invalid_request", "no tokens were given");
  if (chunk <= 0) throw Error("invalid_request", "the chunk must be above 0");
  for (int32_t token : tokens)
    if (token < 0 || token >= loaded.info.vocab_size)
      throw Error("invalid_request", "token " + std::to_string(token) + " is not in the model's vocabulary of " +
                                         std::to_string(loaded.info.vocab_size));
  auto caches = loaded.new_caches();
  int size = static_cast<int>(tokens.size());
  for (int begin = 0; begin < size; begin += chunk) {
    if (closing) throw Error("closed", "the model was closed");
    int end = std::min(begin + chunk, size);
    Segment segment{&caches, end - begin};
    mx::array part(tokens.data() + begin, {end - begin}, mx::int32);
    each(loaded.model->forward(part, {&segment, 1}), begin, end);
  }
}

}  // namespace

std::vector<float> score(Loaded& loaded, std::span<const int32_t> tokens, const std::atomic<bool>& closing) {
  std::vector<float> scores(tokens.size(), 0);
  run_chunks(loaded, tokens, loaded.info.prefill_chunk, closing, [&](const mx::array& hidden, int begin, int end) {
    int last = std::min(end, static_cast<int>(tokens.size()) - 1);  // the last token predicts nothing that is asked for
    if (begin >= last) return;
    auto rows = mx::slice(hidden, {0, 0}, {last - begin, hidden.shape(1)});
    auto logits = mx::astype(loaded.model->logits(rows), mx::float32);
    auto next = mx::array(tokens.data() + begin + 1, {last - begin, 1}, mx::int32);
    auto chosen = mx::squeeze(mx::take_along_axis(logits, next, 1), 1);
    auto result = mx::subtract(chosen, mx::logsumexp(logits, 1));
    mx::eval(result);
    std::copy_n(result.data<float>(), last - begin, scores.begin() + begin + 1);
  });
  return scores;
}

std::vector<float> logits(Loaded& loaded, std::span<const int32_t> tokens, int chunk,
                          const std::atomic<bool>& closing) {
  std::vector<float> all;
  run_chunks(loaded, tokens, chunk, closing, [&](const mx::array& hidden, int, int) {
    auto rows = mx::contiguous(mx::astype(loaded.model->logits(hidden), mx::float32));
    mx::eval(rows);
    all.insert(all.end(), rows.data<float>(), rows.data<float>() + rows.size());
  });
  return all;
}

BareSeconds bare_loop(Loaded& loaded, std::span<const int32_t> prompt, int count, const std::atomic<bool>& closing) {
  BareSeconds seconds;
  auto started = std::chrono::steady_clock::now();
  auto caches = loaded.new_caches();
  auto body = static_cast<int>(prompt.size()) - 1;
  for (int begin = 0; begin < body; begin += loaded.info.prefill_chunk) {
    if (closing) throw Error("closed", "the model was closed");
    int end = std::min(begin + loaded.info.prefill_chunk, body);
    Segment segment{&caches, end - begin};
    loaded.model->forward(mx::array(prompt.data() + begin, {end - begin}, mx::int32), {&segment, 1});
    std::vector<mx::array> written;
    for (const auto& cache : caches)
      for (const auto& array : cache.arrays()) written.push_back(array);
    mx::eval(written);
  }
  Segment segment{&caches, 1};
  auto step = [&](const mx::array& token) {
    auto logits = loaded.model->logits(loaded.model->forward(token, {&segment, 1}));
    auto next = mx::astype(mx::argmax(logits, -1), mx::int32);
    if (loaded.device.decode_ahead)
      mx::async_eval(next);
    else
      mx::eval(next);
    return next;
  };
  auto current = step(mx::array(prompt.data() + body, {1}, mx::int32));
  current.eval();
  seconds.prefill = seconds_since(started);
  started = std::chrono::steady_clock::now();
  for (int i = 1; i < count; i++) {
    if (closing) throw Error("closed", "the model was closed");
    auto next = step(current);
    current.eval();
    current = next;
  }
  current.eval();
  seconds.decode = seconds_since(started);
  return seconds;
}

}  // namespace tether
