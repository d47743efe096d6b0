// How many threads compute fastest on this machine.
#pragma once

namespace tether {

// Measured once a process, in some tens of milliseconds, with products like those of decoding and of reading a prompt:
// all cores, half of them, a quarter, … Where fewer are as fast to a few percent, fewer. Leaves the pool at that
// number.
int fastest_threads();

}  // namespace tether
