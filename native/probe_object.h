// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

// The class `Probe` in JavaScript, as src/probe/addon.ts describes it.
Napi::Function DefineProbe(Napi::Env env);
