// SPDX-License-Identifier: Apache-2.0
// The face of the probe in JavaScript. Every call runs in libuv's thread pool, since it may wait for others,
// and resolves with {status, step} of that very call. Calls hold the probe, so it outlives a dropped object
// or an ending worker thread.
#include "probe_object.h"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "alarm.h"
#include "arguments.h"
#include "columns.h"
#include "libbpf_log.h"
#include "probe.h"
#include "task.h"

namespace {

class ProbeObject : public Napi::ObjectWrap<ProbeObject> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit ProbeObject(const Napi::CallbackInfo& info);
  ~ProbeObject() override;

 private:
  Napi::Value Open(const Napi::CallbackInfo& info);
  Napi::Value Bind(const Napi::CallbackInfo& info);
  Napi::Value Calibrate(const Napi::CallbackInfo& info);
  Napi::Value Start(const Napi::CallbackInfo& info);
  Napi::Value Drain(const Napi::CallbackInfo& info);
  Napi::Value Learn(const Napi::CallbackInfo& info);
  Napi::Value AskLearning(const Napi::CallbackInfo& info);
  Napi::Value LookAfter(const Napi::CallbackInfo& info);
  Napi::Value OnAlarm(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  Outcome StartAlarm(const Napi::Function& callback);
  void StopAlarm();
  static void CloseAtExit(void* object);

  napi_env env_;
  std::shared_ptr<Probe> probe_;
  Alarm alarm_;
  Napi::ThreadSafeFunction ring_;  // what the alarm calls; empty while it is stopped
};

Napi::Function ProbeObject::Define(Napi::Env env) {
  return DefineClass(env, "Probe",
                     {
                         InstanceMethod<&ProbeObject::Open>("open"),
                         InstanceMethod<&ProbeObject::Bind>("bind"),
                         InstanceMethod<&ProbeObject::Calibrate>("calibrate"),
                         InstanceMethod<&ProbeObject::Start>("start"),
                         InstanceMethod<&ProbeObject::Drain>("drain"),
                         InstanceMethod<&ProbeObject::Learn>("learn"),
                         InstanceMethod<&ProbeObject::AskLearning>("askLearning"),
                         InstanceMethod<&ProbeObject::LookAfter>("lookAfter"),
                         InstanceMethod<&ProbeObject::OnAlarm>("onAlarm"),
                         InstanceMethod<&ProbeObject::Close>("close"),
                     });
}

// Calls that a worker thread leaves behind when it is ended keep the probe alive, but not measuring.
ProbeObject::ProbeObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<ProbeObject>(info), env_(info.Env()), probe_(std::make_shared<Probe>()) {
  napi_add_env_cleanup_hook(env_, CloseAtExit, this);
}

ProbeObject::~ProbeObject() {
  StopAlarm();
  napi_remove_env_cleanup_hook(env_, CloseAtExit, this);
}

// open({btf, controller, hierarchy, switched, shared, idlePays, followForks, learns, spillEntries,
// joulesPerCount, maxWatts}, verbose): also resolves with `ownPid`.
Napi::Value ProbeObject::Open(const Napi::CallbackInfo& info) {
  Arguments arguments;
  ProbeOptions options;
  bool verbose = false;
  arguments.TakeOptions(info[0], &options);
  arguments.Take(info[1], "open", &verbose);
  if (arguments.Refused()) return Task::Resolve(info.Env(), arguments.outcome());
  SetLibbpfVerbose(verbose);
  auto own_pid = std::make_shared<uint32_t>();
  return Task::Run(
      info.Env(), [probe = probe_, options, own_pid] { return probe->Open(options, own_pid.get()); },
      [own_pid](Napi::Object result) { result["ownPid"] = Napi::Number::New(result.Env(), *own_pid); });
}

// bind(zone, cpus, leadCpu, type, config: bigint, config1: bigint, config2: bigint)
Napi::Value ProbeObject::Bind(const Napi::CallbackInfo& info) {
  constexpr const char* kStep = "bind a counter";
  Arguments arguments;
  uint32_t zone = 0, lead = 0;
  std::vector<uint32_t> cpus;
  PerfEventSpec spec;
  arguments.Take(info[0], kStep, &zone);
  arguments.Take(info[1], kStep, &cpus);
  arguments.Take(info[2], kStep, &lead);
  arguments.TakeEvent(info, 3, kStep, &spec);
  if (arguments.Refused()) return Task::Resolve(info.Env(), arguments.outcome());
  return Task::Run(info.Env(),
                   [probe = probe_, zone, cpus, lead, spec] { return probe->Bind(zone, cpus, lead, spec); });
}

// calibrate(zone, cpu): also resolves with `calibration`.
Napi::Value ProbeObject::Calibrate(const Napi::CallbackInfo& info) {
  Arguments arguments;
  uint32_t zone = 0, cpu = 0;
  arguments.Take(info[0], "calibrate a counter", &zone);
  arguments.Take(info[1], "calibrate a counter", &cpu);
  if (arguments.Refused()) return Task::Resolve(info.Env(), arguments.outcome());
  auto found = std::make_shared<Calibration>();
  return Task::Run(
      info.Env(), [probe = probe_, zone, cpu, found] { return probe->Calibrate(zone, cpu, found.get()); },
      [found](Napi::Object result) { result["calibration"] = ToCalibration(result.Env(), *found); });
}

Napi::Value ProbeObject::Start(const Napi::CallbackInfo& info) {
  return Task::Run(info.Env(), [probe = probe_] { return probe->Start(); });
}

// drain(): also resolves with `columns`.
Napi::Value ProbeObject::Drain(const Napi::CallbackInfo& info) {
  auto drained = std::make_shared<Drained>();
  return Task::Run(
      info.Env(), [probe = probe_, drained] { return probe->Drain(drained.get()); },
      [drained](Napi::Object result) { result["columns"] = ToColumns(result.Env(), *drained); });
}

// learn(packages), as src/probe/addon.ts has them.
Napi::Value ProbeObject::Learn(const Napi::CallbackInfo& info) {
  Arguments arguments;
  auto packages = std::make_shared<std::vector<LearnedPackage>>();
  arguments.TakePackages(info[0], packages.get());
  if (arguments.Refused()) return Task::Resolve(info.Env(), arguments.outcome());
  return Task::Run(info.Env(), [probe = probe_, packages] { return probe->Learn(*packages); });
}

// askLearning(): also resolves with `packages`, `restarts` and `cores`.
Napi::Value ProbeObject::AskLearning(const Napi::CallbackInfo& info) {
  auto found = std::make_shared<LearningReport>();
  return Task::Run(
      info.Env(), [probe = probe_, found] { return probe->AskLearning(found.get()); },
      [found](Napi::Object result) {
        Napi::Env env = result.Env();
        result["packages"] = ToLearning(env, found->packages);
        result["restarts"] = Napi::Number::New(env, found->restarts);
        result["cores"] = found->cores ? ToCoreLearning(env, *found->cores) : env.Null();
      });
}

// lookAfter(): also resolves with `zones` and `asleepNs`.
Napi::Value ProbeObject::LookAfter(const Napi::CallbackInfo& info) {
  struct Found {
    std::vector<uint32_t> zones;
    double asleep_ns = 0;
  };
  auto found = std::make_shared<Found>();
  return Task::Run(
      info.Env(), [probe = probe_, found] { return probe->LookAfter(&found->zones, &found->asleep_ns); },
      [found](Napi::Object result) {
        result["zones"] = ToUint32Array(result.Env(), found->zones);
        result["asleepNs"] = Napi::Number::New(result.Env(), found->asleep_ns);
      });
}

// The alarm calls JavaScript's thread, which does not stay alive for that.
Outcome ProbeObject::StartAlarm(const Napi::Function& callback) {
  UniqueFd alarms;
  Outcome outcome = probe_->OpenAlarms(&alarms);
  if (outcome.Failed()) return outcome;
  ring_ = Napi::ThreadSafeFunction::New(callback.Env(), callback, "joules alarm", 1, 1);
  if (!static_cast<napi_threadsafe_function>(ring_)) return Fail("wait for news of the counters", -ECANCELED);
  ring_.Unref(callback.Env());
  // A queue that is full holds a call that has not begun, and will see what has changed by now.
  outcome = alarm_.Start(std::move(alarms), [ring = ring_] { ring.NonBlockingCall(); });
  if (outcome.Failed()) StopAlarm();
  return outcome;
}

void ProbeObject::StopAlarm() {
  alarm_.Stop();
  if (static_cast<napi_threadsafe_function>(ring_)) ring_.Abort();
  ring_ = Napi::ThreadSafeFunction();
}

// onAlarm(callback): {status, step}, at once. Calls back, until the probe is closed, when counters want
// looking after. Waits for calls under way, so it comes before others.
Napi::Value ProbeObject::OnAlarm(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) return ToObject(info.Env(), Fail("wait for news of the counters", -EINVAL));
  StopAlarm();
  Outcome outcome = StartAlarm(info[0].As<Napi::Function>());
  // Hooks run in reverse order: ours has to stop the thread before the function that it calls is taken away.
  napi_remove_env_cleanup_hook(env_, CloseAtExit, this);
  napi_add_env_cleanup_hook(env_, CloseAtExit, this);
  return ToObject(info.Env(), outcome);
}

Napi::Value ProbeObject::Close(const Napi::CallbackInfo& info) {
  StopAlarm();
  return Task::Run(info.Env(), [probe = probe_] {
    probe->Close();
    return Outcome{};
  });
}

void ProbeObject::CloseAtExit(void* object) {
  auto* self = static_cast<ProbeObject*>(object);
  self->StopAlarm();
  self->probe_->Close();
}

}  // namespace

Napi::Function DefineProbe(Napi::Env env) { return ProbeObject::Define(env); }
