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
  for (;;) {
    const int64_t before = MonotonicNs(), all = ClockNs(CLOCK_BOOTTIME), after = MonotonicNs();
    // We, too, may have been stopped between them.
    if (after - before < 1'000'000) return all - after;
  }
}
