// From the engine thread to JavaScript: messages queue up here, and one thread-safe call at a time delivers them.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>
#include <vector>

#include "engine/types.h"

namespace tether {

// post_* from any thread; the rest on the JavaScript thread. Tokens of one generation that queue up are delivered as
// one token batch, so a slow reader does not slow the engine.
class Mailbox {
 public:
  using OnEvent = std::function<void(Napi::Env, const std::vector<int32_t>& tokens, const GenerateEvent* end)>;
  using Task = std::function<void(Napi::Env)>;

  static std::shared_ptr<Mailbox> make(Napi::Env env);

  // One event of a generation; `to` is shared by all of them.
  void post_event(const std::shared_ptr<OnEvent>& to, GenerateEvent event);
  // Anything else, such as settling a promise.
  void post_task(Task task);

  // Delivers all messages now; the first error of a callback is then pending in JavaScript. Throws no Napi::Error.
  void drain(Napi::Env env);
  // The process stays alive until each ref() has had its unref().
  void ref(Napi::Env env);
  void unref(Napi::Env env);
  // Drops all messages. No call into JavaScript after this.
  void close();

 private:
  struct Events {
    std::shared_ptr<OnEvent> to;
    std::vector<int32_t> tokens;
    std::optional<GenerateEvent> end;
  };
  using Message = std::variant<Events, Task>;

  void schedule();  // with the mutex held
  static void deliver(Napi::Env env, Message& message);

  std::mutex mutex_;
  std::vector<Message> messages_;
  bool scheduled_ = false;
  bool closed_ = false;
  int refs_ = 0;
  Napi::ThreadSafeFunction call_;
  std::weak_ptr<Mailbox> self_;
};

}  // namespace tether
