// One live request: its sequence, its sampler, and the token that its sequence is fed next.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "engine/cache/restore.h"
#include "engine/drafter.h"
#include "engine/lookup.h"
#include "engine/loop_guard.h"
#include "engine/odds.h"
#include "engine/sampler.h"
#include "engine/sequence.h"
#include "engine/types.h"

namespace tether {

// A request that has not started. The sink gets its tokens as soon as they are known, and then exactly one Finish or
// Failure.
struct Submitted {
  uint64_t id = 0;
  GenerateRequest request;
  std::function<void(GenerateEvent)> sink;
  std::shared_ptr<std::atomic<bool>> cancelled;
  std::chrono::steady_clock::time_point since;
};

// A token that a pass has drawn: one row of its result, perhaps still being computed.
struct DrawnToken {
  mx::array tokens;  // (B) int32
  int row;

  // Waits for the pass.
  int32_t read() const;
};

// The token that a sequence is fed next. Where tokens are dispatched ahead, a drawn token is fed before it is read: it
// is in flight until the end of that pass, and the token that the pass draws is pending.
struct Known {
  int32_t token;
};
struct Pending {
  DrawnToken drawn;
};
struct InFlight {
  DrawnToken fed;
  DrawnToken drawn;
};
// A pass was fed a known token and drafts of those behind it. What follows each of them is drawn at the pass's end.
struct Drafted {
  mx::array logits;  // (rows, vocab): of the whole pass
  int row;           // of the known token
  // (rows) int32: what is drawn, if that needs nothing but the logits.
  std::optional<mx::array> largest;
  mx::array hidden;  // (rows, hidden): of the whole pass
};
using NextToken =
    std::variant<std::monostate, Known, Pending, InFlight, Drafted>;  // monostate: the prompt is being prefilled

// What a token was drawn from without its constraint, which may turn out to hold once the token before is read.
struct Drawable {
  mx::array logits;  // (1, vocab)
  Sampler sampler;   // as it was before
};

struct Live {
  using Clock = std::chrono::steady_clock;

  Submitted submitted;
  Sequence sequence;
  BlockStore::Cursor cursor;       // what of the sequence is in the block store
  std::optional<Restore> restore;  // while blocks are read, in place of the prefill of their tokens
  Sampler sampler;
  Finish finish;
  int limit;                      // tokens that it may generate
  uint64_t reserved;              // bytes
  std::vector<int> fork_points;   // lengths at which other prompts diverge from this one, ascending
  std::vector<int> likely_forks;  // and at which later ones are likely to: for the block store alone
  int passed_over = 0;            // as in PendingPrefill
  int lag = 0;                    // the same; all live requests of a client have the same
  // The request that prefills the first `shared` tokens of this prompt; this one waits until it has.
  std::optional<uint64_t> leader = std::nullopt;
  int shared = 0;
  NextToken next;
  std::unique_ptr<LoopGuard> loop_guard = nullptr;   // unset: it may repeat itself
  std::unique_ptr<Lookup> lookup = nullptr;          // unset: nothing is drafted from what was said
  std::unique_ptr<DraftState> drafter = nullptr;     // unset: nor by a second model
  std::vector<int32_t> draft = {};                   // what its next pass is fed behind the known token
  DraftSource draft_source = DraftSource::lookup;    // where it comes from
  Odds forced_odds{0.8, 5, 4.5};                     // of drafts of the constraint, the last five or so
  std::optional<Drawable> free_draw = std::nullopt;  // of the token that is pending
  std::optional<mx::array> removed = std::nullopt;   // (1): Constrained::removed so far
  Clock::time_point started;
  Clock::time_point decode_started;  // when the first token was known
  bool ended = false;

  const std::string& client() const { return submitted.request.client; }
  int adapter() const { return submitted.request.adapter; }
  std::span<const int32_t> prompt() const { return submitted.request.prompt; }
  // Tokens of the prompt that are read in chunks: all but the last.
  int prefill_length() const { return static_cast<int>(prompt().size()) - 1; }
  bool waits() const { return leader || restore; }
  bool is_prefilling() const { return !waits() && sequence.length() < prefill_length(); }
  bool is_decoding() const { return !waits() && sequence.length() >= prefill_length(); }
  // Tokens to compute before its first token can be drawn.
  int remaining() const { return leader ? prefill_length() : prefill_length() - sequence.length(); }
  // Lengths at which other prompts may start from this one, ascending.
  std::vector<int> ends() const;
  // Whether the token that is pending is the last that it may generate.
  bool is_last_pending() const { return std::holds_alternative<Pending>(next) && finish.output_tokens + 1 >= limit; }

  // The token that is not to be drawn next, if that can be helped.
  std::optional<int32_t> discouraged() const {
    // A token that is not read yet was drawn as the one before was.
    return loop_guard ? loop_guard->discouraged(std::holds_alternative<Pending>(next) ? 2 : 1) : std::nullopt;
  }

  // Whether its constraint decides what is drawn next, and whether it is not there yet.
  bool is_held() const { return constraint() && constraint()->holds(); }
  bool awaits_constraint() const { return constraint() && !constraint()->is_ready(); }
  Constraint* constraint() const { return submitted.request.constraint.get(); }

  void add_fork_point(int length);
  // The end of the chunk that begins where the sequence ends.
  int chunk_end(int chunk) const;
  // Whether a draw takes the largest logit and nothing else.
  bool draws_plainly() const { return sampler.plain() && !submitted.request.mask && !constraint() && !discouraged(); }
  // Notes that a pass was fed the next token and has drawn the one after it.
  void dispatched(DrawnToken drawn);
};

mx::array to_array(std::span<const int32_t> tokens);

// The next tokens of sequences that decode, each with its draft behind it, (rows), in their order.
mx::array input_tokens(std::span<Live* const> live);

}  // namespace tether
