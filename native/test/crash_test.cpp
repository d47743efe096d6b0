// Tests the file that a crash leaves: each crash happens in a process of its own.
#include "crash.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>

#include "test/check.h"

using namespace tether;

namespace {

// ASan and TSan have handlers of their own, which end the process.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kFaultsReachUs = false;
#else
constexpr bool kFaultsReachUs = true;
#endif

const std::string& path() {
  static const std::string one =
      (std::filesystem::temp_directory_path() / ("tether-crash-test-" + std::to_string(getpid()))).string();
  return one;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Runs `crash` in a child that has one live request. -> what it leaves; `signal` is what ended it
std::string left_by(const std::function<void()>& crash, int signal, const std::string& name) {
  std::filesystem::remove(path());
  pid_t child = fork();
  if (child == 0) {
    rlimit none{.rlim_cur = 0, .rlim_max = 0};
    setrlimit(RLIMIT_CORE, &none);
    crash::install(path(), "about this process\n");
    crash::stage("testing");
    crash::requests(std::array{crash::Request{.id = 7, .prompt = 100, .read = 60, .output = 0},
                               crash::Request{.id = 8, .prompt = 5, .read = 5, .output = 12}});
    crash();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  check(WIFSIGNALED(status) && WTERMSIG(status) == signal, name + " ends the process by its own signal");
  std::ifstream file(path());
  std::string text{std::istreambuf_iterator<char>(file), {}};
  check(text.starts_with("about this process\ncrashed by: "), name + " leaves a file");
  check(has(text, "the engine was: testing\nlive requests: 2\n"), name + " leaves the stage of the engine");
  check(has(text, "request 7: 60 of 100 prompt tokens read, 0 generated\n"), name + " leaves the live requests");
  check(has(text, "request 8: 5 of 5 prompt tokens read, 12 generated\n"), name + " leaves all of them");
  check(has(text, "backtrace of the thread that crashed:\n") && has(text, "[0x"), name + " leaves a backtrace");
  return text;
}

void fault() {
  volatile int* nowhere = nullptr;
  *nowhere = 1;
}

// So deep that no stack has room for it.
int deeper(volatile char* above, int left) {
  std::array<volatile char, 4096> room{};
  room[0] = above[0];
  return left == 0 ? 0 : deeper(room.data(), left - 1) + room[1];
}

void overflow() {
  std::thread([] {
    crash::protect_thread();
    char first = 1;
    deeper(&first, 100'000'000);
  }).join();
}

// As Node's handler does with a fault that is none of WebAssembly.
void leave_to_default(int number) {
  struct sigaction end{};
  end.sa_handler = SIG_DFL;
  sigaction(number, &end, nullptr);
  raise(number);
}

// Damaged memory is often read by several threads. The second one faults while the first one's file is written.
void two_threads() {
  std::thread([] {
    while (!std::filesystem::exists(path())) {
    }
    fault();
  }).detach();
  fault();
}

void throw_on_a_thread() {
  std::thread([] { throw std::runtime_error("a fault\non purpose"); }).join();
}

}  // namespace

int main() {
  check(has(left_by([] { std::abort(); }, SIGABRT, "abort()"), "crashed by: SIGABRT\n"), "abort() is named");
  auto thrown = left_by(throw_on_a_thread, SIGABRT, "std::terminate");
  check(has(thrown, "\nexception: a fault on purpose\n"), "what was thrown is in the file, on one line");
  check(has(left_by([] { raise(SIGILL); }, SIGILL, "SIGILL"), "crashed by: SIGILL\n"), "SIGILL is named");
  if (kFaultsReachUs) {
    check(has(left_by(fault, SIGSEGV, "a fault"), "crashed by: SIGSEGV\n"), "a fault is named");
    check(has(left_by(overflow, SIGSEGV, "an overflow of a stack"), "SIGSEGV"), "an overflow of a stack is named");
    std::signal(SIGSEGV, leave_to_default);
    left_by(two_threads, SIGSEGV, "a fault of two threads");
    std::signal(SIGSEGV, SIG_DFL);
  }
  // What is at the path is not written over.
  std::ofstream(path()) << "mine";
  pid_t child = fork();
  if (child == 0) {
    crash::install(path(), "about\n");
    std::abort();
  }
  waitpid(child, nullptr, 0);
  check(std::filesystem::file_size(path()) == 4, "a file that is there stays");
  std::filesystem::remove(path());
  return result();
}
