// The stream that an engine's thread computes on.
#pragma once

#include <mlx/mlx.h>

#include <optional>

namespace tether {

// Makes a stream the default of this thread for as long as the lease lives; all work on it must be done by then, since
// another engine gets the stream next. On a CPU MLX gives each stream a thread that it never ends: a new stream for
// each engine would leak that thread and its memory. On a GPU MLX's own stream of the thread is used.
class StreamLease {
 public:
  StreamLease();
  ~StreamLease();

  StreamLease(const StreamLease&) = delete;
  StreamLease& operator=(const StreamLease&) = delete;

 private:
  std::optional<mlx::core::Stream> stream_;
};

}  // namespace tether
