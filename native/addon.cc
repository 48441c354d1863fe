// SPDX-License-Identifier: Apache-2.0
// The face of the probe in JavaScript: checks arguments, hands out columns. Every call runs in libuv's thread
// pool, since it may wait for others, and resolves with {status, step} of that very call: 0 or -errno and
// what could not be done. Calls hold the probe, so it outlives a dropped object or an ending worker thread.
#include <bpf/libbpf.h>
#include <napi.h>
#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>

#include "alarm.h"
#include "command.h"
#include "energy.h"
#include "probe.h"

// libbpf.a's `stderr` (see binding.gyp). Only its default printer uses it, which Init() replaces.
extern "C" {
__attribute__((visibility("hidden"))) FILE* __wrap_stderr = nullptr;
}

namespace {

// Runs `work` in a thread, then resolves with its outcome and, if it succeeded, what `fill` adds to it.
class Task : public Napi::AsyncWorker {
 public:
  using Work = std::function<Outcome()>;
  using Fill = std::function<void(Napi::Object)>;

  static Napi::Promise Run(
      Napi::Env env, Work work, Fill fill = [](Napi::Object) {}) {
    auto* task = new Task(env, std::move(work), std::move(fill));
    Napi::Promise promise = task->deferred_.Promise();
    task->Queue();
    return promise;
  }

 private:
  Task(Napi::Env env, Work work, Fill fill)
      : Napi::AsyncWorker(env), deferred_(env), work_(std::move(work)), fill_(std::move(fill)) {}
  void Execute() override { outcome_ = work_(); }
  void OnOK() override {
    auto result = Napi::Object::New(Env());
    // Empty: our worker thread is being ended and runs no more JavaScript.
    if (result.IsEmpty()) return;
    result["status"] = Napi::Number::New(Env(), outcome_.status);
    result["step"] = Napi::String::New(Env(), outcome_.step);
    if (outcome_.status == 0) fill_(result);
    deferred_.Resolve(result);
  }

  Napi::Promise::Deferred deferred_;
  Work work_;
  Fill fill_;
  Outcome outcome_;
};

// Read by libbpf's printer in any thread. Not by getenv(), which is of no use beside a thread that changes
// the environment.
std::atomic<bool> verbose{false};

int PrintLibbpf(libbpf_print_level, const char* format, va_list arguments) {
  return verbose ? vdprintf(STDERR_FILENO, format, arguments) : 0;
}

template <typename Array, typename T>
Array Column(Napi::Env env, const std::vector<T>& values) {
  Array array = Array::New(env, values.size());
  if (!array.IsEmpty() && !values.empty()) memcpy(array.Data(), values.data(), values.size() * sizeof(T));
  return array;
}

Napi::Value ToColumns(Napi::Env env, const Drained& drained) {
  using F64 = Napi::Float64Array;
  using U32 = Napi::Uint32Array;
  auto bytes = [&](const std::vector<char>& data) {
    return Napi::Buffer<char>::Copy(env, data.data(), data.size());
  };
  auto rows = Napi::Object::New(env);
  rows["cpu"] = Column<U32>(env, drained.rows.cpu);
  rows["pid"] = Column<U32>(env, drained.rows.pid);
  rows["startNs"] = Column<F64>(env, drained.rows.start_ns);
  rows["cgroup"] = Column<F64>(env, drained.rows.cgroup);
  rows["label"] = Column<U32>(env, drained.rows.label);
  rows["timeNs"] = Column<F64>(env, drained.rows.time_ns);
  rows["counts"] = Column<F64>(env, drained.rows.counts);
  rows["uncertainCounts"] = Column<F64>(env, drained.rows.uncertain_counts);
  rows["comm"] = bytes(drained.rows.comm);
  auto cpus = Napi::Object::New(env);
  cpus["cpu"] = Column<U32>(env, drained.cpus.cpu);
  cpus["switches"] = Column<U32>(env, drained.cpus.switches);
  cpus["lostRows"] = Column<U32>(env, drained.cpus.lost_rows);
  cpus["backwards"] = Column<U32>(env, drained.cpus.backwards);
  cpus["jumps"] = Column<U32>(env, drained.cpus.jumps);
  cpus["reads"] = Column<U32>(env, drained.cpus.reads);
  cpus["counts"] = Column<F64>(env, drained.cpus.counts);
  cpus["gapCounts"] = Column<F64>(env, drained.cpus.gap_counts);
  cpus["lostCounts"] = Column<F64>(env, drained.cpus.lost_counts);
  cpus["residualCounts"] = Column<F64>(env, drained.cpus.residual_counts);
  auto lives = Napi::Object::New(env);
  lives["kind"] = Column<U32>(env, drained.lives.kind);
  lives["pid"] = Column<U32>(env, drained.lives.pid);
  lives["startNs"] = Column<F64>(env, drained.lives.start_ns);
  lives["parentPid"] = Column<U32>(env, drained.lives.parent_pid);
  lives["parentStartNs"] = Column<F64>(env, drained.lives.parent_start_ns);
  lives["comm"] = bytes(drained.lives.comm);
  auto mkdirs = Napi::Object::New(env);
  mkdirs["cgroup"] = Column<F64>(env, drained.mkdirs.cgroup);
  auto paths = Napi::Array::New(env, drained.mkdirs.path.size());
  for (uint32_t i = 0; i < drained.mkdirs.path.size(); i++)
    paths[i] = Napi::String::New(env, drained.mkdirs.path[i]);
  mkdirs["path"] = paths;
  auto columns = Napi::Object::New(env);
  columns["rows"] = rows;
  columns["cpus"] = cpus;
  columns["lives"] = lives;
  columns["mkdirs"] = mkdirs;
  columns["lostEvents"] = Napi::Number::New(env, drained.lost_events);
  columns["timeNs"] = Napi::Number::New(env, drained.time_ns);
  return columns;
}

// What is unknown is left out.
Napi::Value ToObject(Napi::Env env, const Calibration& found) {
  auto object = Napi::Object::New(env);
  auto add = [&](const char* name, double value) {
    if (!std::isnan(value)) object[name] = Napi::Number::New(env, value);
  };
  add("periodNs", found.period_ns);
  add("jitterNs", found.jitter_ns);
  object["steady"] = Napi::Boolean::New(env, found.steady);
  add("readNs", found.read_ns);
  add("changes", found.changes);
  add("reads", found.reads);
  return object;
}

Napi::Value WrongArguments(Napi::Env env, const char* expected) {
  Napi::TypeError::New(env, expected).ThrowAsJavaScriptException();
  return env.Undefined();
}

uint64_t ToUint64(const Napi::Value& value) {
  bool lossless;
  return value.As<Napi::BigInt>().Uint64Value(&lossless);
}

bool ReadNumbers(const Napi::Value& from, std::vector<uint32_t>* to) {
  if (!from.IsArray()) return false;
  Napi::Array list = from.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) {
    Napi::Value number = list.Get(i);
    if (!number.IsNumber()) return false;
    to->push_back(number.As<Napi::Number>().Uint32Value());
  }
  return true;
}

bool ReadOptions(const Napi::Object& from, ProbeOptions* to) {
  Napi::Value btf = from.Get("btf"), controller = from.Get("controller"), shared = from.Get("shared"),
              switched = from.Get("switched"), idle_pays = from.Get("idlePays"),
              hierarchy = from.Get("hierarchy"), follow_forks = from.Get("followForks"),
              spill_entries = from.Get("spillEntries"), joules_per_count = from.Get("joulesPerCount"),
              max_watts = from.Get("maxWatts");
  if (!btf.IsString() || !controller.IsString() || !shared.IsBoolean() || !switched.IsBoolean() ||
      !idle_pays.IsBoolean() || !follow_forks.IsBoolean() || !hierarchy.IsNumber() ||
      !spill_entries.IsNumber() || !joules_per_count.IsNumber() || !max_watts.IsNumber())
    return false;
  to->btf = btf.As<Napi::String>();
  to->controller = controller.As<Napi::String>();
  to->switched = switched.As<Napi::Boolean>();
  to->shared = shared.As<Napi::Boolean>();
  to->idle_pays = idle_pays.As<Napi::Boolean>();
  to->follow_forks = follow_forks.As<Napi::Boolean>();
  to->hierarchy = hierarchy.As<Napi::Number>();
  to->spill_entries = spill_entries.As<Napi::Number>();
  to->joules_per_count = joules_per_count.As<Napi::Number>();
  to->max_watts = max_watts.As<Napi::Number>();
  return true;
}

// openPerfEvent(cpu, type, config, config1, config2): a descriptor, for user space to read, or -errno.
Napi::Value OpenPerfEvent(const Napi::CallbackInfo& info) {
  bool right = info[0].IsNumber() && info[1].IsNumber();
  for (size_t i = 2; i < 5; i++) right = right && info[i].IsBigInt();
  if (!right)
    return WrongArguments(info.Env(),
                          "openPerfEvent(cpu, type, config: bigint, config1: bigint, config2: bigint)");
  PerfEventSpec spec;
  spec.type = info[1].As<Napi::Number>();
  spec.config = ToUint64(info[2]);
  spec.config1 = ToUint64(info[3]);
  spec.config2 = ToUint64(info[4]);
  return Napi::Number::New(info.Env(), OpenCpuCounter(spec, info[0].As<Napi::Number>()));
}

class ProbeObject : public Napi::ObjectWrap<ProbeObject> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Probe",
                       {
                           InstanceMethod<&ProbeObject::Open>("open"),
                           InstanceMethod<&ProbeObject::Bind>("bind"),
                           InstanceMethod<&ProbeObject::Calibrate>("calibrate"),
                           InstanceMethod<&ProbeObject::Start>("start"),
                           InstanceMethod<&ProbeObject::Drain>("drain"),
                           InstanceMethod<&ProbeObject::Failing>("failing"),
                           InstanceMethod<&ProbeObject::OnAlarm>("onAlarm"),
                           InstanceMethod<&ProbeObject::Close>("close"),
                       });
  }

  explicit ProbeObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<ProbeObject>(info), env_(info.Env()), probe_(std::make_shared<Probe>()) {
    // Calls that a worker thread leaves behind when it is ended keep the probe alive, but not measuring.
    napi_add_env_cleanup_hook(env_, CloseAtExit, this);
  }

  ~ProbeObject() override { napi_remove_env_cleanup_hook(env_, CloseAtExit, this); }

 private:
  Napi::Value Open(const Napi::CallbackInfo& info) {
    ProbeOptions options;
    if (!info[0].IsObject() || !ReadOptions(info[0].As<Napi::Object>(), &options) || !info[1].IsBoolean())
      return WrongArguments(info.Env(),
                            "open({btf, controller, hierarchy, switched, shared, idlePays, followForks, "
                            "spillEntries, joulesPerCount, maxWatts}, verbose)");
    verbose = info[1].As<Napi::Boolean>();
    auto own_pid = std::make_shared<uint32_t>();
    return Task::Run(
        info.Env(), [probe = probe_, options, own_pid] { return probe->Open(options, own_pid.get()); },
        [own_pid](Napi::Object result) { result["ownPid"] = Napi::Number::New(result.Env(), *own_pid); });
  }

  Napi::Value Bind(const Napi::CallbackInfo& info) {
    std::vector<uint32_t> cpus;
    bool right =
        info[0].IsNumber() && ReadNumbers(info[1], &cpus) && info[2].IsNumber() && info[3].IsNumber();
    for (size_t i = 4; i < 7; i++) right = right && info[i].IsBigInt();
    if (!right) {
      return WrongArguments(
          info.Env(), "bind(zone, cpus, leadCpu, type, config: bigint, config1: bigint, config2: bigint)");
    }
    PerfEventSpec spec;
    uint32_t zone = info[0].As<Napi::Number>();
    int lead = info[2].As<Napi::Number>();
    spec.type = info[3].As<Napi::Number>();
    spec.config = ToUint64(info[4]);
    spec.config1 = ToUint64(info[5]);
    spec.config2 = ToUint64(info[6]);
    return Task::Run(
        info.Env(), [probe = probe_, zone, cpus, lead, spec] { return probe->Bind(zone, cpus, lead, spec); });
  }

  Napi::Value Calibrate(const Napi::CallbackInfo& info) {
    if (!info[0].IsNumber() || !info[1].IsNumber()) return WrongArguments(info.Env(), "calibrate(zone, cpu)");
    uint32_t zone = info[0].As<Napi::Number>(), cpu = info[1].As<Napi::Number>();
    auto found = std::make_shared<Calibration>();
    return Task::Run(
        info.Env(), [probe = probe_, zone, cpu, found] { return probe->Calibrate(zone, cpu, found.get()); },
        [found](Napi::Object result) { result["calibration"] = ToObject(result.Env(), *found); });
  }

  Napi::Value Start(const Napi::CallbackInfo& info) {
    return Task::Run(info.Env(), [probe = probe_] { return probe->Start(); });
  }

  Napi::Value Drain(const Napi::CallbackInfo& info) {
    auto drained = std::make_shared<Drained>();
    return Task::Run(
        info.Env(), [probe = probe_, drained] { return probe->Drain(drained.get()); },
        [drained](Napi::Object result) { result["columns"] = ToColumns(result.Env(), *drained); });
  }

  Napi::Value Failing(const Napi::CallbackInfo& info) {
    struct Found {
      std::vector<uint32_t> zones;
      double asleep_ns = 0;
    };
    auto found = std::make_shared<Found>();
    return Task::Run(
        info.Env(), [probe = probe_, found] { return probe->Failing(&found->zones, &found->asleep_ns); },
        [found](Napi::Object result) {
          result["zones"] = Column<Napi::Uint32Array>(result.Env(), found->zones);
          result["asleepNs"] = Napi::Number::New(result.Env(), found->asleep_ns);
        });
  }

  // onAlarm(callback): 0 or -errno. Calls it, until the probe is closed, when counters want looking after.
  // Waits for calls under way, so it comes before others.
  Napi::Value OnAlarm(const Napi::CallbackInfo& info) {
    if (!info[0].IsFunction()) return WrongArguments(info.Env(), "onAlarm(callback)");
    alarm_.Stop();
    int ring = probe_->AlarmFd();
    int status = ring < 0 ? ring : alarm_.Start(ring, info[0].As<Napi::Function>());
    // Hooks run in reverse order: ours has to stop the thread before the function that it calls is taken
    // away.
    napi_remove_env_cleanup_hook(env_, CloseAtExit, this);
    napi_add_env_cleanup_hook(env_, CloseAtExit, this);
    return Napi::Number::New(info.Env(), status);
  }

  Napi::Value Close(const Napi::CallbackInfo& info) {
    alarm_.Stop();
    return Task::Run(info.Env(), [probe = probe_] {
      probe->Close();
      return Outcome{};
    });
  }

  static void CloseAtExit(void* object) {
    auto* self = static_cast<ProbeObject*>(object);
    self->alarm_.Stop();
    self->probe_->Close();
  }

  napi_env env_;
  std::shared_ptr<Probe> probe_;
  Alarm alarm_;
};

}  // namespace

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  // Its messages go to stderr by default; what users need of them is in the status and the step.
  libbpf_set_print(PrintLibbpf);
  exports["Probe"] = ProbeObject::Define(env);
  exports["startCommand"] = Napi::Function::New<StartCommand>(env, "startCommand");
  exports["openPerfEvent"] = Napi::Function::New<OpenPerfEvent>(env, "openPerfEvent");
  exports["noProcess"] = Napi::Number::New(env, static_cast<uint32_t>(ENERGY_NO_PROCESS));
  exports["fork"] = Napi::Number::New(env, ENERGY_FORK);
  exports["exec"] = Napi::Number::New(env, ENERGY_EXEC);
  exports["exit"] = Napi::Number::New(env, ENERGY_EXIT);
  exports["libbpf"] = Napi::String::New(env, libbpf_version_string());
  return exports;
}

NODE_API_MODULE(energy, Init)
