// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

#include "learned_package.h"
#include "outcome.h"
#include "perf_event.h"
#include "probe_options.h"

// Takes values of JavaScript as what they are, with no conversion: what is of another type is refused with
// -EINVAL, a number that the type in C++ cannot hold (negative, broken, NaN, 2^40) with -ERANGE. The first
// refusal is kept, with the step that it makes impossible; nothing is thrown.
class Arguments {
 public:
  // 0, or the first refusal.
  const Outcome& outcome() const { return outcome_; }
  bool Refused() const { return outcome_.Failed(); }

  void Take(const Napi::Value& from, const char* step, bool* to);
  void Take(const Napi::Value& from, const char* step, double* to);
  void Take(const Napi::Value& from, const char* step, uint32_t* to);
  void Take(const Napi::Value& from, const char* step, uint64_t* to);  // a bigint
  void Take(const Napi::Value& from, const char* step, std::string* to);
  void Take(const Napi::Value& from, const char* step, std::vector<uint32_t>* to);
  void Take(const Napi::Value& from, const char* step, std::vector<std::string>* to);

  void TakeOptions(const Napi::Value& from, ProbeOptions* to);
  void TakePackages(const Napi::Value& from, std::vector<LearnedPackage>* to);
  // Four arguments, from `first` on: type, config, config1, config2.
  void TakeEvent(const Napi::CallbackInfo& info, size_t first, const char* step, PerfEventSpec* to);

 private:
  void TakePackage(const Napi::Object& from, LearnedPackage* to);
  void TakeLocation(const Napi::Object& from, CounterLocation* to);
  // Notes a refusal, if `right` is false and there was none before. Returns `right`.
  bool Expect(bool right, const char* step, int status);

  Outcome outcome_;
};
