// Computes a grammar's masks before they are asked for.
#include "grammar/masks.h"

#include <compiled_grammar_impl.h>
#include <xgrammar/xgrammar.h>

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

namespace tether {

struct Masks::Impl {
  explicit Impl(xgrammar::CompiledGrammar given) : grammar(std::move(given)) {}

  xgrammar::CompiledGrammar grammar;
  std::vector<xgrammar::ParserState> places;
  std::atomic<size_t> next = 0;
  std::atomic<size_t> bytes = 0;

  std::mutex mutex;  // guards the next one
  std::exception_ptr error;

  void work(size_t most_bytes, const std::function<bool()>& goes_on) {
    try {
      while (bytes < most_bytes && goes_on()) {
        size_t at = next++;
        if (at >= places.size()) return;
        bytes += MemorySize(grammar->GetAdaptiveTokenMask(places[at]));
      }
    } catch (...) {
      std::scoped_lock lock(mutex);
      error = std::current_exception();
      next = places.size();
    }
  }
};

// A mask is of a place where a byte is read; the places of all rules are all that a matcher can come to.
Masks::Masks(xgrammar::CompiledGrammar& grammar) : impl_(std::make_unique<Impl>(grammar)) {
  const auto& rules = grammar->grammar;
  for (int32_t id = 0; id < rules->NumRules(); id++) {
    const auto& machine = rules->per_rule_fsms[static_cast<size_t>(id)]->GetFsm();
    std::unordered_set<int> reachable;
    machine.GetReachableStates(&reachable);
    for (int state : reachable)
      if (machine.IsScanableState(state))
        impl_->places.emplace_back(id, rules->GetRule(id).body_expr_id, state, xgrammar::ParserState::kNoPrevInputPos);
  }
}

Masks::~Masks() = default;

bool Masks::compute(unsigned threads, size_t most_bytes, const std::function<bool()>& goes_on) {
  std::vector<std::thread> others;
  try {
    for (unsigned i = 1; i < threads; i++)
      others.emplace_back([this, most_bytes, &goes_on] { impl_->work(most_bytes, goes_on); });
  } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch)
    // The system gives no more threads: those that there are do it.
  }
  impl_->work(most_bytes, goes_on);
  for (auto& other : others) other.join();
  if (impl_->error) std::rethrow_exception(std::exchange(impl_->error, nullptr));
  return impl_->next >= impl_->places.size() || impl_->bytes >= most_bytes;
}

size_t Masks::bytes() const { return impl_->bytes; }

}  // namespace tether
