// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

#include <cstdint>
#include <vector>

#include "core_learner.h"
#include "drained.h"
#include "learned_package.h"
#include "update_period.h"

// Makes of what was drained the typed arrays of src/probe/columns.ts.
Napi::Value ToColumns(Napi::Env env, const Drained& drained);

// A calibration as src/probe/addon.ts has it: what is unknown is left out.
Napi::Value ToCalibration(Napi::Env env, const Calibration& found);

// How learning from counters is going, as src/probe/addon.ts has it.
Napi::Value ToLearning(Napi::Env env, const std::vector<LearningStatus>& packages);

Napi::Value ToCoreLearning(Napi::Env env, const CoreLearningStatus& status);

Napi::Uint32Array ToUint32Array(Napi::Env env, const std::vector<uint32_t>& values);
