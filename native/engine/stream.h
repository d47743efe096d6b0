// The stream that an engine's thread computes on.
#pragma once

#include <mlx/mlx.h>

#include <optional>

namespace tether {

// Makes a stream the default of this thread while it lives; then another engine gets it, so that all work must be done
// by then. On a CPU each stream has a thread that MLX never ends, with what that thread has allocated: a new one for
// each engine would be left behind by it. GPUs' streams are MLX's own, one a thread.
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
