// The one thread that reads and writes the files of the prefix cache.
#pragma once

#include <mlx/mlx.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "engine/cache/record_file.h"

namespace tether {

namespace mx = mlx::core;

// The state of a cache folder. Sizes in bytes.
struct FolderState {
  struct Other {
    std::filesystem::path file;
    uint64_t bytes = 0;
    int64_t used_at = 0;
  };
  std::vector<FoundRecord> records;  // of this model
  std::vector<Other> others;         // records of other models, but for those that another version wrote
  uint64_t bytes = 0;                // of all records
  uint64_t disk_bytes = 0;           // size of the disk; 0: not known
  uint64_t disk_free = 0;            // of it, what may still be written
  int damaged = 0;                   // records that were deleted
};

// Methods are called on the engine thread, and `done` callbacks run there too, in drain(). Jobs run on the thread of
// this class, one at a time; reads go before everything else.
class DiskThread {
 public:
  // root: folder of all models; made if it is missing. model: name of this model's folder within.
  // wake: called, on the thread of this class, when there is something to drain.
  DiskThread(std::filesystem::path root, const std::string& model, std::function<void()> wake);
  // Ends what it is doing, and drops the rest.
  ~DiskThread();
  DiskThread(const DiskThread&) = delete;
  DiskThread& operator=(const DiskThread&) = delete;

  const std::filesystem::path& folder() const { return folder_; }

  // Reads the headers of all records. Removes damaged ones and leftovers.
  void scan(std::function<void(FolderState)> done);
  // `bytes`: evaluated. kept: whether the file is there; if not for a fault, a file of another version has its place.
  // full: the fault is want of room.
  struct Written {
    bool kept = false;
    bool made_folder = false;  // it was gone, and with it all that was there
    std::string error;
    bool full = false;
    std::optional<uint64_t> disk_free = std::nullopt;  // none: not known
    // All records of the folder, but for those of other versions: looked at now and then, since other processes write
    // and delete there too.
    std::optional<std::vector<FolderState::Other>> all = std::nullopt;
  };
  void write(RecordHeader header, const mx::array& bytes, std::function<void(Written)> done);
  // The array is empty unless the record was read whole. Damaged records are deleted.
  void read(RecordHeader header, std::function<void(ReadResult, std::optional<mx::array>)> done);
  void remove(std::vector<std::filesystem::path> files);
  // Files and the hits to note in them, in that order: prefixes last, so that they are the newest.
  void touch(std::vector<std::pair<std::filesystem::path, uint32_t>> files);

  // Runs the callbacks of jobs that are done. -> whether there were any
  bool drain();
  // Waits until all jobs are done, `seconds` at most, and drains.
  void flush(double seconds);
  // Waits until there is something to drain, `seconds` at most.
  void wait(double seconds);

 private:
  // A job returns what is to be done on the engine thread.
  using Job = std::function<std::function<void()>()>;

  void make_folders() const noexcept;
  void push(Job job, bool first = false);
  void loop();

  std::vector<FolderState::Other> look_again();
  void scan_other(const std::filesystem::path& folder, FolderState& state);

  std::filesystem::path root_;
  std::filesystem::path folder_;
  // Thread of this class only.
  std::chrono::steady_clock::time_point looked_;
  std::set<std::filesystem::path> seen_;  // records of this version, which need not be opened again
  std::function<void()> wake_;

  std::mutex mutex_;  // guards the members up to closing_
  std::condition_variable changed_;
  std::deque<Job> urgent_;
  std::deque<Job> jobs_;
  std::vector<std::function<void()>> done_;
  bool busy_ = false;
  bool closing_ = false;

  std::thread thread_;
};

}  // namespace tether
