// The requests that are live, and the forward passes that move all of them on together.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/loading.h"
#include "engine/sampler.h"
#include "engine/sequence.h"
#include "engine/types.h"

namespace tether {

// A request on its way in. The sink gets its tokens as soon as they are known, and then exactly one Finish or Failure.
struct Submitted {
  uint64_t id = 0;
  GenerateRequest request;
  std::function<void(GenerateEvent)> sink;
  std::shared_ptr<std::atomic<bool>> cancelled;
  std::chrono::steady_clock::time_point since;
};

// Invariants:
//  - a live sequence holds exactly the tokens that its caches hold, also between the dispatch of a pass and its end;
//  - a prompt is read in chunks up to its last token; from then on the sequence feeds one token a pass, at first that
//    last one, and draws the next;
//  - what a request has computed goes to the prefix cache when it ends, unless it failed.
// Engine thread only.
class Batch {
 public:
  explicit Batch(Loaded& loaded) : loaded_(loaded) {}

  // Starts a request. -> false if it has to wait for memory or a place until another ends; then `submitted` is as it
  // was. Throws Error("invalid_request" | "prompt_too_long" | "not_enough_memory") if it can never run.
  bool start(Submitted& submitted);

  // Ends what was cancelled, then moves everyone on: a chunk of one prompt and a token of each sequence that decodes.
  // A fault ends those requests that it touches with a Failure, and nobody else.
  void pass();

  size_t size() const { return live_.size(); }
  bool empty() const { return live_.empty(); }

  // Of the prompt that has been read longest.
  PrefillProgress prefill() const;
  // Bytes of the keys and values of the live requests.
  uint64_t kv_bytes() const;
  // Bytes that may be in use at the most until the live requests have ended, by MLX's count.
  uint64_t foreseen_bytes() const;

  // What the last pass did, for rates.
  struct Done {
    int prompt_tokens = 0;
    int output_tokens = 0;
    double model_seconds = 0;  // of this thread's work: building and evaluating what the model and the sampler compute
  };
  const Done& done() const { return done_; }

 private:
  using Clock = std::chrono::steady_clock;

  // A token that is being drawn: one row of a pass's result.
  struct Drawn {
    mx::array tokens;  // (B) int32
    int row;
  };

  struct Live {
    Submitted submitted;
    Sequence sequence;
    Sampler sampler;
    Finish finish;
    int limit;               // tokens that it may generate
    uint64_t memory;         // bytes that are set aside for it
    std::vector<int> stops;  // lengths at which other prompts part from this one, ascending
    int passed_over = 0;
    // While another request computes a prefix of this prompt, this one waits for it to get that far.
    std::optional<uint64_t> leader = std::nullopt;
    int shared = 0;  // tokens that it waits for
    // The token that is fed next: known, or still being drawn.
    std::optional<int32_t> known = std::nullopt;
    std::optional<Drawn> drawn = std::nullopt;
    std::optional<Drawn> unread = std::nullopt;  // what was fed before it was read
    Clock::time_point started;
    Clock::time_point decoding;
    bool ended = false;

    std::span<const int32_t> prompt() const { return submitted.request.prompt; }
    // Tokens of the prompt that are read in chunks: all but the last.
    int body() const { return static_cast<int>(prompt().size()) - 1; }
    bool reading() const { return !leader && sequence.length() < body(); }
    bool decoding_now() const { return !leader && sequence.length() >= body(); }
    // Tokens to be computed until its first one can be drawn.
    int remaining() const { return leader ? body() : body() - sequence.length(); }
  };

  // A live request that is about to compute the first `shared` tokens of another's prompt.
  struct Leader {
    Live* live;
    int shared;
  };

  void check(const GenerateRequest& request) const;
  uint64_t in_use(uint64_t tokens) const;
  // Whether a request of `bytes` fits beside those that are live, once prefixes make room. Throws if it can never fit.
  bool fits(uint64_t bytes, uint64_t tokens) const;
  // Forgets prefixes until the live requests fit beside the others.
  void make_room();
  std::optional<Leader> find_leader(std::span<const int32_t> prompt);
  void follow(Live& live, const Leader& leader);
  void add_stop(Live& live, int length);
  PrefixCache::Match find_prefix(std::span<const int32_t> prompt) const;
  void begin(Live& live, int branch);
  void release_followers();

  Live* reader();
  void begin_chunk(Live& live);
  void end_chunk(Live& live);

  std::vector<Live*> decoding();
  static mx::array inputs(std::span<Live* const> live);
  bool ask_mask(Live& live, std::vector<uint32_t>& allowed);
  void feed();
  void read();
  void read_drawn(Live& live);
  static int32_t value(Drawn drawn);
  void take(Live& live, int32_t token);

  void guard(const std::vector<Live*>& part, const std::function<void()>& work);
  void end(Live& live, FinishReason reason);
  void fail(Live& live, const std::exception& error);
  void remove_ended();

  Loaded& loaded_;
  std::list<Live> live_;  // in the order in which they came
  // Of the pass that runs: the tokens of the chunk, and the sequences that were fed one.
  std::vector<int32_t> chunk_;
  std::vector<Live*> fed_;
  Done done_;
  size_t passes_ = 0;
};

// What an exception says to whoever asked.
Failure to_failure(const std::exception& error);

}  // namespace tether
