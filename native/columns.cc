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

template <typename Group>
Napi::Object ToObject(Napi::Env env, const Group& from) {
  auto object = Napi::Object::New(env);
  Group::ForEach([&](const char* name, auto column) { object[name] = Column(env, from.*column); });
  return object;
}

}  // namespace

Napi::Value ToColumns(Napi::Env env, const Drained& drained) {
  auto columns = Napi::Object::New(env);
  columns["rows"] = ToObject(env, drained.rows);
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
  return Copied<Napi::Uint32Array>(env, values);
}
