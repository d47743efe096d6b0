// The live requests, and the forward passes that advance all of them together.
#pragma once

#include <array>
#include <functional>
#include <list>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/live.h"
#include "engine/loading.h"
#include "engine/types.h"

namespace tether {

// Invariants:
//  - a live sequence holds exactly the tokens that its caches hold, also between the dispatch of a pass and its end;
//  - a prompt is prefilled in chunks up to its last token; then the sequence is fed one token a pass, beginning with
//    that last one, and draws the next; drafts of what may follow are fed with it, and what is drawn otherwise is taken
//    back before the pass ends;
//  - what a request has computed goes to the prefix cache when it ends, unless it failed.
// Engine thread only.
class Batch {
 public:
  explicit Batch(Loaded& loaded) : loaded_(loaded) {}

  // Starts a request (admission.cpp). -> false if it has to wait for memory or a place until another ends; then, and
  // when it throws, nothing has changed. Throws Error("invalid_request" | "prompt_too_long" | "not_enough_memory" |
  // "memory_in_use") if the request can never run.
  bool start(Submitted& submitted);

  // Ends cancelled requests, then computes a chunk of one prompt and a token of each sequence that decodes. A fault
  // ends the requests that took part in what failed, with a Failure, and no others.
  void pass();

  size_t size() const { return live_.size(); }
  // The live requests of a client.
  size_t size(std::string_view client) const;
  bool empty() const { return live_.empty(); }

  // Of the oldest prompt that is being prefilled.
  PrefillProgress prefill() const;
  std::vector<Running> running() const;
  // Bytes of the keys and values of the live requests.
  uint64_t kv_bytes() const;
  // Gives other engines the prefixes that they need the memory of.
  void give_up() { loaded_.prefixes.give_up(); }

  // The most bytes that may be in use until the live requests have ended, by MLX's count.
  uint64_t reserved_bytes() const;

  // What the last pass did, for rates.
  struct Done {
    int prompt_tokens = 0;
    int output_tokens = 0;
    std::array<DraftCount, kDraftSources> drafts{};  // by DraftSource
    int steps = 0;                                   // sequences that were fed a token to generate
    double model_seconds = 0;                        // building and evaluating what the model and the sampler compute
  };
  const Done& done() const { return done_; }

 private:
  // A live request that is about to prefill the first `shared` tokens of another's prompt.
  struct Leader {
    Live* live;
    int shared;
  };

  // What a pass has computed, a row for each token that it was fed.
  struct Computed {
    mx::array hidden;  // (rows, hidden)
    mx::array logits;  // (rows, vocab)
  };

  void check(const GenerateRequest& request) const;
  uint64_t in_use(uint64_t tokens) const;
  uint64_t firm(uint64_t tokens) const;
  bool fits(uint64_t bytes, uint64_t tokens) const;
  void settle();
  void make_room();
  std::optional<Leader> find_leader(const GenerateRequest& request);
  PrefixCache::Match find_prefix(const GenerateRequest& request) const;
  void begin(Live& live, const PrefixCache::Match& match);
  void start_prefill(Live& live, const BlockStore::Start& stored);
  bool advance_restores();
  void wait_for_others();
  void release_followers();

  Live* next_prefill();
  void share_out(const Live& live, int tokens);
  void dispatch_chunk(Live& live);
  void collect_chunk(Live& live);

  std::vector<Live*> decoding();
  std::vector<uint32_t> allowed_next(Live& live, const mx::array& logits, int row);
  void dispatch();
  std::vector<Live*> feed();
  void draw_next(const std::vector<Live*>& fed, const mx::array& logits, std::vector<mx::array>& computed);

  // Drafts: drafting.cpp.
  bool can_draft(const Live& live) const;
  int most_drafted(const Live& live) const;
  bool drafts_on(const Live& live) const;
  void plan_drafts(const std::vector<Live*>& fed);
  int plan_draft(Live& live, const PassCosts::Plan& plan, int most);
  int plan_drafter(const Live& live, const PassCosts::Plan& plan, int most) const;
  double drafter_try(const Live& live, const PassCosts::Plan& plan) const;
  void ask_drafter(std::vector<DraftJob>& jobs, const std::vector<Live*>& askers);
  mx::array set_drafted_apart(std::vector<Live*>& fed, const Computed& pass, std::vector<mx::array>& computed);
  void keep_hidden(Live& live, const mx::array& hidden, int row) const;
  void verify(Live& live);
  void note_draft(Live& live, bool holds);
  int32_t draw_at(Live& live, const mx::array& logits, int row);

  void draw_again(Live& live);
  void collect();
  void read_pending(Live& live);
  void accept(Live& live, int32_t token);

  void guard(const std::vector<Live*>& part, const std::function<void()>& work);
  void end(Live& live, FinishReason reason);
  void fail_unheld(Live& live);
  void fail(Live& live, const std::exception& error);
  void remove_ended();

  Loaded& loaded_;
  std::list<Live> live_;        // in order of arrival
  std::vector<int32_t> chunk_;  // the prompt tokens that the pass computes
  Done done_;
  size_t passes_ = 0;
  DraftRecord drafter_record_;  // of all answers
};

// What an exception is to the request that it ends.
Failure to_failure(const std::exception& error);

}  // namespace tether
