// Whole texts through the model, for their scores: no request, no prefix cache.
#include "engine/scoring.h"

#include <algorithm>
#include <string>

#include "error.h"

namespace tether {

void check_adapter(const EngineInfo& info, int adapter) {
  if (adapter >= 0 && adapter <= info.adapters) return;
  throw Error("invalid_request",
              "there is no adapter " + std::to_string(adapter) + ": " + std::to_string(info.adapters) + " are loaded");
}

void for_each_chunk(Loaded& loaded, std::span<const int32_t> tokens, int chunk, const std::atomic<bool>& closing,
                    const std::function<void(const mx::array& hidden, int begin, int end)>& each, int adapter) {
  check_adapter(loaded.info, adapter);
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
    Segment segment{&caches, end - begin, adapter};
    mx::array part(tokens.data() + begin, {end - begin}, mx::int32);
    auto hidden = loaded.model->forward(part, {&segment, 1});
    if (loaded.device.layer_by_layer) evaluate(caches, true);
    each(hidden, begin, end);
  }
}

mx::array log_sum_exp(const mx::array& logits) {
  constexpr int kBlock = 256;
  int rows = logits.shape(0);
  int size = logits.shape(1);
  int blocks = size / kBlock;
  int whole = blocks * kBlock;
  std::vector<mx::array> parts;
  if (whole > 0) {
    auto even = whole == size ? logits : mx::slice(logits, {0, 0}, {rows, whole});
    parts.push_back(mx::logsumexp(mx::reshape(even, {rows, blocks, kBlock}), 2));
  }
  if (whole < size) parts.push_back(mx::logsumexp(mx::slice(logits, {0, whole}, {rows, size}), 1, true));
  return mx::logsumexp(parts.size() == 1 ? parts[0] : mx::concatenate(parts, 1), 1);
}

std::vector<float> score(Loaded& loaded, std::span<const int32_t> tokens, const std::atomic<bool>& closing,
                         int adapter) {
  std::vector<float> scores(tokens.size(), 0);
  for_each_chunk(
      loaded, tokens, loaded.info.prefill_chunk, closing,
      [&](const mx::array& hidden, int begin, int end) {
        int last = std::min(end, static_cast<int>(tokens.size()) - 1);  // what follows the last token is not asked for
        if (begin >= last) return;
        auto rows = mx::slice(hidden, {0, 0}, {last - begin, hidden.shape(1)});
        auto logits = mx::astype(loaded.model->logits(rows), mx::float32);
        auto next = mx::array(tokens.data() + begin + 1, {last - begin, 1}, mx::int32);
        auto chosen = mx::squeeze(mx::take_along_axis(logits, next, 1), 1);
        auto result = mx::subtract(chosen, log_sum_exp(logits));
        mx::eval(result);
        std::copy_n(result.data<float>(), last - begin, scores.begin() + begin + 1);
      },
      adapter);
  return scores;
}

}  // namespace tether
