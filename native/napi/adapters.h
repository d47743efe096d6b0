// Adapters as JavaScript names them: those that are loaded, and the one of a request.
#pragma once

#include <napi.h>

#include <vector>

#include "adapter_source.h"

namespace tether {

// Both throw Napi::TypeError naming what is wrong.

// undefined: none.
std::vector<AdapterSource> to_adapters(const Napi::Value& value);
// Its number, from 1 on; undefined: 0, which is none.
int to_adapter(const Napi::Value& value);

}  // namespace tether
