// Between JavaScript values and the engine's types. All type checks of the addon's arguments are here.
#pragma once

#include <napi.h>

#include <vector>

#include "engine/types.h"

namespace tether {

// These throw Napi::TypeError naming the field.
LoadRequest to_load_request(const Napi::Value& value);
GenerateRequest to_generate_request(const Napi::Value& value);
std::vector<int32_t> to_tokens(const Napi::Value& value, const char* name);

// {load, sampling}: the range of each option by its name.
Napi::Object from_option_tables(Napi::Env env);
Napi::Object from_info(Napi::Env env, const EngineInfo& info);
Napi::Object from_stats(Napi::Env env, const EngineStats& stats);
Napi::Object from_finish(Napi::Env env, const Finish& finish);
Napi::Int32Array from_tokens(Napi::Env env, const std::vector<int32_t>& tokens);
Napi::Float32Array from_floats(Napi::Env env, const std::vector<float>& floats);
// An Error with `code`.
Napi::Value from_failure(Napi::Env env, const Failure& failure);

}  // namespace tether
