// SPDX-License-Identifier: Apache-2.0
#include "command.h"

#include <uv.h>

#include <memory>
#include <string>
#include <vector>

#include "arguments.h"
#include "privileges.h"

namespace {

struct Command {
  explicit Command(Napi::Env env)
      : env(env), exited(Napi::Promise::Deferred::New(env)), context(env, "command") {
    process.data = this;
  }
  uv_process_t process{};
  Napi::Env env;
  Napi::Promise::Deferred exited;
  Napi::AsyncContext context;
};

void Close(Command* command) {
  uv_close(reinterpret_cast<uv_handle_t*>(&command->process),
           [](uv_handle_t* handle) { delete static_cast<Command*>(handle->data); });
}

void OnExit(uv_process_t* process, int64_t status, int signal) {
  auto* command = static_cast<Command*>(process->data);
  {
    Napi::HandleScope handles(command->env);
    Napi::CallbackScope callbacks(command->env, command->context);
    auto outcome = Napi::Object::New(command->env);
    outcome["status"] = Napi::Number::New(command->env, static_cast<double>(status));
    outcome["signal"] = Napi::Number::New(command->env, signal);
    command->exited.Resolve(outcome);
  }
  Close(command);
}

}  // namespace

Napi::Value StartCommand(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::vector<std::string> words;
  Arguments taken;
  taken.Take(info[0], "run a command", &words);
  if (taken.Refused()) return Napi::Number::New(env, taken.outcome().status);
  if (words.empty()) return Napi::Number::New(env, UV_EINVAL);
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  uv_stdio_container_t stdio[3];
  for (int fd = 0; fd < 3; fd++) {
    stdio[fd].flags = UV_INHERIT_FD;
    stdio[fd].data.fd = fd;
  }
  uv_process_options_t options{};
  options.file = arguments[0];
  options.args = arguments.data();
  options.exit_cb = OnExit;
  options.stdio_count = 3;
  options.stdio = stdio;

  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return Napi::Number::New(env, UV_ENOTSUP);
  auto* command = new Command(env);
  ClearAmbientCapabilities();
  int status = uv_spawn(loop, &command->process, &options);
  if (status) {
    Close(command);
    return Napi::Number::New(env, status);
  }
  auto started = Napi::Object::New(env);
  started["pid"] = Napi::Number::New(env, command->process.pid);
  started["exited"] = command->exited.Promise();
  return started;
}
