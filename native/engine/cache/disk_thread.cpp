// The one thread that reads and writes the files of the prefix cache.
#include "engine/cache/disk_thread.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <system_error>
#include <utility>

namespace tether {
namespace {

namespace fs = std::filesystem;

// How often a folder that is written to is looked at again.
constexpr std::chrono::seconds kLookAgain{5};

// Folders with the names of fingerprints; others are not ours.
bool is_model_folder(const fs::directory_entry& entry) {
  std::error_code ignored;
  return entry.is_directory(ignored) && !entry.is_symlink(ignored) &&
         key_from_hex(entry.path().filename().string()).has_value();
}

void scan_own(const fs::path& folder, FolderState& state) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (!parse_record_name(entry.path().filename().string())) continue;
    FoundRecord found;
    auto result = find_record(entry.path(), found);
    if (result == ReadResult::missing) continue;
    if (result == ReadResult::damaged) {
      state.damaged++;
      fs::remove(entry.path(), ignored);
      continue;
    }
    state.bytes += found.file_bytes;
    state.records.push_back(std::move(found));
  }
}

std::optional<fs::space_info> space_at(const fs::path& folder) {
  std::error_code failed;
  auto space = fs::space(folder, failed);
  return failed ? std::nullopt : std::optional(space);
}

}  // namespace

DiskThread::DiskThread(fs::path root, const std::string& model, std::function<void()> wake)
    : root_(std::move(root)), folder_(root_ / model), wake_(std::move(wake)), thread_([this] { loop(); }) {}

DiskThread::~DiskThread() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

// Others may use a folder that was there.
void DiskThread::make_folders() const noexcept {
  std::error_code ignored;
  if (!fs::exists(root_, ignored) && fs::create_directories(root_, ignored))
    fs::permissions(root_, fs::perms::owner_all, ignored);
  fs::create_directory(folder_, ignored);
  fs::permissions(folder_, fs::perms::owner_all, ignored);
}

void DiskThread::scan(std::function<void(FolderState)> done) {
  push([this, done = std::move(done)] {
    FolderState state;
    std::error_code ignored;
    make_folders();
    try {
      remove_leftovers(folder_);
      scan_own(folder_, state);
      for (const auto& entry : fs::directory_iterator(root_, ignored))
        if (entry.path() != folder_ && is_model_folder(entry)) scan_other(entry.path(), state);
    } catch (const std::exception&) {
      // A folder that cannot be read to its end: what was found counts.
      ignored = std::make_error_code(std::errc::io_error);
    }
    if (auto space = space_at(root_)) {
      state.disk_bytes = space->capacity;
      state.disk_free = space->available;
    }
    return [done, state = std::move(state)]() mutable { done(std::move(state)); };
  });
}

void DiskThread::scan_other(const fs::path& folder, FolderState& state) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (!parse_record_name(entry.path().filename().string())) continue;
    struct stat status{};
    if (::lstat(entry.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (!seen_.contains(entry.path()) && is_of_another_version(entry.path())) continue;
    seen_.insert(entry.path());
    state.bytes += static_cast<uint64_t>(status.st_size);
    state.others.push_back({.file = entry.path(),
                            .bytes = static_cast<uint64_t>(status.st_size),
                            .used_at = static_cast<int64_t>(status.st_mtime)});
  }
}

std::vector<FolderState::Other> DiskThread::look_again() {
  looked_ = std::chrono::steady_clock::now();
  FolderState state;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root_, ignored))
    if (is_model_folder(entry)) scan_other(entry.path(), state);
  // Of those that are gone nothing is remembered.
  seen_.clear();
  for (const auto& other : state.others) seen_.insert(other.file);
  return std::move(state.others);
}

void DiskThread::write(RecordHeader header, const mx::array& bytes, std::function<void(Written)> done) {
  // The engine thread may touch the array's memory; this thread only reads it.
  std::span content(reinterpret_cast<const std::byte*>(bytes.data<uint8_t>()), bytes.nbytes());  // NOLINT
  push([this, header = std::move(header), content, bytes, done = std::move(done)] {
    Written written;
    try {
      // It may have been removed.
      std::error_code ignored;
      written.made_folder = !fs::exists(folder_, ignored);
      if (written.made_folder) make_folders();
      written.kept = write_record(folder_, header, content);
    } catch (const std::system_error& error) {
      written.error = error.what();
      written.full = error.code() == std::errc::no_space_on_device || error.code().value() == EDQUOT;
    } catch (const std::exception& error) {
      written.error = error.what();
    }
    if (auto space = space_at(folder_)) written.disk_free = space->available;
    if (std::chrono::steady_clock::now() - looked_ > kLookAgain) written.all = look_again();
    // Freed on the engine thread, with the array.
    return [done, written, bytes] { done(written); };
  });
}

void DiskThread::read(RecordHeader header, std::function<void(ReadResult, std::optional<mx::array>)> done) {
  push(
      [this, header = std::move(header), done = std::move(done)]() -> std::function<void()> {
        std::shared_ptr<mx::allocator::Data> data;
        auto result = ReadResult::missing;
        try {
          result = read_record(folder_, header, [&](uint64_t size) {
            data = std::make_shared<mx::allocator::Data>(mx::allocator::malloc(size));
            auto buffer = data->buffer();
            return static_cast<std::byte*>(buffer.raw_ptr());
          });
        } catch (const std::exception&) {
          // Not readable now: as if it were not there.
          result = ReadResult::missing;
        }
        std::error_code ignored;
        if (result == ReadResult::damaged) fs::remove(folder_ / record_name(header.key, header.kind), ignored);
        return [result, data, size = static_cast<int>(header.bytes), done] {
          if (result != ReadResult::whole) return done(result, std::nullopt);
          done(result, mx::array(std::move(*data), {size}, mx::uint8));
        };
      },
      true);
}

void DiskThread::remove(std::vector<fs::path> files) {
  push([files = std::move(files)] {
    std::error_code ignored;
    for (const auto& file : files) fs::remove(file, ignored);
    return std::function<void()>();
  });
}

void DiskThread::touch(std::vector<std::pair<fs::path, uint32_t>> files) {
  push([files = std::move(files)] {
    for (const auto& [file, hits] : files) touch_record(file, hits);
    return std::function<void()>();
  });
}

bool DiskThread::drain() {
  std::vector<std::function<void()>> done;
  {
    std::lock_guard lock(mutex_);
    done.swap(done_);
  }
  for (auto& callback : done) callback();
  return !done.empty();
}

void DiskThread::flush(double seconds) {
  auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < until) {
    drain();
    {
      std::lock_guard lock(mutex_);
      if (jobs_.empty() && urgent_.empty() && !busy_ && done_.empty()) return;
    }
    wait(0.05);
  }
}

void DiskThread::wait(double seconds) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::duration<double>(seconds),
                    [this] { return !done_.empty() || (jobs_.empty() && urgent_.empty() && !busy_); });
}

void DiskThread::push(Job job, bool first) {
  std::lock_guard lock(mutex_);
  (first ? urgent_ : jobs_).push_back(std::move(job));
  changed_.notify_all();
}

void DiskThread::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return closing_ || !urgent_.empty() || !jobs_.empty(); });
    if (closing_) return;
    auto& queue = urgent_.empty() ? jobs_ : urgent_;
    auto job = std::move(queue.front());
    queue.pop_front();
    busy_ = true;
    lock.unlock();
    std::function<void()> done;
    try {
      done = job();
    } catch (const std::exception&) {
      // Of jobs that report to nobody; what they left undone is found at the next start.
      done = nullptr;
    }
    job = nullptr;
    lock.lock();
    busy_ = false;
    bool wake = done != nullptr;
    if (wake) done_.push_back(std::move(done));
    changed_.notify_all();
    if (!wake) continue;
    lock.unlock();
    wake_();
    lock.lock();
  }
}

}  // namespace tether
