// Writes what ran when native code crashes: from a signal handler, so only with write() and from memory set aside
// before.
#include "crash.h"

#include <execinfo.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <string_view>
#include <vector>

namespace tether::crash {
namespace {

// As many as run at once (admission.cpp).
constexpr size_t kMostRequests = 16;
constexpr size_t kFrames = 64;
constexpr size_t kStack = 64UL * 1024;

struct Signal {
  int number;
  const char* name;
};
constexpr std::array kSignals{Signal{SIGSEGV, "SIGSEGV"}, Signal{SIGBUS, "SIGBUS"}, Signal{SIGILL, "SIGILL"},
                              Signal{SIGFPE, "SIGFPE"}, Signal{SIGABRT, "SIGABRT"}};

template <size_t size>
using Text = std::array<char, size>;

struct Slot {
  std::atomic<uint64_t> id = 0;
  std::atomic<int> prompt = 0;
  std::atomic<int> read = 0;
  std::atomic<int> output = 0;
};

// What the handler reads. A handler may take no lock, so a number may be one pass old.
Text<4096> path_text;
Text<4096> about_text;
Text<1024> reason_text;
timespec started;
std::array<Slot, kMostRequests> slots;
std::atomic<size_t> slots_used = 0;
std::atomic<const char*> stage_name = "not loaded";
std::array<struct sigaction, kSignals.size()> before;
std::atomic<bool> is_begun = false;
std::atomic<bool> is_done = false;
std::terminate_handler terminate_before = nullptr;

template <size_t size>
void copy(Text<size>& to, std::string_view text) {
  to.at(text.copy(to.data(), size - 1)) = '\0';
}

// A thread's stack for signals, as long as it runs.
class SignalStack {
 public:
  SignalStack() : memory_(kStack) {
    stack_t own{};
    own.ss_sp = memory_.data();
    own.ss_size = memory_.size();
    sigaltstack(&own, nullptr);
  }
  ~SignalStack() {
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    none.ss_size = kStack;  // macOS wants a size here too
    sigaltstack(&none, nullptr);
  }
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  std::vector<char> memory_;
};

// Everything below, up to install(), runs in a signal handler.

void put(int file, std::string_view text) {
  while (!text.empty()) {
    auto sent = write(file, text.data(), text.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return;
    text.remove_prefix(static_cast<size_t>(sent));
  }
}

void put(int file, uint64_t number) {
  Text<20> digits{};
  size_t begin = digits.size();
  do {
    digits[--begin] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  put(file, std::string_view(digits.data() + begin, digits.size() - begin));
}

void put_count(int file, const std::atomic<int>& count) {
  put(file, static_cast<uint64_t>(std::max(0, count.load(std::memory_order_relaxed))));
}

void put_requests(int file) {
  auto used = std::min(slots_used.load(std::memory_order_acquire), kMostRequests);
  put(file, "live requests: ");
  put(file, used);
  put(file, "\n");
  for (size_t i = 0; i < used; i++) {
    const auto& slot = slots[i];
    put(file, "  request ");
    put(file, slot.id.load(std::memory_order_relaxed));
    put(file, ": ");
    put_count(file, slot.read);
    put(file, " of ");
    put_count(file, slot.prompt);
    put(file, " prompt tokens read, ");
    put_count(file, slot.output);
    put(file, " generated\n");
  }
}

// The backtrace comes last: on a damaged stack it may crash itself, or wait for a lock that the crashed thread holds.
void write_file(const char* name) {
  int file = open(path_text.data(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  put(file, about_text.data());
  put(file, "crashed by: ");
  put(file, name);
  put(file, "\n");
  if (reason_text.front() != '\0') {
    put(file, "exception: ");
    put(file, reason_text.data());
    put(file, "\n");
  }
  put(file, "after seconds: ");
  put(file, static_cast<uint64_t>(now.tv_sec - started.tv_sec));
  put(file, "\nthe engine was: ");
  put(file, stage_name.load(std::memory_order_relaxed));
  put(file, "\n");
  put_requests(file);
  put(STDERR_FILENO, "\ntether: crashed (");
  put(STDERR_FILENO, name);
  put(STDERR_FILENO, "). What ran is written to ");
  put(STDERR_FILENO, path_text.data());
  put(STDERR_FILENO, "\n");
  put(file, "backtrace of the thread that crashed:\n");
  struct sigaction end{};
  end.sa_handler = SIG_DFL;
  sigaction(SIGALRM, &end, nullptr);
  alarm(5);
  std::array<void*, kFrames> frames{};
  int count = backtrace(frames.data(), static_cast<int>(frames.size()));
  backtrace_symbols_fd(frames.data(), count, file);
  alarm(0);
  close(file);
}

bool has(int flags, int flag) { return (static_cast<unsigned>(flags) & static_cast<unsigned>(flag)) != 0; }

bool is_default(const struct sigaction& action) {
  return !has(action.sa_flags, SA_SIGINFO) && action.sa_handler == SIG_DFL;
}

// -> whether the handler from before has dealt with it: V8 takes faults of WebAssembly that are none. Node's handler
// leaves the others to the default action, and raises the signal, which is blocked as long as this runs.
bool is_dealt_with(size_t index, siginfo_t* info, void* context) {
  const auto& action = before[index];
  int number = kSignals[index].number;
  if (is_default(action)) return false;
  if (has(action.sa_flags, SA_SIGINFO))
    action.sa_sigaction(number, info, context);
  else if (action.sa_handler != SIG_IGN)
    action.sa_handler(number);
  struct sigaction now{};
  return sigaction(number, nullptr, &now) == 0 && !is_default(now);
}

void on_signal(int number, siginfo_t* info, void* context);

void listen(int number, struct sigaction* was) {
  struct sigaction action{};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, was);
}

void on_signal(int number, siginfo_t* info, void* context) {
  size_t index = 0;
  while (index + 1 < kSignals.size() && kSignals[index].number != number) index++;
  int was = errno;
  // Once the process is ending nothing but that can be done.
  if (!is_begun && is_dealt_with(index, info, context)) {
    errno = was;
    return;
  }
  // Node's handler may have left the default action in place: a second thread that crashes would end the process while
  // this one writes.
  listen(number, nullptr);
  if (!is_begun.exchange(true)) {
    write_file(kSignals[index].name);
    is_done = true;
  }
  // Another thread may have crashed first.
  constexpr timespec kMoment{.tv_sec = 0, .tv_nsec = 10'000'000};
  for (int i = 0; i < 300 && !is_done; i++) nanosleep(&kMoment, nullptr);
  // Pending until this returns: then it ends the process, with a core dump where those are wanted.
  struct sigaction end{};
  end.sa_handler = SIG_DFL;
  sigaction(number, &end, nullptr);
  raise(number);
}

// No signal handler: what was thrown can be asked.
[[noreturn]] void on_terminate() {
  if (auto thrown = std::current_exception()) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
      copy(reason_text, error.what());
    } catch (...) {
      copy(reason_text, "of an unknown type");
    }
    for (char& letter : reason_text)
      if (static_cast<unsigned char>(letter) < ' ' && letter != '\0') letter = ' ';
  }
  if (terminate_before) terminate_before();
  std::abort();
}

}  // namespace

void install(const std::string& path, const std::string& about) {
  bool is_first = path_text.front() == '\0';
  copy(path_text, path);
  copy(about_text, about);
  protect_thread();
  if (!is_first) return;
  clock_gettime(CLOCK_MONOTONIC, &started);
  // The first call loads a library, for which a handler is no place.
  std::array<void*, 1> frame{};
  backtrace(frame.data(), 1);
  terminate_before = std::set_terminate(on_terminate);
  for (size_t i = 0; i < kSignals.size(); i++) listen(kSignals[i].number, &before[i]);
}

void protect_thread() {
  stack_t now{};
  if (sigaltstack(nullptr, &now) != 0 || !has(now.ss_flags, SS_DISABLE)) return;
  thread_local SignalStack own;
}

void stage(const char* name) { stage_name.store(name, std::memory_order_relaxed); }

void requests(std::span<const Request> live) {
  auto used = std::min(live.size(), kMostRequests);
  for (size_t i = 0; i < used; i++) {
    slots[i].id.store(live[i].id, std::memory_order_relaxed);
    slots[i].prompt.store(live[i].prompt, std::memory_order_relaxed);
    slots[i].read.store(live[i].read, std::memory_order_relaxed);
    slots[i].output.store(live[i].output, std::memory_order_relaxed);
  }
  slots_used.store(used, std::memory_order_release);
}

}  // namespace tether::crash
