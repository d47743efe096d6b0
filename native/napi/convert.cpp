// Between JavaScript values and the engine's types. All type checks of the addon's arguments are here.
#include "napi/convert.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

#include "napi/adapters.h"

namespace tether {
namespace {

// No config.json is nested as deeply, and the stack has room for it.
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

// A bound of a range, with no more digits than it needs.
std::string show(double bound) {
  std::array<char, 32> text{};
  auto end = std::to_chars(text.data(), text.data() + text.size(), bound);
  return {text.data(), end.ptr};
}

double to_number(const Napi::Object& object, const char* name, double least, double most, bool whole) {
  Napi::Value value = object.Get(name);
  double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (number >= least && number <= most && (!whole || number == std::floor(number))) return number;
  throw Napi::TypeError::New(object.Env(), std::string(name) + " must be a " + (whole ? "whole number" : "number") +
                                               " from " + show(least) + " to " + show(most));
}

// Throws Napi::TypeError for a field that is missing or out of its range.
template <typename Options, size_t count>
void read_options(const Napi::Object& object, const std::array<Option<Options>, count>& table, Options& options) {
  for (const auto& option : table) {
    if (option.optional && object.Get(option.name).IsUndefined()) continue;
    option.set(options, to_number(object, option.name, option.least, option.most, option.whole));
  }
}

template <typename Options, size_t count>
Napi::Object from_options(Napi::Env env, const std::array<Option<Options>, count>& table) {
  auto ranges = Napi::Object::New(env);
  for (const auto& option : table) {
    auto range = Napi::Object::New(env);
    range.Set("least", option.least);
    range.Set("most", option.most);
    range.Set("whole", option.whole);
    ranges.Set(option.name, range);
  }
  return ranges;
}

constexpr std::array kReasons{
    std::pair{FinishReason::stop, "stop"},     std::pair{FinishReason::length, "length"},
    std::pair{FinishReason::window, "window"}, std::pair{FinishReason::cancelled, "cancelled"},
    std::pair{FinishReason::loop, "loop"},
};

constexpr std::array kMissReasons{
    std::pair{Miss::Reason::diverged, "diverged"},
    std::pair{Miss::Reason::evicted, "evicted"},
    std::pair{Miss::Reason::first, "first"},
};

constexpr std::array kLimits{
    std::pair{WindowLimit::checkpoint, "checkpoint"},
    std::pair{WindowLimit::max_context, "max_context"},
    std::pair{WindowLimit::memory, "memory"},
};

template <typename Names, typename Enum>
const char* name_of(const Names& names, Enum value) {
  return std::ranges::find(names, value, [](const auto& entry) { return entry.first; })->second;
}

Napi::Value from_miss(Napi::Env env, const Miss& miss) {
  if (miss.reason == Miss::Reason::none) return env.Null();
  auto object = Napi::Object::New(env);
  object.Set("reason", name_of(kMissReasons, miss.reason));
  object.Set("at", miss.at);
  object.Set("ours", from_tokens(env, miss.ours));
  object.Set("theirs", from_tokens(env, miss.theirs));
  return object;
}

// Allows one token after another, and everything after them.
LogitsMask only(Napi::Env env, std::vector<int32_t> script) {
  constexpr size_t kLargestVocabulary = size_t{1} << 20U;
  if (std::ranges::any_of(script, [](int32_t id) { return id < 0 || static_cast<size_t>(id) >= kLargestVocabulary; }))
    wrong(env, "script", "an Int32Array of tokens");
  return [script = std::move(script)](std::span<const int32_t> output) {
    std::vector<uint32_t> allowed;
    if (output.size() >= script.size()) return allowed;
    auto id = static_cast<size_t>(script[output.size()]);
    allowed.resize(kLargestVocabulary / 32);
    allowed[id / 32] = 1U << (id % 32U);
    return allowed;
  };
}

std::string to_text(const Napi::Object& object, const char* name) {
  Napi::Value value = object.Get(name);
  if (!value.IsString()) wrong(object.Env(), name, "a text");
  return value.As<Napi::String>().Utf8Value();
}

std::vector<std::string> to_paths(const Napi::Value& value) {
  constexpr auto* kWanted = "an array of paths";
  if (!value.IsArray()) wrong(value.Env(), "files", kWanted);
  auto array = value.As<Napi::Array>();
  std::vector<std::string> paths;
  for (uint32_t i = 0; i < array.Length(); i++) {
    Napi::Value path = array.Get(i);
    if (!path.IsString()) wrong(value.Env(), "files", kWanted);
    paths.push_back(path.As<Napi::String>().Utf8Value());
  }
  return paths;
}

}  // namespace

LoadRequest to_load_request(const Napi::Value& value) {
  auto object = to_object(value, "load's argument");
  LoadRequest request;
  request.config = to_json(object.Get("config"));
  request.files = to_paths(object.Get("files"));
  if (object.Get("drafter").IsObject()) {
    auto drafter = object.Get("drafter").As<Napi::Object>();
    request.drafter = DrafterRequest{.path = to_text(drafter.Get("path"), "drafter.path"),
                                     .config = to_json(drafter.Get("config")),
                                     .files = to_paths(drafter.Get("files"))};
  }
  request.adapters = to_adapters(object.Get("adapters"));
  read_options(object, kLoadOptions, request.options);
  Napi::Value cache = object.Get("cacheDir");
  if (cache.IsString()) request.cache_dir = cache.As<Napi::String>().Utf8Value();
  if (object.Get("diskCache").IsNumber())
    request.disk_cache = static_cast<uint64_t>(to_number(object, "diskCache", 0, kMaxSafeInteger, true));
  Napi::Value crash = object.Get("crash");
  if (crash.IsObject()) {
    request.crash_path = to_text(crash.As<Napi::Object>(), "path");
    request.crash_about = to_text(crash.As<Napi::Object>(), "about");
  }
  request.lookup = object.Get("lookup").ToBoolean().Value();
  request.always_draft = object.Get("alwaysDraft").ToBoolean().Value();
  request.asks_for_room = object.Get("asksForRoom").ToBoolean().Value();
  request.as_gpu = object.Get("asGpu").ToBoolean().Value();
  return request;
}

Repetition to_repetition(const Napi::Value& value) {
  if (value.IsUndefined()) return {};
  auto object = to_object(value, "repetition");
  return {.times = static_cast<int>(to_number(object, "times", 0, kMaxInt, true)),
          .tokens = static_cast<int>(to_number(object, "tokens", 0, kMaxInt, true))};
}

GenerateRequest to_generate_request(const Napi::Value& value) {
  auto object = to_object(value, "generate's request");
  GenerateRequest request;
  request.prompt = to_tokens(object.Get("prompt"), "prompt");
  request.adapter = to_adapter(object.Get("adapter"));
  request.max_tokens = static_cast<int>(to_number(object, "maxTokens", 1, kMaxInt, true));
  read_options(object, kSamplingOptions, request.sampling);
  request.stop_tokens = to_tokens(object.Get("stopTokens"), "stopTokens");
  if (!object.Get("forks").IsUndefined()) request.forks = to_tokens(object.Get("forks"), "forks");
  if (!object.Get("script").IsUndefined()) request.mask = only(value.Env(), to_tokens(object.Get("script"), "script"));
  request.loop_guard = object.Get("loopGuard").ToBoolean();
  request.repetition = to_repetition(object.Get("repetition"));
  if (object.Get("client").IsString()) request.client = object.Get("client").As<Napi::String>().Utf8Value();
  if (!object.Get("label").IsUndefined())
    request.label = static_cast<uint64_t>(to_number(object, "label", 0, kMaxSafeInteger, true));
  return request;
}

std::string to_text(const Napi::Value& value, const char* name) {
  if (!value.IsString()) wrong(value.Env(), name, "a string");
  return value.As<Napi::String>().Utf8Value();
}

std::optional<HeldGrammar> to_grammar(const Napi::Value& request) {
  Napi::Value value = to_object(request, "generate's request").Get("grammar");
  if (value.IsUndefined()) return std::nullopt;
  auto object = to_object(value, "grammar");
  HeldGrammar held{.source = to_text(object.Get("source"), "grammar.source"), .otherwise = {}, .hold = {}};
  Napi::Value otherwise = object.Get("otherwise");
  if (!otherwise.IsUndefined())
    held.otherwise = to_text(to_object(otherwise, "grammar.otherwise").Get("source"), "grammar.otherwise.source");
  held.hold.from_start = object.Get("fromStart").ToBoolean().Value();
  held.hold.begun = to_text(object.Get("begun"), "grammar.begun");
  held.hold.required = object.Get("required").ToBoolean().Value();
  held.hold.to_end = object.Get("toEnd").ToBoolean().Value();
  Napi::Value opening = object.Get("opening");
  if (!opening.IsUndefined()) held.hold.opening = to_text(opening, "grammar.opening");
  held.hold.tokens = to_tokens(object.Get("afterTokens"), "grammar.afterTokens");
  Napi::Value texts = object.Get("afterTexts");
  if (!texts.IsArray()) wrong(value.Env(), "grammar.afterTexts", "an array of strings");
  auto array = texts.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++)
    held.hold.texts.push_back(to_text(array.Get(i), "grammar.afterTexts' entries"));
  return held;
}

GrammarVocabulary to_vocabulary(const Napi::Value& value) {
  auto object = to_object(value, "setVocabulary's argument");
  Napi::Value bytes = object.Get("bytes");
  if (!bytes.IsTypedArray() || bytes.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    wrong(value.Env(), "bytes", "a Uint8Array");
  auto array = bytes.As<Napi::Uint8Array>();
  std::string all(array.Data(), array.Data() + array.ElementLength());
  GrammarVocabulary vocabulary;
  size_t begin = 0;
  for (int32_t end : to_tokens(object.Get("ends"), "ends")) {
    auto place = static_cast<size_t>(end);
    if (end < 0 || place < begin || place > all.size()) wrong(value.Env(), "ends", "ascending places in bytes");
    vocabulary.tokens.push_back(all.substr(begin, place - begin));
    begin = place;
  }
  auto ids = [&](const char* name) {
    auto tokens = to_tokens(object.Get(name), name);
    auto known = [&](int32_t id) { return id >= 0 && static_cast<size_t>(id) < vocabulary.tokens.size(); };
    if (!std::ranges::all_of(tokens, known)) wrong(value.Env(), name, "ids of the vocabulary");
    return tokens;
  };
  if (!object.Get("quote").IsUndefined()) {
    auto last = static_cast<double>(vocabulary.tokens.size()) - 1;
    vocabulary.quote = static_cast<int32_t>(to_number(object, "quote", 0, last, true));
  }
  vocabulary.stop_tokens = ids("stopTokens");
  return vocabulary;
}

std::vector<int32_t> to_tokens(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
    wrong(value.Env(), name, "an Int32Array");
  auto array = value.As<Napi::Int32Array>();
  return {array.Data(), array.Data() + array.ElementLength()};
}

Napi::Object from_option_tables(Napi::Env env) {
  auto tables = Napi::Object::New(env);
  tables.Set("load", from_options(env, kLoadOptions));
  tables.Set("sampling", from_options(env, kSamplingOptions));
  return tables;
}

Napi::Object from_info(Napi::Env env, const EngineInfo& info) {
  auto memory = Napi::Object::New(env);
  memory.Set("weights", info.weights_bytes);
  memory.Set("cap", info.memory_cap);
  memory.Set("perToken", info.bytes_per_token);
  auto object = Napi::Object::New(env);
  object.Set("modelType", info.model_type);
  object.Set("parameters", info.parameters);
  object.Set("quantization", info.quantization);
  object.Set("vocabSize", info.vocab_size);
  object.Set("trainedWindow", info.trained_window);
  object.Set("window", info.window);
  object.Set("windowLimit", name_of(kLimits, info.window_limit));
  object.Set("computeDtype", info.compute_dtype);
  object.Set("device", info.device);
  object.Set("kvBits", info.kv_bits);
  object.Set("activationBits", info.activation_bits);
  object.Set("prefillChunk", info.prefill_chunk);
  object.Set("fingerprint", info.fingerprint);
  object.Set("memory", memory);
  return object;
}

Napi::Object from_finish(Napi::Env env, const Finish& finish) {
  auto object = Napi::Object::New(env);
  object.Set("reason", name_of(kReasons, finish.reason));
  if (finish.stop_token) object.Set("stopToken", *finish.stop_token);
  object.Set("promptTokens", finish.prompt_tokens);
  object.Set("cachedTokens", finish.cached_tokens);
  object.Set("createdTokens", finish.created_tokens);
  object.Set("computedTokens", finish.computed_tokens);
  object.Set("miss", from_miss(env, finish.miss));
  object.Set("outputTokens", finish.output_tokens);
  object.Set("queueSeconds", finish.queue_seconds);
  object.Set("prefillSeconds", finish.prefill_seconds);
  object.Set("decodeSeconds", finish.decode_seconds);
  object.Set("draftedTokens", finish.drafted_tokens);
  object.Set("acceptedTokens", finish.accepted_tokens);
  if (finish.constrained) {
    auto constrained = Napi::Object::New(env);
    constrained.Set("tokens", finish.constrained->tokens);
    constrained.Set("removed", finish.constrained->removed);
    if (finish.constrained->failure) constrained.Set("failure", *finish.constrained->failure);
    object.Set("constrained", constrained);
  }
  return object;
}

Napi::Int32Array from_tokens(Napi::Env env, const std::vector<int32_t>& tokens) {
  auto array = Napi::Int32Array::New(env, tokens.size());
  std::ranges::copy(tokens, array.Data());
  return array;
}

Napi::Array from_texts(Napi::Env env, const std::vector<std::string>& texts) {
  auto array = Napi::Array::New(env, texts.size());
  for (size_t i = 0; i < texts.size(); i++) array.Set(static_cast<uint32_t>(i), Napi::String::New(env, texts[i]));
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
