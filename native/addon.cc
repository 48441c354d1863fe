// SPDX-License-Identifier: Apache-2.0
// What src/probe/addon.ts loads. Loading it opens and attaches nothing.
#include <bpf/libbpf.h>
#include <napi.h>

#include <cstdint>
#include <ctime>

#include "arguments.h"
#include "command.h"
#include "energy.h"
#include "energy_events.h"
#include "libbpf_log.h"
#include "peer.h"
#include "perf_event.h"
#include "privileges.h"
#include "probe_object.h"
#include "spare_memory.h"
#include "task.h"
#include "update_period.h"

namespace {

// openPerfEvent(cpu, type, config: bigint, config1: bigint, config2: bigint): {status, step, fd}, at once;
// the descriptor is for user space to read and to close.
Napi::Value OpenPerfEvent(const Napi::CallbackInfo& info) {
  constexpr const char* kStep = "open the perf event";
  Arguments arguments;
  uint32_t cpu = 0;
  PerfEventSpec spec;
  arguments.Take(info[0], kStep, &cpu);
  arguments.TakeEvent(info, 1, kStep, &spec);
  if (arguments.Refused() || cpu > INT32_MAX) {
    Outcome outcome = arguments.Refused() ? arguments.outcome() : Fail(kStep, -ERANGE);
    return ToObject(info.Env(), outcome);
  }
  int fd = OpenCpuCounter(spec, cpu);
  if (fd < 0) return ToObject(info.Env(), Fail(kStep, fd));
  Napi::Object opened = ToObject(info.Env(), {});
  opened["fd"] = Napi::Number::New(info.Env(), fd);
  return opened;
}

// dropPrivileges(keep: bigint): {status, step}, at once: until all threads have answered, none runs
// JavaScript.
Napi::Value Drop(const Napi::CallbackInfo& info) {
  Arguments arguments;
  uint64_t keep = 0;
  arguments.Take(info[0], "drop privileges", &keep);
  return ToObject(info.Env(), arguments.Refused() ? arguments.outcome() : DropPrivileges(keep));
}

// askKernel(): {bpf: boolean, admin: boolean}
Napi::Value Ask(const Napi::CallbackInfo& info) {
  const KernelWants wants = AskKernel();
  auto object = Napi::Object::New(info.Env());
  object["bpf"] = Napi::Boolean::New(info.Env(), wants.bpf);
  object["admin"] = Napi::Boolean::New(info.Env(), wants.admin);
  return object;
}

// peerOf(socket): {status, step, pid, uid, gid, process}, at once; `process` is a descriptor of it, for the
// caller to close, or -1.
Napi::Value PeerOf(const Napi::CallbackInfo& info) {
  Arguments arguments;
  uint32_t socket = 0;
  arguments.Take(info[0], "ask who is connected", &socket);
  Peer peer;
  const Outcome outcome =
      arguments.Refused() ? arguments.outcome() : AskPeer(static_cast<int>(socket), &peer);
  Napi::Object object = ToObject(info.Env(), outcome);
  if (outcome.Failed() || object.IsEmpty()) return object;
  object["pid"] = Napi::Number::New(info.Env(), peer.pid);
  object["uid"] = Napi::Number::New(info.Env(), peer.uid);
  object["gid"] = Napi::Number::New(info.Env(), peer.gid);
  object["process"] = Napi::Number::New(info.Env(), peer.process.Release());
  return object;
}

// spareMemory(), at once.
void Spare(const Napi::CallbackInfo&) { SpareMemory(); }

// threadCpuNs(): CPU time of the calling thread, ns. It is called a few times a request or more, so it does
// without what wraps calls. 0 where there is no such clock.
napi_value ThreadCpuNs(napi_env env, napi_callback_info) {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  napi_value result = nullptr;
  napi_create_double(env, static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec), &result);
  return result;
}

}  // namespace

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  TakeLibbpfLog();
  exports["Probe"] = DefineProbe(env);
  exports["startCommand"] = Napi::Function::New<StartCommand>(env, "startCommand");
  exports["openPerfEvent"] = Napi::Function::New<OpenPerfEvent>(env, "openPerfEvent");
  exports["dropPrivileges"] = Napi::Function::New<Drop>(env, "dropPrivileges");
  exports["peerOf"] = Napi::Function::New<PeerOf>(env, "peerOf");
  exports["askKernel"] = Napi::Function::New<Ask>(env, "askKernel");
  exports["spareMemory"] = Napi::Function::New<Spare>(env, "spareMemory");
  napi_value clock = nullptr;
  napi_create_function(env, "threadCpuNs", NAPI_AUTO_LENGTH, ThreadCpuNs, nullptr, &clock);
  exports["threadCpuNs"] = Napi::Value(env, clock);
  exports["noProcess"] = Napi::Number::New(env, static_cast<uint32_t>(ENERGY_NO_PROCESS));
  exports["virtualPeriodNs"] = Napi::Number::New(env, kVirtualPeriodNs);
  exports["fork"] = Napi::Number::New(env, ENERGY_FORK);
  exports["exec"] = Napi::Number::New(env, ENERGY_EXEC);
  exports["exit"] = Napi::Number::New(env, ENERGY_EXIT);
  exports["libbpf"] = Napi::String::New(env, libbpf_version_string());
  return exports;
}

NODE_API_MODULE(energy, Init)
