// What xgrammar reports while it compiles: its warnings, one list a thread, and its faults as Error.
#pragma once

#include <string>
#include <vector>

namespace tether {

// The warnings of this thread since the last call.
std::vector<std::string> take_grammar_warnings();

}  // namespace tether
