// Between JavaScript values and the engine's types. All type checks of the addon's arguments are here.
#pragma once

#include <napi.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/types.h"
#include "grammar/call_constraint.h"

namespace tether {

// These throw Napi::TypeError naming the field.
LoadRequest to_load_request(const Napi::Value& value);
// undefined: nothing was asked for.
Repetition to_repetition(const Napi::Value& value);
GenerateRequest to_generate_request(const Napi::Value& value);
std::string to_text(const Napi::Value& value, const char* name);
GrammarVocabulary to_vocabulary(const Napi::Value& value);

// The grammar of a request, and when it holds.
struct HeldGrammar {
  std::string source;
  std::optional<std::string> otherwise;  // the source that holds if that one cannot be compiled
  Hold hold;
};
std::optional<HeldGrammar> to_grammar(const Napi::Value& request);

std::vector<int32_t> to_tokens(const Napi::Value& value, const char* name);
Napi::Array from_texts(Napi::Env env, const std::vector<std::string>& texts);

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
