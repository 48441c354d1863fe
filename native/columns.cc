// SPDX-License-Identifier: Apache-2.0
#include "columns.h"

#include <cmath>
#include <cstring>
#include <string>

namespace {

template <typename Array, typename T>
Array Copied(Napi::Env env, const std::vector<T>& values) {
  Array array = Array::New(env, values.size());
  if (!array.IsEmpty() && !values.empty()) memcpy(array.Data(), values.data(), values.size() * sizeof(T));
  return array;
}

Napi::Value Column(Napi::Env env, const std::vector<uint32_t>& values) {
  return Copied<Napi::Uint32Array>(env, values);
}

Napi::Value Column(Napi::Env env, const std::vector<double>& values) {
  return Copied<Napi::Float64Array>(env, values);
}

Napi::Value Column(Napi::Env env, const std::vector<char>& bytes) {
  return Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size());
}

Napi::Value Column(Napi::Env env, const std::vector<std::string>& texts) {
  auto array = Napi::Array::New(env, texts.size());
  for (uint32_t i = 0; i < texts.size(); i++) array[i] = Napi::String::New(env, texts[i]);
  return array;
}

const char* NameOf(LearningState state) {
  switch (state) {
    case LearningState::kCalibrating:
      return "calibrating";
    case LearningState::kLearning:
      return "learning";
    case LearningState::kElsewhere:
      return "elsewhere";
    case LearningState::kUnreadable:
      return "unreadable";
    case LearningState::kUnmoved:
      return "unmoved";
    case LearningState::kPeriod:
      return "period";
    case LearningState::kUnsteady:
      return "unsteady";
    case LearningState::kVirtual:
      return "virtual";
    case LearningState::kNoise:
      return "noise";
  }
  return "";
}

// Leaves out what is unknown.
void AddKnown(Napi::Object* to, const char* name, double value) {
  if (!std::isnan(value)) (*to)[name] = Napi::Number::New(to->Env(), value);
}

template <typename Group>
Napi::Object ToObject(Napi::Env env, const Group& from) {
  auto object = Napi::Object::New(env);
  Group::ForEach([&](const char* name, auto column) { object[name] = Column(env, from.*column); });
  return object;
}

Napi::Value ToWindows(Napi::Env env, const WindowCounts& from) {
  auto windows = Napi::Object::New(env);
  AddKnown(&windows, "used", from.cut);
  AddKnown(&windows, "wide", from.wide);
  AddKnown(&windows, "length", from.length);
  AddKnown(&windows, "lost", from.lost);
  AddKnown(&windows, "energy", from.energy);
  return windows;
}

}  // namespace

Napi::Value ToColumns(Napi::Env env, const Drained& drained) {
  auto columns = Napi::Object::New(env);
  columns["rows"] = ToObject(env, drained.rows);
  columns["processes"] = ToObject(env, drained.processes);
  columns["cgroups"] = ToObject(env, drained.cgroups);
  columns["packages"] = ToObject(env, drained.packages);
  columns["cpus"] = ToObject(env, drained.cpus);
  columns["lifecycle"] = ToObject(env, drained.lifecycle);
  columns["mkdirs"] = ToObject(env, drained.mkdirs);
  columns["lostEvents"] = Napi::Number::New(env, drained.lost_events);
  columns["timeNs"] = Napi::Number::New(env, drained.time_ns);
  return columns;
}

Napi::Value ToCalibration(Napi::Env env, const Calibration& found) {
  auto object = Napi::Object::New(env);
  AddKnown(&object, "periodNs", found.period_ns);
  AddKnown(&object, "jitterNs", found.jitter_ns);
  object["steady"] = Napi::Boolean::New(env, found.steady);
  AddKnown(&object, "readNs", found.read_ns);
  AddKnown(&object, "changes", found.changes);
  AddKnown(&object, "reads", found.reads);
  return object;
}

Napi::Value ToCoreLearning(Napi::Env env, const CoreLearningStatus& status) {
  auto cores = Napi::Object::New(env);
  AddKnown(&cores, "periodNs", status.period_ns);
  cores["windows"] = ToWindows(env, status.windows);
  cores["corrections"] = Napi::Number::New(env, status.corrections);
  cores["burstMs"] = Napi::Number::New(env, status.burst_ms);
  cores["restarts"] = Napi::Number::New(env, status.restarts);
  cores["cpuNs"] = Napi::Number::New(env, status.cpu_ns);
  return cores;
}

Napi::Value ToLearning(Napi::Env env, const std::vector<LearningStatus>& packages) {
  auto list = Napi::Array::New(env, packages.size());
  for (uint32_t i = 0; i < packages.size(); i++) {
    const LearningStatus& from = packages[i];
    auto package = Napi::Object::New(env);
    package["zone"] = Napi::Number::New(env, from.zone);
    package["state"] = Napi::String::New(env, NameOf(from.state));
    package["error"] = Napi::Number::New(env, from.error);
    AddKnown(&package, "periodNs", from.period_ns);
    AddKnown(&package, "jitterNs", from.jitter_ns);
    AddKnown(&package, "edgeNs", from.edge_ns);
    package["burstMs"] = Napi::Number::New(env, from.burst_ms);
    package["cpuNs"] = Napi::Number::New(env, from.cpu_ns);
    package["windows"] = ToWindows(env, from.windows);
    list[i] = package;
  }
  return list;
}

Napi::Uint32Array ToUint32Array(Napi::Env env, const std::vector<uint32_t>& values) {
  return Copied<Napi::Uint32Array>(env, values);
}
