// How many tokens of a prompt go through the model at a time.
#pragma once

#include "model/device.h"
#include "model/model.h"

namespace tether {

// The largest power of two, within the device's bounds, that this model computes in about half a second: other requests
// wait that long for their next token, and a cancelled one for its end. Measured on the first layers, without a
// context. Engine thread only.
int chunk_size(Model& model, const DevicePolicy& device, int kv_bits);

}  // namespace tether
