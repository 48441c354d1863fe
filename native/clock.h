// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <time.h>

#include <cstdint>

inline int64_t ClockNs(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return now.tv_sec * INT64_C(1'000'000'000) + now.tv_nsec;
}

inline int64_t MonotonicNs() { return ClockNs(CLOCK_MONOTONIC); }

// How long the machine has slept since it booted: one of these clocks goes on then.
inline int64_t SleptNs() {
  const int64_t awake = MonotonicNs();
  return ClockNs(CLOCK_BOOTTIME) - awake;
}
