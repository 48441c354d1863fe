// SPDX-License-Identifier: Apache-2.0
#include "columns.h"

#include <cmath>
#include <cstring>

namespace {

using F64 = Napi::Float64Array;
using U32 = Napi::Uint32Array;

template <typename Array, typename T>
Array Column(Napi::Env env, const std::vector<T>& values) {
  Array array = Array::New(env, values.size());
  if (!array.IsEmpty() && !values.empty()) memcpy(array.Data(), values.data(), values.size() * sizeof(T));
  return array;
}

Napi::Value Bytes(Napi::Env env, const std::vector<char>& data) {
  return Napi::Buffer<char>::Copy(env, data.data(), data.size());
}

Napi::Object ToRows(Napi::Env env, const decltype(Drained::rows)& from) {
  auto rows = Napi::Object::New(env);
  rows["cpu"] = Column<U32>(env, from.cpu);
  rows["pid"] = Column<U32>(env, from.pid);
  rows["startNs"] = Column<F64>(env, from.start_ns);
  rows["cgroup"] = Column<F64>(env, from.cgroup);
  rows["label"] = Column<U32>(env, from.label);
  rows["timeNs"] = Column<F64>(env, from.time_ns);
  rows["counts"] = Column<F64>(env, from.counts);
  rows["uncertainCounts"] = Column<F64>(env, from.uncertain_counts);
  rows["comm"] = Bytes(env, from.comm);
  return rows;
}

Napi::Object ToCpus(Napi::Env env, const decltype(Drained::cpus)& from) {
  auto cpus = Napi::Object::New(env);
  cpus["cpu"] = Column<U32>(env, from.cpu);
  cpus["switches"] = Column<U32>(env, from.switches);
  cpus["lostRows"] = Column<U32>(env, from.lost_rows);
  cpus["backwards"] = Column<U32>(env, from.backwards);
  cpus["jumps"] = Column<U32>(env, from.jumps);
  cpus["reads"] = Column<U32>(env, from.reads);
  cpus["counts"] = Column<F64>(env, from.counts);
  cpus["gapCounts"] = Column<F64>(env, from.gap_counts);
  cpus["lostCounts"] = Column<F64>(env, from.lost_counts);
  cpus["residualCounts"] = Column<F64>(env, from.residual_counts);
  return cpus;
}

Napi::Object ToLifecycle(Napi::Env env, const decltype(Drained::lifecycle)& from) {
  auto lifecycle = Napi::Object::New(env);
  lifecycle["kind"] = Column<U32>(env, from.kind);
  lifecycle["pid"] = Column<U32>(env, from.pid);
  lifecycle["startNs"] = Column<F64>(env, from.start_ns);
  lifecycle["parentPid"] = Column<U32>(env, from.parent_pid);
  lifecycle["parentStartNs"] = Column<F64>(env, from.parent_start_ns);
  lifecycle["comm"] = Bytes(env, from.comm);
  return lifecycle;
}

Napi::Object ToMkdirs(Napi::Env env, const decltype(Drained::mkdirs)& from) {
  auto mkdirs = Napi::Object::New(env);
  mkdirs["cgroup"] = Column<F64>(env, from.cgroup);
  auto paths = Napi::Array::New(env, from.path.size());
  for (uint32_t i = 0; i < from.path.size(); i++) paths[i] = Napi::String::New(env, from.path[i]);
  mkdirs["path"] = paths;
  return mkdirs;
}

}  // namespace

Napi::Value ToColumns(Napi::Env env, const Drained& drained) {
  auto columns = Napi::Object::New(env);
  columns["rows"] = ToRows(env, drained.rows);
  columns["cpus"] = ToCpus(env, drained.cpus);
  columns["lifecycle"] = ToLifecycle(env, drained.lifecycle);
  columns["mkdirs"] = ToMkdirs(env, drained.mkdirs);
  columns["lostEvents"] = Napi::Number::New(env, drained.lost_events);
  columns["timeNs"] = Napi::Number::New(env, drained.time_ns);
  return columns;
}

Napi::Value ToCalibration(Napi::Env env, const Calibration& found) {
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

Napi::Uint32Array ToUint32Array(Napi::Env env, const std::vector<uint32_t>& values) {
  return Column<U32>(env, values);
}
