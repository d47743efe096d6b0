// How many tokens of a prompt go through the model at a time.
#pragma once

#include "model/device.h"
#include "model/model.h"

namespace tether {

// The largest power of two, within the device's bounds, that this model is through with in about half a second: so long
// others wait for their next token, and whoever cancels for the end. Measured on the first layers, of an empty context.
// Engine thread only.
int chunk_size(Model& model, const DevicePolicy& device, int kv_bits);

}  // namespace tether
