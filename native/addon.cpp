// The module's entry: exports class Engine, the functions about() and loopAt(), and the ranges of the options.
#include <napi.h>

#include "engine/about.h"
#include "engine/allocator.h"
#include "engine/loop_guard.h"
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

Napi::Value loop_at(const Napi::CallbackInfo& info) {
  auto tokens = tether::to_tokens(info[0], "tokens");
  bool in_call = info[1].ToBoolean().Value();
  tether::LoopGuard guard(tether::to_repetition(info[2]));
  int at = 0;
  for (int32_t token : tokens) {
    guard.accept(token, in_call);
    at++;
    if (guard.discouraged()) return Napi::Number::New(info.Env(), at);
  }
  return Napi::Number::New(info.Env(), -1);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  tether::settle_allocator();
  exports.Set("Engine", tether::EngineWrap::define(env));
  exports.Set("about", Napi::Function::New(env, about, "about"));
  exports.Set("loopAt", Napi::Function::New(env, loop_at, "loopAt"));
  exports.Set("optionRanges", tether::from_option_tables(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(tether, init)
