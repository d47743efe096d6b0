// Layers that share keys and values: which layer's each of them reads.
#pragma once

#include <string>
#include <vector>

namespace tether {

// The last `shared` layers have no keys and values of their own. -> for each layer the one whose it reads: itself, or
// the last of its kind (sliding or full) that has any. Throws Error("bad_config") that names `where` if there is none.
std::vector<size_t> key_sources(const std::vector<bool>& sliding, int shared, const std::string& where);

}  // namespace tether
