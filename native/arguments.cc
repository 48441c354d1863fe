// SPDX-License-Identifier: Apache-2.0
#include "arguments.h"

#include <cerrno>
#include <cmath>

namespace {

constexpr const char* kLearn = "learn from a counter";

}  // namespace

bool Arguments::Expect(bool right, const char* step, int status) {
  if (!right && !Refused()) outcome_ = Fail(step, status);
  return right;
}

void Arguments::Take(const Napi::Value& from, const char* step, bool* to) {
  if (Expect(from.IsBoolean(), step, -EINVAL)) *to = from.As<Napi::Boolean>();
}

void Arguments::Take(const Napi::Value& from, const char* step, double* to) {
  if (Expect(from.IsNumber(), step, -EINVAL)) *to = from.As<Napi::Number>().DoubleValue();
}

void Arguments::Take(const Napi::Value& from, const char* step, uint32_t* to) {
  double value = -1;
  Take(from, step, &value);
  const bool fits = value >= 0 && value <= UINT32_MAX && value == std::floor(value);
  if (Expect(fits, step, -ERANGE)) *to = static_cast<uint32_t>(value);
}

void Arguments::Take(const Napi::Value& from, const char* step, uint64_t* to) {
  if (!Expect(from.IsBigInt(), step, -EINVAL)) return;
  bool lossless = false;
  *to = from.As<Napi::BigInt>().Uint64Value(&lossless);
  Expect(lossless, step, -ERANGE);
}

// A string of the system ends at its first NUL, so one that holds a NUL would be cut off.
void Arguments::Take(const Napi::Value& from, const char* step, std::string* to) {
  if (!Expect(from.IsString(), step, -EINVAL)) return;
  *to = from.As<Napi::String>().Utf8Value();
  Expect(to->find('\0') == std::string::npos, step, -EINVAL);
}

void Arguments::Take(const Napi::Value& from, const char* step, std::vector<uint32_t>* to) {
  if (!Expect(from.IsArray(), step, -EINVAL)) return;
  Napi::Array list = from.As<Napi::Array>();
  to->resize(list.Length());
  for (uint32_t i = 0; i < list.Length() && !Refused(); i++) Take(list.Get(i), step, &(*to)[i]);
}

void Arguments::Take(const Napi::Value& from, const char* step, std::vector<std::string>* to) {
  if (!Expect(from.IsArray(), step, -EINVAL)) return;
  Napi::Array list = from.As<Napi::Array>();
  to->resize(list.Length());
  for (uint32_t i = 0; i < list.Length() && !Refused(); i++) Take(list.Get(i), step, &(*to)[i]);
}

void Arguments::TakeOptions(const Napi::Value& from, ProbeOptions* to) {
  constexpr const char* kOpen = "open";
  if (!Expect(from.IsObject(), kOpen, -EINVAL)) return;
  Napi::Object options = from.As<Napi::Object>();
  Take(options.Get("btf"), kOpen, &to->btf);
  Take(options.Get("controller"), kOpen, &to->controller);
  Take(options.Get("hierarchy"), "charge such a cgroup hierarchy", &to->hierarchy);
  Take(options.Get("switched"), kOpen, &to->switched);
  Take(options.Get("shared"), kOpen, &to->shared);
  Take(options.Get("idlePays"), kOpen, &to->idle_pays);
  Take(options.Get("followForks"), kOpen, &to->follow_forks);
  Take(options.Get("learns"), kOpen, &to->learns);
  Take(options.Get("spillEntries"), "keep room for so many processes", &to->spill_entries);
  Take(options.Get("joulesPerCount"), "count in so many Joules", &to->joules_per_count);
  Take(options.Get("maxWatts"), "bound the power of a counter", &to->max_watts);
}

void Arguments::TakeEvent(const Napi::CallbackInfo& info, size_t first, const char* step, PerfEventSpec* to) {
  Take(info[first], step, &to->type);
  Take(info[first + 1], step, &to->config);
  Take(info[first + 2], step, &to->config1);
  Take(info[first + 3], step, &to->config2);
}

void Arguments::TakeLocation(const Napi::Object& from, CounterLocation* to) {
  std::string via;
  Take(from.Get("via"), kLearn, &via);
  if (via == "perf") {
    to->via = CounterLocation::Via::kPerf;
    Take(from.Get("cpu"), kLearn, &to->cpu);
    if (!Expect(from.Get("event").IsObject(), kLearn, -EINVAL)) return;
    Napi::Object event = from.Get("event").As<Napi::Object>();
    Take(event.Get("type"), kLearn, &to->event.type);
    Take(event.Get("config"), kLearn, &to->event.config);
    Take(event.Get("config1"), kLearn, &to->event.config1);
    Take(event.Get("config2"), kLearn, &to->event.config2);
  } else {
    Expect(via == "powercap" || via == "msr", kLearn, -EINVAL);
    to->via = via == "msr" ? CounterLocation::Via::kMsr : CounterLocation::Via::kPowercap;
    Take(from.Get("path"), kLearn, &to->path);
    if (via == "msr") Take(from.Get("address"), kLearn, &to->address);
  }
}

void Arguments::TakePackage(const Napi::Object& from, LearnedPackage* to) {
  Take(from.Get("zone"), kLearn, &to->zone);
  Take(from.Get("cpus"), kLearn, &to->cpus);
  Take(from.Get("cores"), kLearn, &to->cores);
  Take(from.Get("lead"), kLearn, &to->lead);
  Take(from.Get("joulesPerCount"), kLearn, &to->joules_per_count);
  Take(from.Get("range"), kLearn, &to->range);
  Take(from.Get("maxWatts"), kLearn, &to->max_watts);
  if (Expect(from.Get("location").IsObject(), kLearn, -EINVAL))
    TakeLocation(from.Get("location").As<Napi::Object>(), &to->location);
}

void Arguments::TakePackages(const Napi::Value& from, std::vector<LearnedPackage>* to) {
  if (!Expect(from.IsArray(), kLearn, -EINVAL)) return;
  Napi::Array list = from.As<Napi::Array>();
  to->resize(list.Length());
  for (uint32_t i = 0; i < list.Length() && !Refused(); i++)
    if (Expect(list.Get(i).IsObject(), kLearn, -EINVAL))
      TakePackage(list.Get(i).As<Napi::Object>(), &(*to)[i]);
}
