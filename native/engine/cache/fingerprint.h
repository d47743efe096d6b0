// What makes the keys and values of equal tokens equal: the checkpoint and how it is computed.
#pragma once

#include <string>
#include <vector>

#include "adapter_source.h"
#include "engine/cache/key.h"
#include "json.h"

namespace tether {

// Over config.json, the files' sizes and parts of their content all over each, so that a changed tensor changes it, and
// `format`: how keys and values are computed and stored. Not over names, paths or times: a copy of a checkpoint is the
// same. Reads some megabytes. Files that cannot be read count as empty.
Key fingerprint(const Json& config, const std::vector<std::string>& files, const std::string& format);

// What makes two adapters of a model the same: their tensors, which are read whole, and what is done with them.
Key fingerprint(const AdapterSource& adapter);

}  // namespace tether
