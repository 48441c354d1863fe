// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// What a user-space read of an event gives (PERF_FORMAT_TOTAL_TIME_ENABLED | _RUNNING).
struct PerfReading {
  uint64_t count = 0;
  uint64_t enabled_ns = 0;
  uint64_t running_ns = 0;
};

// Which event, as perf_event_open(2) takes it.
struct PerfEventSpec {
  uint32_t type = 0;
  uint64_t config = 0;
  uint64_t config1 = 0;
  uint64_t config2 = 0;
};

// Opens a counter of one CPU, for all tasks. Returns a descriptor, which the caller closes, or -errno.
int OpenCpuCounter(const PerfEventSpec& spec, int cpu);

// Returns 0 or -errno; -EBUSY: a pinned event has ended.
int ReadCounter(int fd, PerfReading* out);

// Ends what an event counts. To close it is not enough: maps that held it let go of it some milliseconds
// later, and a CPU that goes offline until then passes it on, on some kernels instead of the one that follows
// it.
void StopCounter(int fd);
