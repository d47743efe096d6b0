// Which layer's keys and values each layer reads, in models whose layers share them.
#include "model/sharing.h"

#include "error.h"

namespace tether {

std::vector<size_t> key_sources(const std::vector<bool>& sliding, int shared, const std::string& where) {
  if (shared >= static_cast<int>(sliding.size()))
    throw Error("bad_config", "[config] " + where + ": num_kv_shared_layers must be below num_hidden_layers");
  size_t own = sliding.size() - static_cast<size_t>(shared);
  std::vector<size_t> sources;
  for (size_t layer = 0; layer < sliding.size(); layer++) {
    size_t after = layer < own ? layer + 1 : own;
    while (after > 0 && sliding[after - 1] != sliding[layer]) after--;
    if (after == 0)
      throw Error("bad_config", "[config] " + where + ": layer " + std::to_string(layer) +
                                    " shares keys and values, but no earlier layer of its kind has any");
    sources.push_back(after - 1);
  }
  return sources;
}

}  // namespace tether
