// A small model of the same vocabulary that drafts for a larger one.
#include "engine/draft_model.h"

#include <algorithm>
#include <chrono>
#include <ranges>
#include <string>
#include <utility>

#include "engine/live.h"
#include "engine/pass_costs.h"
#include "engine/rate.h"
#include "engine/sampler.h"
#include "error.h"

namespace tether {
namespace {

// The most tokens of a sequence that are read in the pass that also drafts; more are read before.
constexpr int kJoint = PassCosts::kMostDrafted + 1;

// The tokens that a draft begins with where every token before it held: the last drafted one, and the known one.
constexpr int kFollowing = 2;

// Of what the drafter is to read: the target's first token and those from `begin` on.
int size_of(const DraftJob& job) { return 1 + job.target->length() - job.state->begin; }
int32_t token_at(const DraftJob& job, int index) {
  return job.target->tokens()[static_cast<size_t>(index == 0 ? 0 : job.state->begin + index - 1)];
}

std::vector<int32_t> tokens_of(const DraftJob& job, int begin, int end) {
  std::vector<int32_t> tokens;
  for (int i = begin; i < end; i++) tokens.push_back(token_at(job, i));
  return tokens;
}

int32_t token_of(mx::array step, size_t job) {
  step.eval();
  return step.data<int32_t>()[job];
}

// Lets constraints go ahead, and come back at the end.
class Ahead {
 public:
  explicit Ahead(std::span<const DraftJob> jobs) {
    for (const auto& job : jobs)
      if (job.constraint) constraints_.push_back(job.constraint);
  }
  ~Ahead() {
    for (auto* constraint : constraints_) constraint->come_back();
  }
  Ahead(const Ahead&) = delete;
  Ahead& operator=(const Ahead&) = delete;

 private:
  std::vector<Constraint*> constraints_;
};

int unread_of(const DraftJob& job) { return size_of(job) - job.state->sequence->length(); }

}  // namespace

DraftModel::DraftModel(std::unique_ptr<Model> model, int vocab, int chunk, int element, int kv_bits,
                       const DevicePolicy& device, int reach, int most)
    : model_(std::move(model)),
      vocab_(vocab),
      chunk_(chunk),
      element_(element),
      kv_bits_(kv_bits),
      device_(device),
      most_(std::min(most, model_->max_positions() - kJoint)) {
  if (model_->max_positions() < kLeastWindow)
    throw Error("bad_config", "its window of " + std::to_string(model_->max_positions()) +
                                  " tokens is too small: a drafter needs " + std::to_string(kLeastWindow) + ".");
  reach_ = std::min(reach, most_ / 2);
}

uint64_t DraftModel::bytes_per_sequence() const {
  uint64_t sum = 0;
  for (const auto& shape : model_->cache_shapes()) {
    int slots = most_ + kJoint;
    if (shape.window) slots = std::min(slots + chunk_, KVCache::most_slots(shape.window, chunk_));
    auto elements = static_cast<uint64_t>(shape.elements) * static_cast<uint64_t>(slots);
    sum += stored_bytes(kv_quantization(kv_bits_, shape.head_dim), elements, static_cast<uint64_t>(element_));
  }
  return sum;
}

void DraftModel::restart(DraftJob& job) const {
  job.state->begin = std::max(1, job.target->length() - reach_);
  job.state->sequence.emplace(model_->new_caches(kv_bits_));
  job.state->sequence->reserve(size_of(job), most_ + kJoint);
}

// Takes back what the sequence did not come to say. -> false if nothing can be drafted
bool DraftModel::prepare(DraftJob& job) const {
  auto& state = *job.state;
  if (!state.sequence || size_of(job) > most_) restart(job);
  int common = 0;
  int most = std::min(state.sequence->length(), size_of(job) - 1);
  while (common < most && state.sequence->tokens()[static_cast<size_t>(common)] == token_at(job, common)) common++;
  if (state.sequence->rewindable(common) == common) {
    if (common < state.sequence->length()) state.sequence->rewind(common);
  } else {
    restart(job);
  }
  // The target may have tokens that this model does not, as those of images: what is behind them is read.
  auto known = [&](int32_t token) { return token < model_->vocab_size(); };
  if (!known(token_at(job, 0)) || !known(job.target->tokens().back())) return false;
  for (int i = size_of(job) - 1; i >= std::max(1, state.sequence->length()); i--) {
    if (known(token_at(job, i))) continue;
    state.begin += i;
    state.sequence.emplace(model_->new_caches(kv_bits_));
    break;
  }
  return true;
}

int DraftModel::unread(const DraftState& state, const Sequence& target) const {
  int size = 1 + target.length() - state.begin;
  int unread =
      !state.sequence || size > most_ ? 1 + std::min(target.length(), reach_) : size - state.sequence->length();
  return std::max(0, unread - kFollowing);
}

// Reads a chunk, but for the last tokens, which are read as the draft begins. -> the tokens
int DraftModel::read_ahead(DraftJob& job) {
  auto& sequence = *job.state->sequence;
  int begin = sequence.length();
  auto part = tokens_of(job, begin, std::min(begin + chunk_, size_of(job) - kJoint));
  Segment segment{&sequence.caches(), static_cast<int>(part.size())};
  model_->forward(to_array(part), {&segment, 1});
  evaluate(sequence.caches(), true);
  sequence.extended_by(part);
  return static_cast<int>(part.size());
}

// What each job drafts in this step. A mask depends on what was drafted before it, which is read then.
mx::array DraftModel::likeliest(const mx::array& hidden, std::span<DraftJob> jobs,
                                const std::vector<mx::array>& steps) const {
  auto logits = model_->logits(hidden);
  auto plain = [&] { return mx::astype(mx::argmax(logits, -1), mx::int32); };
  auto vocab = static_cast<size_t>(std::max(vocab_, model_->vocab_size()));
  Sampler greedy({.temperature = 0}, {}, device_);
  std::vector<Draw> draws;
  bool masks = false;
  for (size_t i = 0; i < jobs.size(); i++) {
    auto*& constraint = jobs[i].constraint;
    if (constraint && !steps.empty() && !constraint->go_ahead(token_of(steps.back(), i))) constraint = nullptr;
    std::vector<uint32_t> allowed;
    if (constraint) allowed.resize((vocab + 31) / 32);
    if (constraint && !constraint->fill(allowed)) allowed.clear();
    masks = masks || !allowed.empty();
    draws.push_back({&greedy, std::move(allowed)});
  }
  if (!masks) return plain();
  // Of logits that are not numbers there is no largest.
  return mx::maximum(draw(logits, draws, device_), mx::array(0));
}

Drafter::Took DraftModel::draft(std::span<DraftJob> all) {
  Took took;
  auto started = std::chrono::steady_clock::now();
  // Whoever else generates waits for it: no more than a chunk is read at a time.
  auto ready = [&](DraftJob& job) {
    if (!prepare(job)) return false;
    if (unread_of(job) > kJoint && took.read == 0) took.read = read_ahead(job);
    job.reads = unread_of(job) > kJoint;
    return !job.reads;
  };
  auto others = std::ranges::partition(all, ready);
  took.read_seconds = seconds_since(started);
  auto jobs = all.first(all.size() - others.size());
  if (jobs.empty()) return took;
  // Those that draft longest come first, so that those of each step are the first ones.
  std::ranges::sort(jobs, std::greater{}, &DraftJob::count);
  started = std::chrono::steady_clock::now();
  std::vector<int32_t> inputs;
  std::vector<int32_t> last_rows;
  std::vector<Segment> segments;
  for (auto& job : jobs) {
    auto rest = tokens_of(job, job.state->sequence->length(), size_of(job));
    segments.push_back({&job.state->sequence->caches(), static_cast<int>(rest.size())});
    inputs.insert(inputs.end(), rest.begin(), rest.end());
    last_rows.push_back(static_cast<int32_t>(inputs.size()) - 1);
    job.state->sequence->extended_by(rest);
  }
  // Every step is computed from the one before; they are read together.
  auto hidden = mx::take(model_->forward(to_array(inputs), segments), to_array(last_rows), 0);
  Ahead ahead(jobs);
  std::vector<mx::array> steps;
  for (int step = 0; step < jobs[0].count; step++) {
    auto going = going_at(jobs, step);
    if (step > 0) {
      auto previous = mx::slice(steps.back(), {0}, {static_cast<int>(going)});
      segments.resize(going);
      for (auto& segment : segments) segment.length = 1;
      hidden = model_->forward(previous, segments);
    }
    steps.push_back(likeliest(hidden, jobs.first(going), steps));
  }
  hand_out(jobs, steps);
  for (auto& job : jobs) {
    // The last token is not in its caches.
    job.state->sequence->extended_by(std::span(job.draft).first(job.draft.size() - 1));
    auto foreign = std::ranges::find_if(job.draft, [&](int32_t token) { return token >= vocab_; });
    job.draft.erase(foreign, job.draft.end());
  }
  took.steps = jobs[0].count;
  took.seconds = seconds_since(started);
  return took;
}

}  // namespace tether
