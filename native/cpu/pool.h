// The CPU's threads, for one piece of work at a time: cut into tiles that whoever is free takes.
#pragma once

#include <functional>

namespace tether {

// Threads that work on a piece together, the caller among them; at least 1. Any thread, while no work runs.
void set_pool_threads(int threads);
int pool_threads();

// Calls work(tile) for each tile in [0, tiles), in any order, on several threads at once; returns when all are done.
// A thread that the system has taken away holds up one tile, not a fixed share of the work; where that happens again
// and again, the caller works alone for a while. work must not throw and must not call in_tiles. One caller at a time
// runs with the others' help; a second one meanwhile does its work alone.
void in_tiles(int tiles, const std::function<void(int)>& work);

}  // namespace tether
