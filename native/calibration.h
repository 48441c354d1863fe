// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "outcome.h"
#include "update_period.h"

// Polls a counter on a CPU, for 150 ms at most, to find out when it changes and what a read of it costs:
// nothing else says it. `event`: its descriptor.
Outcome Calibrate(int event, uint32_t cpu, Calibration* out);

// The same in the calling thread, wherever that runs, until `stop` says so. `read` gives the count, and
// returns 0 or -errno, as this does.
int PollCounter(const std::function<int(uint64_t* count)>& read, const std::function<bool()>& stop,
                Poll* out);
