// Grammars over a model's tokens, compiled on a thread of their own. Behind this header is xgrammar.
#include "grammar/grammar.h"

#include <xgrammar/xgrammar.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include "error.h"
#include "grammar/masks.h"
#include "grammar/spelling.h"
#include "grammar/xgrammar_log.h"

namespace tether {
namespace {

using Clock = std::chrono::steady_clock;

// A conversation has one list of tools, its helpers another; a grammar of 30 tools has some megabytes.
constexpr size_t kKept = 16;
// That compute one grammar's masks. It takes a fraction of a second, while a prompt is read on all of them.
constexpr unsigned kMostThreads = 4;
// A grammar is given out with all its masks, or after this time; the rest follow, up to these bounds.
constexpr std::chrono::milliseconds kLongestWait{400};
constexpr std::chrono::seconds kLongest{2};
constexpr size_t kMostMaskBytes = size_t{64} << 20U;
// Masks of rules that grammars have in common, such as a string's: for the next list of tools.
constexpr size_t kSharedBytes = size_t{64} << 20U;

}  // namespace

struct CompiledGrammar {
  xgrammar::CompiledGrammar grammar;
  xgrammar::TokenizerInfo vocabulary;
  std::shared_ptr<const Spelling> spelling;
  std::vector<std::string> warnings;
};

const std::vector<std::string>& warnings_of(const CompiledGrammar& grammar) { return grammar.warnings; }

struct Grammars::Impl {
  using Result = GrammarWish::Result;
  struct Job {
    std::string source;
    std::promise<GrammarPtr> result;
    std::weak_ptr<const Result> wish;
    std::function<void()> done;  // in place of a source
  };
  struct Known {
    std::string source;
    std::weak_ptr<const Result> wish;
    std::shared_ptr<const Result> kept;  // once it is compiled
    size_t bytes = 0;                    // that its masks take or may take
  };

  Impl(GrammarVocabulary given, size_t most_bytes)
      : most_kept_bytes(most_bytes), vocabulary(std::move(given)), thread([this] { loop(); }) {}

  void loop() {
    for (;;) {
      std::unique_lock lock(mutex);
      wake.wait(lock, [this] { return closing || !jobs.empty() || !unfinished.empty(); });
      if (closing) {
        lock.unlock();
        return give_up();
      }
      if (jobs.empty()) {
        lock.unlock();
        go_on();
        continue;
      }
      auto job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      if (job.done)
        job.done();
      else
        run(job);
    }
  }

  // What was asked for and is not compiled gets a broken promise, and who waits for it is called.
  void give_up() {
    for (auto& job : jobs) job.result = {};
    for (auto& job : jobs)
      if (job.done) job.done();
  }

  void run(Job& job) {
    if (job.wish.expired()) return;
    try {
      take_grammar_warnings();
      auto grammar = prepared().CompileStructuralTag(job.source);
      auto warnings = take_grammar_warnings();
      auto started = Clock::now();
      auto masks = std::make_unique<Masks>(grammar);
      bool all = compute(*masks, [&] { return !job.wish.expired() && Clock::now() - started < kLongestWait; });
      if (!keep(job, all ? masks->bytes() : kMostMaskBytes)) return;
      job.result.set_value(
          std::make_shared<const CompiledGrammar>(grammar, grammar.GetTokenizerInfo(), spelling, warnings));
      if (!all) unfinished.push_back(std::move(masks));
    } catch (const Error&) {
      if (keep(job)) job.result.set_exception(std::current_exception());
    } catch (const std::exception& error) {
      if (keep(job)) job.result.set_exception(std::make_exception_ptr(Error("invalid_request", error.what())));
    }
  }

  // Goes on with the masks of the oldest grammar that lacks some, once.
  void go_on() {
    auto masks = std::move(unfinished.front());
    unfinished.pop_front();
    auto started = Clock::now();
    try {
      compute(*masks, [&] { return !is_awaited() && Clock::now() - started < kLongest; });
    } catch (const std::exception&) {
      return;  // A matcher that comes there meets the same fault, and says so.
    }
  }

  bool compute(Masks& masks, const std::function<bool()>& goes_on) {
    auto threads = std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads);
    return masks.compute(threads, kMostMaskBytes, [&] { return !is_closing() && goes_on(); });
  }

  bool is_closing() {
    std::scoped_lock lock(mutex);
    return closing;
  }

  bool is_awaited() {
    std::scoped_lock lock(mutex);
    return !jobs.empty();
  }

  // From now on it stays, whoever lets go of it, in the place of others. false: nobody has waited for it, or nobody may
  // any longer.
  bool keep(const Job& job, size_t bytes = 0) {
    std::scoped_lock lock(mutex);
    auto wish = job.wish.lock();
    if (!wish || closing) return false;
    compiled++;
    size_t sum = bytes;
    for (auto& one : known) {
      if (one.wish.lock() == wish) {
        one.kept = wish;
        one.bytes = bytes;
      } else if (one.kept) {
        sum += one.bytes;
        if (sum > most_kept_bytes) one.kept = nullptr;
      }
    }
    return true;
  }

  // Sorting a large vocabulary takes as long as compiling, so it is done once, and here.
  xgrammar::GrammarCompiler& prepared() {
    if (!compiler) {
      spelling = std::make_shared<const Spelling>(std::move(vocabulary));
      xgrammar::TokenizerInfo info(spelling->grammar_tokens(), xgrammar::VocabType::RAW, std::nullopt,
                                   spelling->stop_tokens());
      // Of its limit a third is for the masks of rules. It computes none itself.
      compiler.emplace(info, 1, true, 3 * int64_t{kSharedBytes}, true);
    }
    return *compiler;
  }

  std::mutex mutex;  // guards the next ones, up to vocabulary
  std::condition_variable wake;
  std::deque<Job> jobs;
  std::list<Known> known;  // the last one used first
  bool closing = false;
  size_t compiled = 0;

  const size_t most_kept_bytes;

  // Of the thread.
  GrammarVocabulary vocabulary;  // until its first compilation
  std::optional<xgrammar::GrammarCompiler> compiler;
  std::shared_ptr<const Spelling> spelling;
  std::deque<std::unique_ptr<Masks>> unfinished;
  std::thread thread;
};

Grammars::Grammars(GrammarVocabulary vocabulary, size_t most_kept_bytes)
    : impl_(std::make_unique<Impl>(std::move(vocabulary), most_kept_bytes)) {}

Grammars::~Grammars() {
  {
    std::scoped_lock lock(impl_->mutex);
    impl_->closing = true;
  }
  impl_->wake.notify_one();
  impl_->thread.join();
}

GrammarWish Grammars::compile(const std::string& source) {
  std::scoped_lock lock(impl_->mutex);
  auto& known = impl_->known;
  auto found = std::ranges::find(known, source, &Impl::Known::source);
  if (found != known.end()) {
    known.splice(known.begin(), known, found);
    if (auto wish = found->wish.lock()) return GrammarWish(std::move(wish));
    known.pop_front();
  }
  Impl::Job job{.source = source, .result = {}, .wish = {}, .done = nullptr};
  auto wish = std::make_shared<const Impl::Result>(job.result.get_future());
  job.wish = wish;
  known.push_front({.source = source, .wish = wish, .kept = nullptr});
  if (known.size() > kKept) known.pop_back();
  impl_->jobs.push_back(std::move(job));
  impl_->wake.notify_one();
  return GrammarWish(std::move(wish));
}

size_t Grammars::compiled() const {
  std::scoped_lock lock(impl_->mutex);
  return impl_->compiled;
}

void Grammars::then(std::function<void()> done) {
  std::scoped_lock lock(impl_->mutex);
  impl_->jobs.push_back({.source = {}, .result = {}, .wish = {}, .done = std::move(done)});
  impl_->wake.notify_one();
}

struct Matcher::Impl {
  explicit Impl(GrammarPtr given) : compiled(std::move(given)), matcher(compiled->grammar) {}

  GrammarPtr compiled;
  xgrammar::GrammarMatcher matcher;
  bool quoted = false;  // whether a quoted text is open
};

Matcher::Matcher(GrammarPtr grammar) : impl_(std::make_unique<Impl>(std::move(grammar))) {}
Matcher::~Matcher() = default;
Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;

bool Matcher::accept(int32_t token) {
  if (impl_->matcher.IsTerminated() || !impl_->matcher.AcceptToken(token)) return false;
  if (impl_->compiled->spelling->is_quote(token)) impl_->quoted = !impl_->quoted;
  return true;
}

void Matcher::take_back(std::span<const int32_t> tokens) {
  if (tokens.empty()) return;
  impl_->matcher.Rollback(static_cast<int>(tokens.size()));
  auto quotes =
      std::ranges::count_if(tokens, [&](int32_t token) { return impl_->compiled->spelling->is_quote(token); });
  if (quotes % 2 != 0) impl_->quoted = !impl_->quoted;
}

bool Matcher::accept_text(const std::string& bytes) { return impl_->matcher.AcceptString(bytes); }

const std::string& Matcher::bytes(int32_t token) const { return impl_->compiled->spelling->bytes(token); }

bool Matcher::is_over() const { return impl_->matcher.IsTerminated(); }

bool Matcher::is_complete() const { return impl_->matcher.IsCompleted(); }

void Matcher::fill(std::span<uint32_t> words) {
  std::ranges::fill(words, 0U);
  int64_t shape = xgrammar::GetBitmaskSize(impl_->compiled->vocabulary.GetVocabSize());
  DLTensor tensor{.data = words.data(),
                  .device = {kDLCPU, 0},
                  .ndim = 1,
                  .dtype = xgrammar::GetBitmaskDLType(),
                  .shape = &shape,
                  .strides = nullptr,
                  .byte_offset = 0};
  impl_->matcher.FillNextTokenBitmask(&tensor);
  if (impl_->quoted) impl_->compiled->spelling->mask_controls(words);
}

std::vector<float> mask_seconds(GrammarPtr grammar, std::span<const int32_t> tokens) {
  std::vector<uint32_t> words((static_cast<size_t>(grammar->vocabulary.GetVocabSize()) + 31) / 32);
  Matcher matcher(std::move(grammar));
  std::vector<float> seconds;
  for (int32_t token : tokens) {
    auto started = Clock::now();
    matcher.fill(words);
    seconds.push_back(std::chrono::duration<float>(Clock::now() - started).count());
    if (!matcher.accept(token)) break;
  }
  return seconds;
}

std::vector<int32_t> Matcher::forced() const { return impl_->matcher.FindJumpForwardTokens(); }

}  // namespace tether
