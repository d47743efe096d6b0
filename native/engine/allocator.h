// The system's allocator, told to stay small in a process that runs for days.
#pragma once

namespace tether {

// Once, when the addon is loaded. Does nothing without glibc, or where the environment has MALLOC_ARENA_MAX.
void settle_allocator();

}  // namespace tether
