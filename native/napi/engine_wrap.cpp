// The JavaScript class Engine: load, generate, setVocabulary, compileGrammar, maskSeconds, score, logits, bareLoop,
// drafts, prefetch, stats, closeSoon, close. Its contract is src/binding.ts.
#include "napi/engine_wrap.h"

#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crash.h"
#include "engine/probe.h"
#include "error.h"
#include "grammar/grammar.h"
#include "napi/adapters.h"
#include "napi/convert.h"

namespace tether {

struct EngineWrap::Parts {
  Engine engine;
  std::shared_ptr<Mailbox> mailbox;
  std::shared_ptr<Grammars> grammars;  // once there is a vocabulary

  void close() {
    engine.close();
    grammars.reset();
  }
};

namespace {

Napi::Function to_function(const Napi::Value& value, const char* name) {
  if (!value.IsFunction()) throw Napi::TypeError::New(value.Env(), std::string(name) + " must be a function");
  return value.As<Napi::Function>();
}

// A function of JavaScript's. The engine thread may be the last to hold it, but only the JavaScript thread may release
// it.
std::shared_ptr<Napi::FunctionReference> keep(const Napi::Function& function, const std::shared_ptr<Mailbox>& mailbox) {
  auto reference = std::make_unique<Napi::FunctionReference>(Napi::Persistent(function));
  return {reference.release(), [mailbox](Napi::FunctionReference* raw) {
            mailbox->post_task([raw](Napi::Env) { delete raw; });  // NOLINT: owned by this deleter
          }};
}

// A grammar that JavaScript waits for. Two threads may let go of it.
class Asked {
 public:
  explicit Asked(GrammarWish wish) : wish_(std::move(wish)) {}

  std::optional<GrammarWish> take() {
    std::scoped_lock lock(mutex_);
    return std::exchange(wish_, std::nullopt);
  }

 private:
  std::mutex mutex_;
  std::optional<GrammarWish> wish_;
};

// A promise that the engine thread settles through the mailbox.
template <typename T, typename Convert>
std::pair<Napi::Promise, Engine::Done<T>> promise(Napi::Env env, const std::shared_ptr<Mailbox>& mailbox,
                                                  Convert convert) {
  auto deferred = std::make_shared<Napi::Promise::Deferred>(Napi::Promise::Deferred::New(env));
  mailbox->ref(env);
  auto done = [deferred, mailbox, convert](std::variant<T, Failure> result) {
    mailbox->post_task([deferred, mailbox, convert, result = std::move(result)](Napi::Env now) {
      if (const auto* failure = std::get_if<Failure>(&result))
        deferred->Reject(from_failure(now, *failure));
      else
        deferred->Resolve(convert(now, std::get<T>(result)));
      mailbox->unref(now);
    });
  };
  return {deferred->Promise(), done};
}

}  // namespace

Napi::Function EngineWrap::define(Napi::Env env) {
  return DefineClass(
      env, "Engine",
      {InstanceMethod<&EngineWrap::load>("load"), InstanceMethod<&EngineWrap::generate>("generate"),
       InstanceMethod<&EngineWrap::set_vocabulary>("setVocabulary"),
       InstanceMethod<&EngineWrap::compile_grammar>("compileGrammar"),
       InstanceMethod<&EngineWrap::mask_seconds>("maskSeconds"), InstanceMethod<&EngineWrap::score>("score"),
       InstanceMethod<&EngineWrap::logits>("logits"), InstanceMethod<&EngineWrap::bare_loop>("bareLoop"),
       InstanceMethod<&EngineWrap::drafts>("drafts"), InstanceMethod<&EngineWrap::prefetch>("prefetch"),
       InstanceMethod<&EngineWrap::stats>("stats"), InstanceMethod<&EngineWrap::close_soon>("closeSoon"),
       InstanceMethod<&EngineWrap::close>("close")});
}

EngineWrap::EngineWrap(const Napi::CallbackInfo& info) : ObjectWrap(info), parts_(std::make_shared<Parts>()) {
  parts_->mailbox = Mailbox::make(info.Env());
  // The engine thread must end before the environment does (when a worker is terminated, or the process exits).
  info.Env().AddCleanupHook(
      [](std::weak_ptr<Parts>* parts) {
        if (auto alive = parts->lock()) {
          alive->close();
          alive->mailbox->close();
        }
        delete parts;  // NOLINT: Node's hook takes a plain pointer
      },
      new std::weak_ptr<Parts>(parts_));  // NOLINT
}

EngineWrap::~EngineWrap() {
  parts_->close();
  parts_->mailbox->close();
}

Napi::Value EngineWrap::load(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto request = to_load_request(info[0]);
  if (!request.crash_path.empty()) crash::install(request.crash_path, request.crash_about);
  auto mailbox = parts_->mailbox;
  auto on_progress = keep(to_function(info[1], "load's second argument"), mailbox);
  auto progress = [mailbox, on_progress](double fraction) {
    mailbox->post_task(
        [on_progress, fraction](Napi::Env now) { on_progress->Call({Napi::Number::New(now, fraction)}); });
  };
  auto [result, done] = promise<EngineInfo>(env, mailbox, from_info);
  parts_->engine.load(std::move(request), progress, done);
  return result;
}

Napi::Value EngineWrap::generate(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto request = to_generate_request(info[0]);
  if (auto held = to_grammar(info[0])) {
    auto& known = grammars(env);
    auto grammar = known.compile(held->source);
    std::optional<GrammarWish> otherwise;
    if (held->otherwise) otherwise = known.compile(*held->otherwise);
    request.constraint =
        std::make_shared<CallConstraint>(std::move(grammar), std::move(held->hold), std::move(otherwise));
  }
  auto mailbox = parts_->mailbox;
  auto callback = keep(to_function(info[1], "generate's second argument"), mailbox);
  auto on_event = std::make_shared<Mailbox::OnEvent>(
      [callback, mailbox](Napi::Env now, const std::vector<int32_t>& tokens, const GenerateEvent* end) {
        auto event = Napi::Object::New(now);
        event["tokens"] = from_tokens(now, tokens);
        if (end) mailbox->unref(now);
        if (end && std::holds_alternative<Finish>(*end)) event["finish"] = from_finish(now, std::get<Finish>(*end));
        if (end && std::holds_alternative<Failure>(*end)) event["error"] = from_failure(now, std::get<Failure>(*end));
        callback->Call({event});
      });
  mailbox->ref(env);
  auto id = parts_->engine.generate(std::move(request), [mailbox, on_event](GenerateEvent event) {
    mailbox->post_event(on_event, std::move(event));
  });
  return Napi::Function::New(env, [weak = std::weak_ptr(parts_), id](const Napi::CallbackInfo&) {
    if (auto parts = weak.lock()) parts->engine.cancel(id);
  });
}

Grammars& EngineWrap::grammars(Napi::Env env) {
  if (!parts_->grammars) throw Napi::Error::New(env, "a grammar needs a vocabulary: call setVocabulary first");
  return *parts_->grammars;
}

Napi::Value EngineWrap::set_vocabulary(const Napi::CallbackInfo& info) {
  parts_->grammars = std::make_shared<Grammars>(to_vocabulary(info[0]));
  return info.Env().Undefined();
}

Napi::Value EngineWrap::compile_grammar(const Napi::CallbackInfo& info) {
  auto& known = grammars(info.Env());
  auto asked = std::make_shared<Asked>(known.compile(to_text(info[0], "a grammar")));
  auto [missing, done] = promise<std::vector<std::string>>(info.Env(), parts_->mailbox, from_texts);
  known.then([asked, done] {
    auto wish = asked->take();
    if (!wish) return done(Failure{"cancelled", "the grammar is no longer asked for"});
    try {
      done(warnings_of(*wish->get()));
    } catch (const Error& error) {
      done(Failure{error.code(), error.what()});
    } catch (const std::future_error&) {
      done(Failure{"closed", "the engine is closed"});
    }
  });
  auto object = Napi::Object::New(info.Env());
  object["missing"] = missing;
  object["cancel"] = Napi::Function::New(info.Env(), [asked](const Napi::CallbackInfo&) { asked->take(); });
  return object;
}

Napi::Value EngineWrap::mask_seconds(const Napi::CallbackInfo& info) {
  auto& known = grammars(info.Env());
  auto wish = known.compile(to_text(info[0], "a grammar"));
  auto tokens = to_tokens(info[1], "tokens");
  auto [result, done] = promise<std::vector<float>>(info.Env(), parts_->mailbox, from_floats);
  known.then([wish, done, tokens = std::move(tokens)] {
    try {
      done(tether::mask_seconds(wish.get(), tokens));
    } catch (const std::exception& error) {
      done(Failure{"invalid_request", error.what()});
    }
  });
  return result;
}

Napi::Value EngineWrap::score(const Napi::CallbackInfo& info) {
  auto tokens = to_tokens(info[0], "tokens");
  auto [result, done] = promise<std::vector<float>>(info.Env(), parts_->mailbox, from_floats);
  parts_->engine.score(std::move(tokens), to_adapter(info[1]), done);
  return result;
}

Napi::Value EngineWrap::logits(const Napi::CallbackInfo& info) {
  auto tokens = to_tokens(info[0], "tokens");
  if (!info[1].IsNumber() && !info[1].IsUndefined()) throw Napi::TypeError::New(info.Env(), "chunk must be a number");
  auto [result, done] = promise<std::vector<float>>(info.Env(), parts_->mailbox, from_floats);
  if (info[1].IsUndefined())
    tether::resumed_logits(parts_->engine, std::move(tokens), to_adapter(info[2]), done);
  else
    tether::logits(parts_->engine, std::move(tokens), info[1].As<Napi::Number>().Int32Value(), to_adapter(info[2]),
                   done);
  return result;
}

Napi::Value EngineWrap::bare_loop(const Napi::CallbackInfo& info) {
  auto prompt = to_tokens(info[0], "prompt");
  if (prompt.empty() || !info[1].IsNumber())
    throw Napi::TypeError::New(info.Env(), "a prompt and a number of tokens are needed");
  auto [result, done] = promise<std::vector<float>>(info.Env(), parts_->mailbox, from_floats);
  tether::bare_loop(parts_->engine, std::move(prompt), info[1].As<Napi::Number>().Int32Value(), done);
  return result;
}

Napi::Value EngineWrap::drafts(const Napi::CallbackInfo& info) {
  auto tokens = to_tokens(info[0], "tokens");
  int count = info[1].IsNumber() ? info[1].As<Napi::Number>().Int32Value() : 0;
  if (count < 1) throw Napi::TypeError::New(info.Env(), "a number of tokens above 0 is needed");
  auto [result, done] = promise<std::vector<float>>(info.Env(), parts_->mailbox, from_floats);
  tether::drafts(parts_->engine, std::move(tokens), count, done);
  return result;
}

Napi::Value EngineWrap::prefetch(const Napi::CallbackInfo& info) {
  auto tokens = to_tokens(info[0], "tokens");
  auto to_number = [](Napi::Env env, int count) { return Napi::Number::New(env, count); };
  auto [result, done] = promise<int>(info.Env(), parts_->mailbox, to_number);
  parts_->engine.prefetch(std::move(tokens), to_adapter(info[1]), done);
  return result;
}

Napi::Value EngineWrap::stats(const Napi::CallbackInfo& info) { return from_stats(info.Env(), parts_->engine.stats()); }

// Waits for the engine thread on one that nobody waits for.
class EngineWrap::Closing : public Napi::AsyncWorker {
 public:
  Closing(Napi::Env env, std::shared_ptr<Parts> parts)
      : Napi::AsyncWorker(env), parts_(std::move(parts)), closed_(Napi::Promise::Deferred::New(env)) {}
  void Execute() override { parts_->engine.close(); }
  void OnOK() override {
    parts_->close();
    parts_->mailbox->drain(Env());
    closed_.Resolve(Env().Undefined());
  }
  Napi::Promise promise() const { return closed_.Promise(); }

 private:
  std::shared_ptr<Parts> parts_;
  Napi::Promise::Deferred closed_;
};

Napi::Value EngineWrap::close_soon(const Napi::CallbackInfo& info) {
  auto* closing = new Closing(info.Env(), parts_);  // NOLINT: deletes itself
  auto promise = closing->promise();
  closing->Queue();
  return promise;
}

Napi::Value EngineWrap::close(const Napi::CallbackInfo& info) {
  parts_->close();
  // Settles the promises and ends the generations that are still open.
  parts_->mailbox->drain(info.Env());
  return info.Env().Undefined();
}

}  // namespace tether
