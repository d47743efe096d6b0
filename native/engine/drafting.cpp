// Drafts of several tokens, which one pass verifies: what is planned, and what of it holds.
//
// Each row is drawn as it would be without a draft, by the same sampler, mask and constraint in the same order, and the
// draft holds as far as it is what was drawn. So an answer is the same with drafts and without, token by token where it
// is greedy or seeded and in its distribution else. (Leviathan et al. 2023 accept more of a draft that has odds of its
// own; here it has none.)
#include <algorithm>
#include <utility>

#include "engine/batch.h"
#include "engine/rate.h"

namespace tether {
namespace {

// Tokens of an answer before a drafter is asked for the first time.
constexpr int kFirstDrafted = 8;
// What a drafter that was not right lately is tried with: how many tokens, and if it paid with which odds.
constexpr int kTried = 2;
constexpr double kGoodOdds = 0.9;
// How much too slow a drafter may seem to be because something disturbed it when it was measured.
constexpr double kDisturbed = 4;

}  // namespace

bool Batch::can_draft(const Live& live) const { return loaded_.costs && !live.discouraged(); }

// The most tokens that may be drafted behind a known one: what is verified may be the answer's end, but not beyond, and
// the end of a block, where what a start there needs is kept.
int Batch::most_drafted(const Live& live) const {
  int left = live.limit - live.finish.output_tokens - 1;
  int block = loaded_.prefixes.tokens_to_end(live.cursor, live.sequence.length());
  return std::min({PassCosts::kMostDrafted, left, block, loaded_.info.prefill_chunk - 1});
}

// Whether a token that is not read yet is worth waiting for, since a draft goes on behind it.
bool Batch::drafts_on(const Live& live) const {
  if (!can_draft(live)) return false;
  int most = most_drafted(live);
  auto odds = [&](int ahead) { return live.lookup->odds(ahead); };
  if (live.lookup && live.lookup->matches() && loaded_.costs->worth({.rows = 1, .tokens = 1}, odds, most) > 1)
    return true;
  int count = plan_drafter(live, {.rows = 1, .tokens = 1}, most);
  return count > 1 || (count > 0 && live.drafter->record.is_due(0));
}

void Batch::plan_drafts(const std::vector<Live*>& fed) {
  PassCosts::Plan plan{.rows = static_cast<int>(fed.size()), .tokens = static_cast<double>(fed.size())};
  int left = PassCosts::kMostDrafted;
  std::vector<DraftJob> jobs;
  std::vector<Live*> askers;
  for (auto* live : fed) {
    live->draft.clear();
    if (live->drafter) {
      live->drafter->record.passed();
      drafter_record_.passed();
    }
    if (!can_draft(*live) || !std::holds_alternative<Known>(live->next)) continue;
    int most = std::min(left, most_drafted(*live));
    int count = most > 0 ? plan_draft(*live, plan, most) : 0;
    if (count == 0) continue;
    if (live->draft_source == DraftSource::drafter) {
      jobs.push_back({.state = live->drafter.get(),
                      .target = &live->sequence,
                      .count = count,
                      .constraint = live->is_held() ? live->constraint() : nullptr});
      askers.push_back(live);
      plan.steps = std::max(plan.steps, count);
    }
    plan.rows += count;
    plan.tokens += count;
    left -= count;
  }
  if (!jobs.empty())
    ask_drafter(jobs, askers);
  else if (loaded_.costs)
    loaded_.costs->saw_no_steps();
}

// Chooses what is drafted from; what a drafter is to draft, it is asked later, for all sequences at once. -> the tokens
int Batch::plan_draft(Live& live, const PassCosts::Plan& plan, int most) {
  auto take = [&](DraftSource source, std::vector<int32_t> draft, int count) {
    live.draft_source = source;
    live.draft = std::move(draft);
    if (count < static_cast<int>(live.draft.size())) live.draft.resize(static_cast<size_t>(count));
    return count;
  };
  auto forced = live.is_held() ? live.constraint()->forced() : std::vector<int32_t>{};
  if (!forced.empty()) {
    auto odds = [&](int) { return live.forced_odds(); };
    int count = loaded_.costs->tries(plan, odds, std::min(most, static_cast<int>(forced.size())));
    return take(DraftSource::forced, std::move(forced), count);
  }
  bool matches = live.lookup && live.lookup->matches();
  int count = plan_drafter(live, plan, most);
  auto is_better = [&] {
    double known = live.lookup->odds(0);
    const auto& record = live.drafter->record;
    return known < record.odds() || (known < kGoodOdds && record.is_due(drafter_try(live, plan)));
  };
  if (count > 0 && (!matches || is_better())) return take(DraftSource::drafter, {}, count);
  if (!matches) return 0;
  count = loaded_.costs->tries(plan, [&](int ahead) { return live.lookup->odds(ahead); }, most);
  return take(DraftSource::lookup, live.lookup->draft(count), count);
}

// How many tokens a drafter is to draft. It begins when an answer has begun, since it first reads what was said.
int Batch::plan_drafter(const Live& live, const PassCosts::Plan& plan, int most) const {
  if (!live.drafter || live.finish.output_tokens < kFirstDrafted) return 0;
  const auto& record = live.drafter->record;
  if (loaded_.drafter->wants_hidden() && !live.drafter->hidden) return 0;
  const auto& costs = *loaded_.costs;
  int count = costs.worth(plan, [&](int) { return record.odds(); }, most, costs.step());
  double reading = costs.read() * loaded_.drafter->unread(*live.drafter, live.sequence);
  double saved = count > 0 ? costs.saved(plan, record.odds(), count) : 0;
  if (count > 0 && record.pays(reading, saved, live.finish.output_tokens)) return count;
  if (!record.is_due(drafter_try(live, plan))) return 0;
  return std::min(kTried, costs.worth(plan, [](int) { return kGoodOdds; }, most, costs.step() / kDisturbed));
}

// What it costs to try the drafter.
double Batch::drafter_try(const Live& live, const PassCosts::Plan& plan) const {
  const auto& costs = *loaded_.costs;
  double reading = costs.read() * loaded_.drafter->unread(*live.drafter, live.sequence);
  return reading + kTried * costs.step() + costs.cost(plan.rows + kTried) - costs.cost(plan.rows);
}

// A drafter that fails is not asked again for these sequences: they go on without it.
void Batch::ask_drafter(std::vector<DraftJob>& jobs, const std::vector<Live*>& askers) {
  double started = thread_seconds();
  bool behind = false;
  for (auto* live : askers) {
    if (loaded_.drafter->unread(*live->drafter, live->sequence) == 0) continue;
    live->drafter->record.reads();
    behind = true;
  }
  try {
    auto took = loaded_.drafter->draft(jobs);
    // Where something was read with the first step, that took longer.
    if (!behind) loaded_.costs->saw_steps(took.steps, took.seconds);
    loaded_.costs->saw_read(took.read, took.read_seconds);
    for (auto* live : askers) {
      auto job = std::ranges::find(jobs, live->drafter.get(), &DraftJob::state);
      live->draft = std::move(job->draft);
      if (job->reads) continue;
      live->drafter->record.asked(live->finish.output_tokens);
      drafter_record_.asked(0);
    }
  } catch (const std::exception&) {
    for (auto* live : askers) live->drafter.reset();
  }
  for (auto* live : askers) fail_unheld(*live);
  done_.model_seconds += thread_seconds() - started;
}

// Takes the sequences with drafts out of `fed`. Adds what they need of this pass to `computed`. -> the logits of the
// others, a row for each
mx::array Batch::set_drafted_apart(std::vector<Live*>& fed, const Computed& pass, std::vector<mx::array>& computed) {
  const auto& logits = pass.logits;
  bool all_plain = true;
  std::vector<int32_t> rest;
  std::vector<Live*> others;
  int row = 0;
  std::optional<mx::array> largest;
  for (auto* live : fed) {
    if (live->draft.empty()) {
      rest.push_back(row);
      keep_hidden(*live, pass.hidden, row);
      others.push_back(live);
    } else {
      bool plain = live->draws_plainly();
      all_plain = all_plain && plain;
      if (plain && !largest) largest = draw_largest(logits, loaded_.device);
      live->free_draw.reset();
      live->next =
          Drafted{.logits = logits, .row = row, .largest = plain ? largest : std::nullopt, .hidden = pass.hidden};
    }
    row += 1 + static_cast<int>(live->draft.size());
  }
  if (others.size() == fed.size()) return logits;
  computed.push_back(all_plain ? *largest : logits);
  if (!all_plain && largest) computed.push_back(*largest);
  fed = std::move(others);
  return rest.empty() ? logits : mx::take(logits, to_array(rest), 0);
}

// Keeps what a drafter needs of the last row that was computed for a sequence.
void Batch::keep_hidden(Live& live, const mx::array& hidden, int row) const {
  if (live.drafter && loaded_.drafter->wants_hidden()) live.drafter->hidden = row_of(hidden, row);
}

// Draws what follows each token that was fed, as long as the draft says the same.
void Batch::verify(Live& live) {
  auto pass = std::move(std::get<Drafted>(live.next));
  auto draft = std::exchange(live.draft, {});
  auto& count = done_.drafts.at(static_cast<size_t>(live.draft_source));
  count.drafted += draft.size();
  live.finish.drafted_tokens += static_cast<int>(draft.size());
  for (size_t held = 0;; held++) {
    int row = pass.row + static_cast<int>(held);
    int32_t token = pass.largest ? DrawnToken{*pass.largest, row}.read() : draw_at(live, pass.logits, row);
    if (live.ended) return;
    bool holds = held < draft.size() && token == draft[held];
    if (holds) {
      count.accepted++;
      live.finish.accepted_tokens++;
    }
    if (held < draft.size()) note_draft(live, holds);
    live.next = Known{token};
    accept(live, token);
    if (live.ended) return;
    // What was drawn plainly was not held to what is known only now.
    if (!holds || (pass.largest && live.discouraged())) {
      keep_hidden(live, pass.hidden, row);
      break;
    }
    live.sequence.extended_by({&token, 1});
  }
  live.sequence.settle();
}

void Batch::note_draft(Live& live, bool holds) {
  if (live.draft_source == DraftSource::forced) live.forced_odds.note(holds);
  if (live.draft_source != DraftSource::drafter || !live.drafter) return;
  live.drafter->record.note(holds);
  drafter_record_.note(holds);
}

// Draws from one row by all that a draw depends on. A mask that fails ends the request.
int32_t Batch::draw_at(Live& live, const mx::array& logits, int row) {
  Draw one{.sampler = &live.sampler, .allowed = allowed_next(live, logits, row), .discouraged = live.discouraged()};
  if (live.ended) return 0;
  auto drawn = draw(row_of(logits, row), {&one, 1}, loaded_.device);
  if (live.removed)
    mx::eval(drawn, *live.removed);
  else
    mx::eval(drawn);
  return *drawn.data<int32_t>();
}

}  // namespace tether
