// Gemma 4's assistants: a few layers that read the keys and values of the model that they draft for.
#include <cmath>
#include <string>
#include <utility>

#include "model/assistant.h"
#include "model/gemma4_blocks.h"

namespace tether {
namespace {

// A head that scores the tokens of the likeliest clusters alone: of a small hidden state and a large vocabulary it is
// the dearest part.
struct ClusteredHead {
  Linear centroids;
  mx::array tokens;  // (clusters, tokens of each) int32
  int looked_at;     // clusters

  // x: (B, hidden) -> (B) int32
  mx::array operator()(const mx::array& x, const Embedding& embedding) const {
    auto scores = centroids(x);
    int clusters = scores.shape(1);
    auto order = mx::argpartition(scores, -looked_at, 1);
    auto best = mx::slice(order, {0, clusters - looked_at}, order.shape());
    auto candidates = mx::reshape(mx::take(tokens, best, 0), {x.shape(0), -1});
    auto rows = mx::reshape(embedding(mx::flatten(candidates)), {x.shape(0), candidates.shape(1), x.shape(1)});
    auto logits = mx::squeeze(mx::matmul(rows, mx::expand_dims(x, 2)), 2);
    auto chosen = mx::argmax(logits, 1, true);
    return mx::flatten(mx::take_along_axis(candidates, chosen, 1));
  }
};

class Gemma4Assistant : public Assistant {
 public:
  Gemma4Assistant(const Config& json, const Config& text, Weights& w, Model& target)
      : config_(text, true), target_(target), backbone_(json.positive("backbone_hidden_size", 1536)) {
    check_target(json);
    if (json.flag("use_ordered_embeddings", false)) read_head(json, w);
    auto parameters = text.object("rope_parameters");
    sliding_rope_ = gemma4_rope(config_, "sliding_attention", parameters);
    full_rope_ = gemma4_rope(config_, "full_attention", parameters);
    embedding_ = w.embedding("model.embed_tokens", config_.vocab, config_.hidden);
    before_ = w.linear("pre_projection", config_.hidden, 2 * backbone_);
    after_ = w.linear("post_projection", backbone_, config_.hidden);
    for (size_t i = 0; i < static_cast<size_t>(config_.layers); i++)
      blocks_.emplace_back(config_, w, "model.layers." + std::to_string(i), i);
    auto caches = borrowed_caches(target);
    for (size_t i = 0; i < blocks_.size(); i++) {
      auto factors = target.key_factors(config_.sliding[i] ? caches.sliding : caches.full);
      blocks_[i].attention.balanced_norms = balanced(*blocks_[i].attention.q_norm, factors);
    }
    norm_ = w.norm("model.norm", config_.hidden, config_.eps);
    head_ = w.head({""}, json.flag("tie_word_embeddings", true), config_.vocab, config_.hidden);
  }

  Step step(const Step& before, std::span<const Borrowed> sequences) override {
    auto embedded = target_.embed(before.tokens);
    auto x = (*before_)(mx::concatenate({embedded, mx::astype(before.hidden, embedded.dtype())}, 1));
    std::vector<Segment> segments(sequences.size(), Segment{.caches = nullptr, .length = 1});
    // By kind: full, sliding. The position is that of the last token of the caches, in every step. Of a sliding layer
    // it sees what the target's next token would, beside itself.
    std::vector<std::vector<KVView>> seen(2);
    for (const auto& sequence : sequences) {
      seen[0].push_back(sequence.full->last(0));
      seen[1].push_back(sequence.sliding->last(config_.sliding_window - 1));
    }
    for (size_t i = 0; i < blocks_.size(); i++) {
      bool sliding = config_.sliding[i];
      AttentionPass pass{.rope = sliding ? sliding_rope_ : full_rope_,
                         .segments = segments,
                         .layer = i,
                         .seen = &seen[sliding ? 1 : 0]};
      x = blocks_[i](x, pass, std::nullopt);
    }
    x = norm_(x);
    return {.tokens = likeliest(x), .hidden = (*after_)(x)};
  }

 private:
  mx::array likeliest(const mx::array& x) const {
    if (clustered_) return (*clustered_)(x, *embedding_);
    auto logits = head_ ? (*head_)(x) : embedding_->as_linear(x);
    return mx::astype(mx::argmax(logits, 1), mx::int32);
  }

  void read_head(const Config& json, Weights& w) {
    int clusters = json.positive("num_centroids", 2048);
    int looked_at = json.positive("centroid_intermediate_top_k", 32);
    if (config_.vocab % clusters || looked_at > clusters)
      throw Error("bad_config", "[config] " + json.where() +
                                    ": num_centroids must divide vocab_size and be at least "
                                    "centroid_intermediate_top_k");
    auto order = w.numbers("masked_embedding.token_ordering", config_.vocab, config_.vocab);
    order = mx::reshape(order, {clusters, config_.vocab / clusters});
    clustered_ = ClusteredHead{w.linear("masked_embedding.centroids", clusters, config_.hidden), order, looked_at};
  }

  // Its layers read the target's keys and values, so their heads have to be the same.
  void check_target(const Config& json) const {
    auto shapes = target_.cache_shapes();
    auto caches = borrowed_caches(target_);
    auto fits = [&](const CacheShape& shape, int kv_heads, int head_dim) {
      return shape.head_dim == head_dim && shape.elements == 2 * kv_heads * head_dim;
    };
    bool same = fits(shapes[caches.sliding], config_.kv_heads, config_.head_dim) &&
                fits(shapes[caches.full], config_.global_kv_heads, config_.global_head_dim) &&
                shapes[caches.sliding].window == config_.sliding_window && target_.vocab_size() == config_.vocab &&
                target_.embed(mx::array({0})).shape(1) == backbone_;
    if (!same)
      throw Error("bad_config", "[config] " + json.where() +
                                    " is that of another model's assistant. Use the one that was made for this model.");
  }

  Gemma4Config config_;
  Model& target_;
  int backbone_;
  Rope sliding_rope_, full_rope_;
  std::optional<Embedding> embedding_;
  std::optional<Linear> before_, after_;
  std::vector<Gemma4Block> blocks_;
  RMSNorm norm_{};
  std::optional<Linear> head_;
  std::optional<ClusteredHead> clustered_;
};

}  // namespace

bool is_assistant(const Config& config) {
  auto type = config.text("model_type", "");
  return type == "gemma4_assistant" || type == "gemma4_unified_assistant";
}

BorrowedCaches borrowed_caches(const Model& target) {
  auto shapes = target.cache_shapes();
  std::optional<size_t> sliding, full;
  for (size_t i = 0; i < shapes.size(); i++) (shapes[i].window ? sliding : full) = i;
  if (!sliding || !full) throw Error("bad_config", "[model] no assistant drafts for models of this family");
  return {.sliding = *sliding, .full = *full};
}

std::unique_ptr<Assistant> load_assistant(const Config& config, Weights& weights, Model& target) {
  auto text = config.object("text_config");
  if (!text)
    throw Error("bad_config", "[config] " + config.where() + " has no text_config. Download config.json again.");
  auto assistant = std::make_unique<Gemma4Assistant>(config, *text, weights, target);
  weights.expect_none_left();
  return assistant;
}

}  // namespace tether
