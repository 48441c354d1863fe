// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

#include <functional>

#include "outcome.h"

// Makes {status, step} of an outcome, as every call of the addon answers: 0, or -errno and what could not be
// done. Empty: the worker thread is being ended and runs no more JavaScript.
Napi::Object ToObject(Napi::Env env, const Outcome& outcome);

// Runs `work` in libuv's thread pool, then resolves with its outcome and, if it succeeded, what `fill` adds
// to it. Never rejects.
class Task : public Napi::AsyncWorker {
 public:
  using Work = std::function<Outcome()>;
  using Fill = std::function<void(Napi::Object)>;

  static Napi::Promise Run(
      Napi::Env env, Work work, Fill fill = [](Napi::Object) {});
  // Resolves with an outcome that is known already: that of arguments that are refused.
  static Napi::Promise Resolve(Napi::Env env, const Outcome& outcome);

 private:
  Task(Napi::Env env, Work work, Fill fill);
  void Execute() override;
  void OnOK() override;

  Napi::Promise::Deferred deferred_;
  Work work_;
  Fill fill_;
  Outcome outcome_;
};
