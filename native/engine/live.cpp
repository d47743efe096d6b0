// One live request: its sequence, its sampler, and the token that its sequence is fed next.
#include "engine/live.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/scheduler.h"

namespace tether {

int32_t DrawnToken::read() const {
  auto result = tokens;
  result.eval();
  return result.data<int32_t>()[row];
}

void Live::add_fork_point(int length) {
  auto place = std::ranges::lower_bound(fork_points, length);
  if (place == fork_points.end() || *place != length) fork_points.insert(place, length);
}

std::vector<int> Live::ends() const {
  std::vector<int> ends;
  std::ranges::set_union(fork_points, likely_forks, std::back_inserter(ends));
  ends.push_back(prefill_length());
  return ends;
}

int Live::chunk_end(int chunk) const { return tether::chunk_end(sequence.length(), prefill_length(), chunk, ends()); }

void Live::dispatched(DrawnToken drawn) {
  if (auto* pending = std::get_if<Pending>(&next))
    next = InFlight{.fed = std::move(pending->drawn), .drawn = std::move(drawn)};
  else
    next = Pending{std::move(drawn)};
}

mx::array to_array(std::span<const int32_t> tokens) {
  return mx::array(tokens.data(), {static_cast<int>(tokens.size())}, mx::int32);
}

mx::array input_tokens(std::span<Live* const> live) {
  if (std::ranges::all_of(live, [](const Live* one) { return std::holds_alternative<Known>(one->next); })) {
    std::vector<int32_t> tokens;
    for (const auto* one : live) {
      tokens.push_back(std::get<Known>(one->next).token);
      tokens.insert(tokens.end(), one->draft.begin(), one->draft.end());
    }
    return to_array(tokens);
  }
  // The same sequences as in the last pass: its tokens are the input, without a copy.
  const auto* first = std::get_if<Pending>(&live[0]->next);
  bool same = first && first->drawn.tokens.shape(0) == static_cast<int>(live.size()) &&
              std::ranges::all_of(live, [&, row = 0](const Live* one) mutable {
                const auto* pending = std::get_if<Pending>(&one->next);
                return pending && pending->drawn.row == row++ && pending->drawn.tokens.id() == first->drawn.tokens.id();
              });
  if (same) return first->drawn.tokens;
  std::vector<mx::array> tokens;
  for (const auto* one : live) {
    if (const auto* known = std::get_if<Known>(&one->next)) {
      tokens.push_back(to_array({&known->token, 1}));
      if (!one->draft.empty()) tokens.push_back(to_array(one->draft));
    } else {
      const auto& drawn = std::get<Pending>(one->next).drawn;
      tokens.push_back(mx::slice(drawn.tokens, {drawn.row}, {drawn.row + 1}));
    }
  }
  return tokens.size() == 1 ? tokens[0] : mx::concatenate(tokens, 0);
}

}  // namespace tether
