// The only place that knows both JavaScript values and the engine's types: every type check is here.
#include "napi/convert.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace tether {
namespace {

// Deeper than any config.json, shallow enough for the stack.
constexpr int kMaxDepth = 64;

[[noreturn]] void wrong(Napi::Env env, const std::string& name, const char* want) {
  throw Napi::TypeError::New(env, name + " must be " + want);
}

Json to_json(const Napi::Value& value, int depth = 0) {
  if (depth > kMaxDepth) throw Napi::TypeError::New(value.Env(), "config is nested too deeply");
  if (value.IsBoolean()) return {value.As<Napi::Boolean>().Value()};
  if (value.IsNumber()) return {value.As<Napi::Number>().DoubleValue()};
  if (value.IsString()) return {value.As<Napi::String>().Utf8Value()};
  if (value.IsArray()) {
    auto array = value.As<Napi::Array>();
    Json::Array items;
    for (uint32_t i = 0; i < array.Length(); i++) items.push_back(to_json(array.Get(i), depth + 1));
    return {std::move(items)};
  }
  if (value.IsObject()) {
    auto object = value.As<Napi::Object>();
    auto names = object.GetPropertyNames();
    Json::Object members;
    for (uint32_t i = 0; i < names.Length(); i++) {
      Napi::Value name = names.Get(i);
      members[name.ToString().Utf8Value()] = to_json(object.Get(name), depth + 1);
    }
    return {std::move(members)};
  }
  return {};
}

Napi::Object to_object(const Napi::Value& value, const std::string& name) {
  if (!value.IsObject()) wrong(value.Env(), name, "an object");
  return value.As<Napi::Object>();
}

double to_number(const Napi::Object& object, const char* name, double least, double most) {
  Napi::Value value = object.Get(name);
  double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number >= least && number <= most))
    throw Napi::TypeError::New(object.Env(), std::string(name) + " must be a number from " + std::to_string(least) +
                                                 " to " + std::to_string(most));
  return number;
}

int to_int(const Napi::Object& object, const char* name, int least) {
  double number = to_number(object, name, least, std::numeric_limits<int>::max());
  return static_cast<int>(number);
}

double to_double(uint64_t value) { return static_cast<double>(value); }

const char* reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop:
      return "stop";
    case FinishReason::length:
      return "length";
    case FinishReason::window:
      return "window";
    case FinishReason::cancelled:
      return "cancelled";
  }
  return "stop";
}

const char* limit_name(WindowLimit limit) {
  switch (limit) {
    case WindowLimit::checkpoint:
      return "checkpoint";
    case WindowLimit::max_context:
      return "max_context";
    case WindowLimit::memory:
      return "memory";
  }
  return "checkpoint";
}

}  // namespace

LoadRequest to_load_request(const Napi::Value& value) {
  auto object = to_object(value, "load's argument");
  LoadRequest request;
  request.config = to_json(object.Get("config"));
  Napi::Value files = object.Get("files");
  if (!files.IsArray()) wrong(value.Env(), "files", "an array of paths");
  auto paths = files.As<Napi::Array>();
  for (uint32_t i = 0; i < paths.Length(); i++) {
    Napi::Value path = paths.Get(i);
    if (!path.IsString()) wrong(value.Env(), "files", "an array of paths");
    request.files.push_back(path.As<Napi::String>().Utf8Value());
  }
  request.memory_cap = static_cast<uint64_t>(to_number(object, "memoryCap", 0, 9007199254740991.0));
  request.max_context = to_int(object, "maxContext", 0);
  request.threads = to_int(object, "threads", 0);
  request.kv_bits = to_int(object, "kvBits", 0);
  request.prefill_chunk = to_int(object, "prefillChunk", 0);
  request.as_gpu = object.Get("asGpu").ToBoolean().Value();
  return request;
}

GenerateRequest to_generate_request(const Napi::Value& value) {
  auto object = to_object(value, "generate's request");
  GenerateRequest request;
  request.prompt = to_tokens(object.Get("prompt"), "prompt");
  request.max_tokens = to_int(object, "maxTokens", 1);
  constexpr double kMost = std::numeric_limits<float>::max();
  request.sampling.temperature = static_cast<float>(to_number(object, "temperature", 0, kMost));
  request.sampling.top_p = static_cast<float>(to_number(object, "topP", 0, 1));
  request.sampling.top_k = to_int(object, "topK", 0);
  request.sampling.min_p = static_cast<float>(to_number(object, "minP", 0, 1));
  request.sampling.repetition_penalty = static_cast<float>(to_number(object, "repetitionPenalty", 1e-3, 1e3));
  if (!object.Get("seed").IsUndefined())
    request.sampling.seed = static_cast<uint64_t>(to_number(object, "seed", 0, 9007199254740991.0));
  request.stop_tokens = to_tokens(object.Get("stopTokens"), "stopTokens");
  return request;
}

std::vector<int32_t> to_tokens(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
    wrong(value.Env(), name, "an Int32Array");
  auto array = value.As<Napi::Int32Array>();
  return {array.Data(), array.Data() + array.ElementLength()};
}

Napi::Object from_info(Napi::Env env, const EngineInfo& info) {
  auto object = Napi::Object::New(env);
  object["modelType"] = Napi::String::New(env, info.model_type);
  object["window"] = Napi::Number::New(env, info.window);
  object["windowLimit"] = Napi::String::New(env, limit_name(info.window_limit));
  object["trainedWindow"] = Napi::Number::New(env, info.trained_window);
  object["parameters"] = Napi::Number::New(env, to_double(info.parameters));
  object["quantization"] = Napi::String::New(env, info.quantization);
  object["computeDtype"] = Napi::String::New(env, info.compute_dtype);
  object["device"] = Napi::String::New(env, info.device);
  object["kvBits"] = Napi::Number::New(env, info.kv_bits);
  object["prefillChunk"] = Napi::Number::New(env, info.prefill_chunk);
  object["vocabSize"] = Napi::Number::New(env, info.vocab_size);
  auto memory = Napi::Object::New(env);
  memory["weights"] = Napi::Number::New(env, to_double(info.weights_bytes));
  memory["cap"] = Napi::Number::New(env, to_double(info.memory_cap));
  memory["perToken"] = Napi::Number::New(env, to_double(info.bytes_per_token));
  object["memory"] = memory;
  return object;
}

Napi::Object from_stats(Napi::Env env, const EngineStats& stats) {
  auto object = Napi::Object::New(env);
  object["queued"] = Napi::Number::New(env, to_double(stats.queued));
  object["live"] = Napi::Number::New(env, to_double(stats.live));
  auto prefill = Napi::Object::New(env);
  prefill["done"] = Napi::Number::New(env, stats.prefill.done);
  prefill["total"] = Napi::Number::New(env, stats.prefill.total);
  object["prefill"] = prefill;
  object["requests"] = Napi::Number::New(env, to_double(stats.requests));
  object["hits"] = Napi::Number::New(env, to_double(stats.hits));
  object["promptTokens"] = Napi::Number::New(env, to_double(stats.prompt_tokens));
  object["cachedTokens"] = Napi::Number::New(env, to_double(stats.cached_tokens));
  object["outputTokens"] = Napi::Number::New(env, to_double(stats.output_tokens));
  object["prefillSeconds"] = Napi::Number::New(env, stats.prefill_seconds);
  object["decodeSeconds"] = Napi::Number::New(env, stats.decode_seconds);
  object["ownSeconds"] = Napi::Number::New(env, stats.own_seconds);
  auto rate = Napi::Object::New(env);
  rate["prefill"] = Napi::Number::New(env, stats.prefill_rate);
  rate["decode"] = Napi::Number::New(env, stats.decode_rate);
  object["tokensPerSecond"] = rate;
  auto memory = Napi::Object::New(env);
  memory["active"] = Napi::Number::New(env, to_double(stats.active_bytes));
  memory["peak"] = Napi::Number::New(env, to_double(stats.peak_bytes));
  memory["cache"] = Napi::Number::New(env, to_double(stats.cache_bytes));
  memory["weights"] = Napi::Number::New(env, to_double(stats.weights_bytes));
  memory["kv"] = Napi::Number::New(env, to_double(stats.kv_bytes));
  memory["prefix"] = Napi::Number::New(env, to_double(stats.prefix_bytes));
  memory["reserved"] = Napi::Number::New(env, to_double(stats.reserved_bytes));
  auto held = stats.weights_bytes + stats.kv_bytes + stats.prefix_bytes;
  memory["scratch"] = Napi::Number::New(env, to_double(stats.active_bytes - std::min(held, stats.active_bytes)));
  object["memory"] = memory;
  return object;
}

Napi::Object from_finish(Napi::Env env, const Finish& finish) {
  auto object = Napi::Object::New(env);
  object["reason"] = Napi::String::New(env, reason_name(finish.reason));
  if (finish.stop_token) object["stopToken"] = Napi::Number::New(env, *finish.stop_token);
  object["promptTokens"] = Napi::Number::New(env, finish.prompt_tokens);
  object["cachedTokens"] = Napi::Number::New(env, finish.cached_tokens);
  object["outputTokens"] = Napi::Number::New(env, finish.output_tokens);
  object["queueSeconds"] = Napi::Number::New(env, finish.queue_seconds);
  object["prefillSeconds"] = Napi::Number::New(env, finish.prefill_seconds);
  object["decodeSeconds"] = Napi::Number::New(env, finish.decode_seconds);
  return object;
}

Napi::Int32Array from_tokens(Napi::Env env, const std::vector<int32_t>& tokens) {
  auto array = Napi::Int32Array::New(env, tokens.size());
  std::ranges::copy(tokens, array.Data());
  return array;
}

Napi::Float32Array from_floats(Napi::Env env, const std::vector<float>& floats) {
  auto array = Napi::Float32Array::New(env, floats.size());
  std::ranges::copy(floats, array.Data());
  return array;
}

Napi::Value from_failure(Napi::Env env, const Failure& failure) {
  auto error = Napi::Error::New(env, failure.message);
  error.Set("code", Napi::String::New(env, failure.code));
  return error.Value();
}

}  // namespace tether
