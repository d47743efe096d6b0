// A grammar that holds from a call's marker to its end, or over a whole answer.
#include "grammar/call_constraint.h"

#include <algorithm>
#include <utility>

#include "error.h"

namespace tether {

CallConstraint::CallConstraint(GrammarWish grammar, Hold hold, std::optional<GrammarWish> otherwise)
    : wish_(std::move(grammar)), otherwise_(std::move(otherwise)), hold_(std::move(hold)) {
  for (const auto& text : hold_.texts) longest_ = std::max(longest_, text.size());
}

bool CallConstraint::is_ready() {
  if (grammar_ || failure_) return true;
  if (!wish_->is_ready()) return false;
  try {
    grammar_ = wish_->get();
  } catch (const std::exception& error) {
    wish_ = std::exchange(otherwise_, std::nullopt);
    if (wish_) return is_ready();
    failure_ = error.what();
    return true;
  }
  wish_.reset();
  otherwise_.reset();
  try {
    begin();
  } catch (const std::exception& error) {
    failure_ = error.what();
  }
  return true;
}

void CallConstraint::begin() {
  idle_.emplace(grammar_);
  if (!hold_.from_start) return set_free();
  Matcher matcher(grammar_);
  if (!hold_.begun.empty() && !matcher.accept_text(hold_.begun))
    throw Error("invalid_request", "it does not allow what the request has begun of the answer. Leave that out");
  matcher_ = std::move(matcher);
}

bool CallConstraint::fill(std::span<uint32_t> words) {
  matcher_->fill(words);
  if (std::ranges::any_of(words, [](uint32_t word) { return word != 0; })) return true;
  if (!ahead_.empty()) return false;
  failure_ = "it leads to no token of this model";
  matcher_.reset();
  return false;
}

std::vector<int32_t> CallConstraint::forced() { return matcher_ ? matcher_->forced() : std::vector<int32_t>{}; }

bool CallConstraint::go_ahead(int32_t token) {
  if (!matcher_ || !matcher_->accept(token)) return false;
  if (!matcher_->is_over() && (hold_.to_end || !matcher_->is_complete())) {
    ahead_.push_back(token);
    return true;
  }
  matcher_->take_back({&token, 1});
  return false;
}

void CallConstraint::come_back() {
  if (matcher_) matcher_->take_back(ahead_);
  ahead_.clear();
}

void CallConstraint::accept(int32_t token) {
  if (!grammar_ || failure_) return;
  if (!matcher_) return accept_free(token);
  // Only a stop token, which ends the answer, can be refused here.
  matcher_->accept(token);
  if (hold_.to_end || !matcher_->is_complete()) return;
  set_free();
}

void CallConstraint::set_free() {
  matcher_.reset();
  tail_.clear();
  bare_.reset();
  followed_.clear();
  if (!hold_.opening.empty()) bare_.emplace(grammar_);
}

// Looks for the beginning of a call. What the last token has beyond the marker must fit; else there is no call here.
void CallConstraint::accept_free(int32_t token) {
  if (std::ranges::find(hold_.tokens, token) != hold_.tokens.end()) {
    matcher_.emplace(grammar_);
    return;
  }
  if (bare_) follow(token);
  if (matcher_ || hold_.texts.empty()) return;
  const auto& bytes = idle_->bytes(token);
  if (bytes.empty()) tail_.clear();
  size_t before = tail_.size();
  tail_ += bytes;
  for (const auto& text : hold_.texts) {
    size_t place = tail_.rfind(text);
    if (place == std::string::npos || place + text.size() <= before) continue;
    Matcher matcher(grammar_);
    auto rest = tail_.substr(place + text.size());
    if (!rest.empty() && !matcher.accept_text(rest)) continue;
    tail_.clear();
    if (!matcher.is_complete()) matcher_ = std::move(matcher);
    return;
  }
  if (tail_.size() > longest_) tail_.erase(0, tail_.size() - longest_);
}

// A text that begins like a call may be any other JSON; from the opening on it is one. Between two calls stands what
// the reader drops there.
void CallConstraint::follow(int32_t token) {
  auto text = idle_->bytes(token);
  bool is_control = text.empty();
  if (followed_.empty()) text.erase(0, std::min(text.find_first_not_of("; \t\r\n"), text.size()));
  if (text.empty() && !is_control) return;
  if (is_control || !bare_->accept_text(text)) return bare_.reset();
  followed_ += text;
  if (followed_.find(hold_.opening) == std::string::npos) return;
  matcher_ = std::move(bare_);
  bare_.reset();
  if (matcher_->is_complete()) set_free();
}

}  // namespace tether
