// Adapters as JavaScript names them: those that are loaded, and the one of a request.
#include "napi/adapters.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace tether {
namespace {

[[noreturn]] void wrong(Napi::Env env, const std::string& name, const char* want) {
  throw Napi::TypeError::New(env, "adapters: " + name + " must be " + want);
}

std::string text_of(const Napi::Value& value, const char* name) {
  if (!value.IsString()) wrong(value.Env(), name, "a text");
  return value.As<Napi::String>().Utf8Value();
}

double number_of(const Napi::Value& value, const char* name) {
  double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(std::abs(number) <= std::numeric_limits<float>::max())) wrong(value.Env(), name, "a finite number");
  return number;
}

int count_of(const Napi::Value& value, const char* name) {
  double number = number_of(value, name);
  if (number < 0 || number > std::numeric_limits<int>::max() || number != std::floor(number))
    wrong(value.Env(), name, "a whole number from 0 on");
  return static_cast<int>(number);
}

// each: makes an entry of an element.
template <typename Each>
auto list_of(const Napi::Value& value, const char* name, Each each) {
  if (!value.IsArray()) wrong(value.Env(), name, "an array");
  auto array = value.As<Napi::Array>();
  std::vector<decltype(each(array.Get(uint32_t{0})))> items;
  for (uint32_t i = 0; i < array.Length(); i++) items.push_back(each(array.Get(i)));
  return items;
}

Napi::Object object_of(const Napi::Value& value, const char* name) {
  if (!value.IsObject()) wrong(value.Env(), name, "an object");
  return value.As<Napi::Object>();
}

AdapterPart to_part(const Napi::Value& value) {
  auto object = object_of(value, "an entry of parts");
  return {.layer = text_of(object.Get("layer"), "layer"),
          .a = text_of(object.Get("a"), "a"),
          .b = text_of(object.Get("b"), "b"),
          .scale = static_cast<float>(number_of(object.Get("scale"), "scale"))};
}

AdapterSource to_source(const Napi::Value& value) {
  auto object = object_of(value, "an entry");
  return {.path = text_of(object.Get("path"), "path"),
          .file = text_of(object.Get("file"), "file"),
          .transposed = object.Get("transposed").ToBoolean().Value(),
          .parts = list_of(object.Get("parts"), "parts", to_part),
          .modules = list_of(object.Get("modules"), "modules",
                             [](const Napi::Value& module) { return text_of(module, "an entry of modules"); }),
          .last_layers = count_of(object.Get("lastLayers"), "lastLayers")};
}

}  // namespace

std::vector<AdapterSource> to_adapters(const Napi::Value& value) {
  if (value.IsUndefined()) return {};
  return list_of(value, "the list", to_source);
}

int to_adapter(const Napi::Value& value) {
  return value.IsUndefined() ? 0 : count_of(value, "the number of an adapter");
}

}  // namespace tether
