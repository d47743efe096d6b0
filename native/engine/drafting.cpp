// Drafts of several tokens, which one pass verifies: what is planned, and what of it holds.
//
// Each row is drawn as it would be without a draft, by the same sampler, mask and constraint in the same order, and the
// draft holds as far as it is what was drawn. So an answer is the same with drafts and without, token by token where it
// is greedy or seeded and in its distribution else. (Leviathan et al. 2023 accept more of a draft that has odds of its
// own; here it has none.)
#include <algorithm>
#include <utility>

#include "engine/batch.h"

namespace tether {
namespace {

// How fast what was seen of forced drafts counts.
constexpr double kQuick = 0.2;

mx::array rows_of(const mx::array& logits, int begin, int end) {
  return mx::slice(logits, {begin, 0}, {end, logits.shape(1)});
}

}  // namespace

// The most tokens that may be drafted behind a known one: what is verified may be the answer's end, but not beyond, and
// the end of a block, where what a start there needs is kept.
int Batch::most_drafted(const Live& live) const {
  int left = live.limit - live.finish.output_tokens - 1;
  int block = loaded_.prefixes.tokens_to_end(live.cursor, live.sequence.length());
  return std::min({PassCosts::kMostDrafted, left, block, loaded_.info.prefill_chunk - 1});
}

// Whether a token that is not read yet is worth waiting for, since a draft goes on behind it.
bool Batch::drafts_on(const Live& live) const {
  if (!live.lookup || !live.lookup->matches() || live.discouraged()) return false;
  auto odds = [&](int ahead) { return live.lookup->odds(ahead); };
  return loaded_.costs->worth(1, 1, odds, most_drafted(live)) > 1;
}

void Batch::plan_drafts(const std::vector<Live*>& fed) {
  auto rows = static_cast<int>(fed.size());
  double tokens = rows;
  int left = PassCosts::kMostDrafted;
  for (auto* live : fed) {
    live->draft.clear();
    if (!live->lookup || !std::holds_alternative<Known>(live->next) || live->discouraged()) continue;
    int most = std::min(left, most_drafted(*live));
    if (most <= 0) continue;
    auto forced = live->is_held() ? live->constraint()->forced() : std::vector<int32_t>{};
    live->draft_is_forced = !forced.empty();
    if (!forced.empty()) most = std::min(most, static_cast<int>(forced.size()));
    auto odds = [&](int ahead) { return live->draft_is_forced ? live->forced_odds : live->lookup->odds(ahead); };
    if (forced.empty() && !live->lookup->matches()) continue;
    int count = loaded_.costs->tries(rows, tokens, odds, most);
    if (count == 0) continue;
    live->draft = forced.empty() ? live->lookup->draft(count) : std::move(forced);
    live->draft.resize(static_cast<size_t>(count));
    rows += count;
    tokens += count;
    left -= count;
  }
}

// Takes the sequences with drafts out of `fed`. Adds what they need of this pass to `computed`. -> the logits of the
// others, a row for each
mx::array Batch::set_drafted_apart(std::vector<Live*>& fed, const mx::array& logits, std::vector<mx::array>& computed) {
  bool all_plain = true;
  std::vector<mx::array> rest;
  std::vector<Live*> others;
  int row = 0;
  std::optional<mx::array> largest;
  for (auto* live : fed) {
    if (live->draft.empty()) {
      rest.push_back(rows_of(logits, row, row + 1));
      others.push_back(live);
    } else {
      bool plain = live->draws_plainly();
      all_plain = all_plain && plain;
      if (plain && !largest) largest = draw_largest(logits);
      live->free_draw.reset();
      live->next = Drafted{.logits = logits, .row = row, .largest = plain ? largest : std::nullopt};
    }
    row += 1 + static_cast<int>(live->draft.size());
  }
  if (others.size() == fed.size()) return logits;
  computed.push_back(all_plain ? *largest : logits);
  if (!all_plain && largest) computed.push_back(*largest);
  fed = std::move(others);
  if (rest.empty()) return logits;
  return rest.size() == 1 ? rest[0] : mx::concatenate(rest, 0);
}

// Draws what follows each token that was fed, as long as the draft says the same.
void Batch::verify(Live& live) {
  auto pass = std::move(std::get<Drafted>(live.next));
  auto draft = std::exchange(live.draft, {});
  done_.drafted_tokens += static_cast<int>(draft.size());
  live.finish.drafted_tokens += static_cast<int>(draft.size());
  for (size_t held = 0;; held++) {
    int row = pass.row + static_cast<int>(held);
    int32_t token = pass.largest ? DrawnToken{*pass.largest, row}.read() : draw_at(live, pass.logits, row);
    if (live.ended) return;
    bool holds = held < draft.size() && token == draft[held];
    if (holds) {
      done_.accepted_tokens++;
      live.finish.accepted_tokens++;
    }
    if (held < draft.size() && live.draft_is_forced) live.forced_odds += kQuick * ((holds ? 1 : 0) - live.forced_odds);
    live.next = Known{token};
    accept(live, token);
    if (live.ended) return;
    // What was drawn plainly was not held to what is known only now.
    if (!holds || (pass.largest && live.discouraged())) break;
    live.sequence.extended_by({&token, 1});
  }
  live.sequence.settle();
}

// Draws from one row by all that a draw depends on. A mask that fails ends the request.
int32_t Batch::draw_at(Live& live, const mx::array& logits, int row) {
  Draw one{.sampler = &live.sampler, .allowed = allowed_next(live, logits, row), .discouraged = live.discouraged()};
  if (live.ended) return 0;
  auto drawn = draw(rows_of(logits, row, row + 1), {&one, 1});
  if (live.removed)
    mx::eval(drawn, *live.removed);
  else
    mx::eval(drawn);
  return *drawn.data<int32_t>();
}

}  // namespace tether
