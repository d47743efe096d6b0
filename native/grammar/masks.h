// Computes a grammar's masks before they are asked for.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace xgrammar {
class CompiledGrammar;
}  // namespace xgrammar

namespace tether {

// Of one grammar. What is not computed is when a matcher first comes there, which then waits for it: some milliseconds.
class Masks {
 public:
  explicit Masks(xgrammar::CompiledGrammar& grammar);
  ~Masks();
  Masks(const Masks&) = delete;
  Masks& operator=(const Masks&) = delete;

  // Goes on until all are computed, until they have this many bytes, or until `goes_on` says false, which is asked
  // between two of them, on several threads. -> whether nothing is left to do. Throws what went wrong.
  bool compute(unsigned threads, size_t most_bytes, const std::function<bool()>& goes_on);

  // Of those that are computed.
  size_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tether
