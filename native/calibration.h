// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "outcome.h"
#include "update_period.h"

// Polls a counter on a CPU, for 150 ms at most, to find out when it changes and what a read of it costs:
// nothing else says it. `event`: its descriptor.
Outcome Calibrate(int event, uint32_t cpu, Calibration* out);
