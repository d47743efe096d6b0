// The system's allocator, told to stay small in a process that runs for days.
#include "engine/allocator.h"

#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace tether {

void settle_allocator() {
#ifdef __GLIBC__
  if (std::getenv("MALLOC_ARENA_MAX") != nullptr) return;
  // glibc gives each thread a heap of its own, up to eight for each core, and what one has freed no other can use. With
  // two, a server under small caps (npm run soak) took a sixth less.
  mallopt(M_ARENA_MAX, 2);
#endif
}

}  // namespace tether
