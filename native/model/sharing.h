// Which layer's keys and values each layer reads, in models whose layers share them.
#pragma once

#include <string>
#include <vector>

namespace tether {

// The last `shared` layers have no keys and values of their own. -> for each layer the index of the layer whose keys
// and values it reads: itself, or the last layer of its kind (sliding or full) that has its own. Throws
// Error("bad_config"), which names `where`, if there is none.
std::vector<size_t> key_sources(const std::vector<bool>& sliding, int shared, const std::string& where);

}  // namespace tether
