// The stream that an engine's thread computes on.
#include "engine/stream.h"

#include <mutex>
#include <vector>

namespace tether {
namespace {

namespace mx = mlx::core;

struct Free {
  std::mutex mutex;
  std::vector<mx::Stream> streams;
};

// Never destroyed: an engine may end after main().
Free& free_streams() {
  static auto* const all = new Free;
  return *all;
}

}  // namespace

StreamLease::StreamLease() {
  if (mx::default_device().type != mx::Device::cpu) return;
  auto& all = free_streams();
  std::lock_guard lock(all.mutex);
  if (all.streams.empty()) {
    stream_ = mx::new_thread_unsafe_stream(mx::Device::cpu);
  } else {
    stream_ = all.streams.back();
    all.streams.pop_back();
  }
  mx::set_default_stream(*stream_);
}

StreamLease::~StreamLease() {
  if (!stream_) return;
  auto& all = free_streams();
  std::lock_guard lock(all.mutex);
  all.streams.push_back(*stream_);
}

}  // namespace tether
