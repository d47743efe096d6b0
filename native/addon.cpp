// The module's entry: exports class Engine, the function about() and the ranges of the options.
#include <napi.h>

#include "engine/about.h"
#include "engine/allocator.h"
#include "napi/convert.h"
#include "napi/engine_wrap.h"

namespace {

Napi::Value about(const Napi::CallbackInfo& info) {
  auto known = tether::about();
  auto result = Napi::Object::New(info.Env());
  result.Set("mlx", known.mlx);
  result.Set("device", known.device);
  result.Set("blas", known.blas);
  return result;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  tether::settle_allocator();
  exports.Set("Engine", tether::EngineWrap::define(env));
  exports.Set("about", Napi::Function::New(env, about, "about"));
  exports.Set("optionRanges", tether::from_option_tables(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(tether, init)
