// From the engine thread to JavaScript: messages queue up here, and one thread-safe call at a time delivers them.
#include "napi/mailbox.h"

#include <optional>
#include <utility>

namespace tether {

std::shared_ptr<Mailbox> Mailbox::make(Napi::Env env) {
  auto box = std::make_shared<Mailbox>();
  box->self_ = box;
  auto nothing = Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
  box->call_ = Napi::ThreadSafeFunction::New(env, nothing, "tether engine", 0, 1);
  box->call_.Unref(env);
  return box;
}

void Mailbox::schedule() {
  if (scheduled_ || closed_) return;
  scheduled_ = true;
  call_.NonBlockingCall([box = self_.lock()](Napi::Env env, Napi::Function) {
    if (box) box->drain(env);
  });
}

void Mailbox::post_event(const std::shared_ptr<OnEvent>& to, GenerateEvent event) {
  std::lock_guard lock(mutex_);
  auto* last = messages_.empty() ? nullptr : std::get_if<Events>(&messages_.back());
  if (!last || last->to != to) {
    messages_.emplace_back(Events{to, {}, std::nullopt});
    last = &std::get<Events>(messages_.back());
  }
  if (const auto* token = std::get_if<int32_t>(&event))
    last->tokens.push_back(*token);
  else
    last->end = std::move(event);
  schedule();
}

void Mailbox::post_task(Task task) {
  std::lock_guard lock(mutex_);
  messages_.emplace_back(std::move(task));
  schedule();
}

void Mailbox::drain(Napi::Env env) {
  std::vector<Message> messages;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    scheduled_ = false;
    messages.swap(messages_);
  }
  // When a callback throws, the messages after it are still delivered. In an environment that is being terminated any
  // of them may throw, and nothing can be thrown into JavaScript any more: the error ends here.
  std::optional<Napi::Error> first;
  for (auto& message : messages) {
    Napi::HandleScope scope(env);
    try {
      deliver(env, message);
    } catch (const Napi::Error& error) {
      if (!first) first.emplace(error);
    }
  }
  if (first) first->ThrowAsJavaScriptException();
}

void Mailbox::deliver(Napi::Env env, Message& message) {
  if (auto* task = std::get_if<Task>(&message)) {
    (*task)(env);
  } else {
    auto& events = std::get<Events>(message);
    (*events.to)(env, events.tokens, events.end ? &*events.end : nullptr);
  }
}

void Mailbox::ref(Napi::Env env) {
  if (refs_++ == 0) call_.Ref(env);
}

void Mailbox::unref(Napi::Env env) {
  if (--refs_ == 0) call_.Unref(env);
}

void Mailbox::close() {
  std::vector<Message> dropped;  // freed after the lock: freeing may post
  std::lock_guard lock(mutex_);
  if (closed_) return;
  closed_ = true;
  dropped.swap(messages_);
  call_.Abort();
}

}  // namespace tether
