// A pool of threads that computes one piece of work at a time, cut into tiles; each free thread takes the next tile.
#pragma once

#include <functional>

namespace tether {

// Sets how many threads compute a piece of work, including the caller; at least 1. Any thread, while no work runs.
void set_pool_threads(int threads);
int pool_threads();

// Calls work(tile) for each tile in [0, tiles), in any order, on several threads at once; returns when all are done.
// A thread that the system preempts delays one tile, not a fixed share of the work; if that keeps happening, the caller
// computes without the other threads for a while. work must not throw and must not call parallel_for. Only one caller
// at a time gets the other threads; a second caller meanwhile computes on its own thread alone.
void parallel_for(int tiles, const std::function<void(int)>& work);

}  // namespace tether
