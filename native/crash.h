// What a crash of native code leaves behind: a file that says what ran. Without install() nothing is written.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace tether::crash {

// A live request, in tokens.
struct Request {
  uint64_t id = 0;
  int prompt = 0;
  int read = 0;    // of the prompt, reused tokens included
  int output = 0;  // generated
};

// From here on SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT and std::terminate write a new file at `path` that begins with
// `about`, and then do what they did before: handlers that were there run first, and the exit status stays. A second
// call changes the path and the text alone. Any thread, but no two at once.
void install(const std::string& path, const std::string& about);

// Gives the calling thread a stack for signals, so that an overflow of its own stack can be written down.
void protect_thread();

// What the engine does now. `name`: a literal.
void stage(const char* name);

// The live requests now. Engine thread.
void requests(std::span<const Request> live);

}  // namespace tether::crash
