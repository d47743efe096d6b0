// Tests what the prefix cache evicts: pure code, no arrays.
#include "engine/cache/policy.h"

#include <vector>

#include "test/check.h"

using tether::check;
using tether::keep_value;
using tether::touch;
using tether::Use;
using tether::victim;

namespace {

void counts_uses() {
  std::vector<Use> uses(3);
  std::vector<Use*> path{&uses[0], &uses[1], &uses[2]};
  touch(path, 0, 7);
  check(uses[0].hits == 0 && uses[0].last == 7, "a block that a request makes has no hits");
  touch(path, 2, 8);
  check(uses[1].hits == 1 && uses[2].hits == 0, "only what a request found has a hit more");
  check(uses[2].last == 8, "a made block was used by the request that made it");
}

void pinned_stays() {
  Use old{.last = 1};
  Use recent{.last = 90, .hits = 9};
  std::vector<const Use*> leaves{&recent, &old};
  check(victim(leaves, 100) == 1U, "the oldest leaf without hits goes first");
  old.pinned = 1;
  check(victim(leaves, 100) == 0U, "a pinned leaf stays, however old");
  recent.pinned = 1;
  check(!victim(leaves, 100), "nothing is evicted where all is pinned");
  check(!victim({}, 100), "nothing is evicted where nothing is");
}

void clock_that_jumps() {
  Use use{.last = 1000, .hits = 3};
  check(keep_value(use, 5) >= keep_value(use, 1000), "a clock that was set back makes no block look old");
}

}  // namespace

int main() {
  counts_uses();
  pinned_stays();
  clock_that_jumps();
  return tether::result();
}
