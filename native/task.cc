// SPDX-License-Identifier: Apache-2.0
#include "task.h"

#include <utility>

Napi::Object ToObject(Napi::Env env, const Outcome& outcome) {
  auto object = Napi::Object::New(env);
  if (object.IsEmpty()) return object;
  object["status"] = Napi::Number::New(env, outcome.status);
  object["step"] = Napi::String::New(env, outcome.step);
  return object;
}

Task::Task(Napi::Env env, Work work, Fill fill)
    : Napi::AsyncWorker(env), deferred_(env), work_(std::move(work)), fill_(std::move(fill)) {}

Napi::Promise Task::Run(Napi::Env env, Work work, Fill fill) {
  auto* task = new Task(env, std::move(work), std::move(fill));
  Napi::Promise promise = task->deferred_.Promise();
  task->Queue();
  return promise;
}

Napi::Promise Task::Resolve(Napi::Env env, const Outcome& outcome) {
  Napi::Promise::Deferred deferred(env);
  deferred.Resolve(ToObject(env, outcome));
  return deferred.Promise();
}

void Task::Execute() { outcome_ = work_(); }

void Task::OnOK() {
  Napi::Object result = ToObject(Env(), outcome_);
  if (result.IsEmpty()) return;
  if (!outcome_.Failed()) fill_(result);
  deferred_.Resolve(result);
}
