// What a request's tokens must follow while it holds: a call's syntax, a schema.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tether {

// Engine thread only.
class Constraint {
 public:
  Constraint() = default;
  virtual ~Constraint() = default;
  Constraint(const Constraint&) = delete;
  Constraint& operator=(const Constraint&) = delete;

  // Whether it can be asked the rest. Until then no token is drawn.
  virtual bool is_ready() = 0;
  // Why it does not hold, or no longer; then everything may be drawn.
  virtual std::optional<std::string> failure() const = 0;
  // Whether an answer that it does not hold is to fail.
  virtual bool must_hold() const { return false; }
  // Whether the next token is held to it.
  virtual bool holds() const = 0;
  // One bit a token that may be drawn next, lowest first. All of `words` are written. Only while it holds. false: there
  // is no such token, and it does not hold from now on.
  virtual bool fill(std::span<uint32_t> words) = 0;
  // The tokens that can only follow now, as far as there is no choice; another way to split their text may fit too.
  virtual std::vector<int32_t> forced() { return {}; }
  // As if the answer went on with a token that fill() allows: from now on fill() says what may follow that, until
  // come_back(). false: it does not fit, or what follows it is not held; then nothing has changed.
  virtual bool go_ahead(int32_t /*token*/) { return false; }
  virtual void come_back() {}
  // Takes each token of the answer, in order, whether it holds or not.
  virtual void accept(int32_t token) = 0;
};

}  // namespace tether
