// What xgrammar reports while it compiles: its warnings, one list a thread, and its faults as Error.
#include "grammar/xgrammar_log.h"

#include <utility>

#include "error.h"

namespace {

thread_local std::vector<std::string> warnings;

// Of one compilation; a schema may have thousands of faults of one kind.
constexpr size_t kMostWarnings = 16;
constexpr int kWarning = 2;

}  // namespace

namespace tether {

std::vector<std::string> take_grammar_warnings() { return std::exchange(warnings, {}); }

}  // namespace tether

// Declared by xgrammar, which is compiled with a log of ours.
namespace xgrammar {

[[noreturn]] void LogFatalImpl(const std::string& file, int line, const std::string& message);
void LogMessageImpl(const std::string& file, int line, int level, const std::string& message);

void LogFatalImpl(const std::string& /*file*/, int /*line*/, const std::string& message) {
  throw tether::Error("invalid_request", message);
}

void LogMessageImpl(const std::string& /*file*/, int /*line*/, int level, const std::string& message) {
  if (level == kWarning && warnings.size() < kMostWarnings) warnings.push_back(message);
}

}  // namespace xgrammar
