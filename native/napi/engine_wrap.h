// The JavaScript class Engine: load, generate, setVocabulary, compileGrammar, maskSeconds, score, logits, bareLoop,
// drafts, prefetch, stats, closeSoon, close. Its contract is src/binding.ts.
#pragma once

#include <napi.h>

#include <memory>

#include "engine/engine.h"
#include "grammar/grammar.h"
#include "napi/mailbox.h"

namespace tether {

class EngineWrap : public Napi::ObjectWrap<EngineWrap> {
 public:
  static Napi::Function define(Napi::Env env);

  explicit EngineWrap(const Napi::CallbackInfo& info);
  ~EngineWrap() override;

 private:
  Napi::Value load(const Napi::CallbackInfo& info);
  Napi::Value generate(const Napi::CallbackInfo& info);
  Napi::Value set_vocabulary(const Napi::CallbackInfo& info);
  Napi::Value compile_grammar(const Napi::CallbackInfo& info);
  Napi::Value mask_seconds(const Napi::CallbackInfo& info);
  Napi::Value score(const Napi::CallbackInfo& info);
  Napi::Value logits(const Napi::CallbackInfo& info);
  Napi::Value bare_loop(const Napi::CallbackInfo& info);
  Napi::Value drafts(const Napi::CallbackInfo& info);
  Napi::Value prefetch(const Napi::CallbackInfo& info);
  Napi::Value stats(const Napi::CallbackInfo& info);
  Napi::Value close_soon(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  class Closing;

  // Throws where there is no vocabulary.
  Grammars& grammars(Napi::Env env);

  // The engine and its mailbox outlive this object while callbacks hold them.
  struct Parts;
  std::shared_ptr<Parts> parts_;
};

}  // namespace tether
