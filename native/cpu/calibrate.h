// Measures how many threads compute fastest on this machine.
#pragma once

namespace tether {

// Measures once per process, for some tens of milliseconds, products like those of decode and of prefill on all cores,
// half of them, a quarter, … Prefers fewer threads if they are as fast within a few percent. Sets the pool to the
// result.
int fastest_threads();

}  // namespace tether
