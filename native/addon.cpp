// The module's entry: exports class Engine.
#include <napi.h>

#include "napi/engine_wrap.h"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("Engine", tether::EngineWrap::define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(tether, init)
