// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

// A counter that moves as rarely as this is virtual. Hardware updates its registers about every millisecond;
// QEMU updates those of a guest once a second (docs/specs/rapl-msr.rst): the host's energy times the guest's
// share of CPU time, which teaches nothing of what processes draw. src/probe/addon.ts has the same figure.
constexpr double kVirtualPeriodNs = 100e6;

// How a counter behaves. NAN: unknown.
struct Calibration {
  double period_ns = NAN;      // mean time between two changes; 0: it changes from read to read
  double jitter_ns = NAN;      // median absolute deviation of the changes from that period
  bool steady = false;         // the period is known well enough, and short enough, to predict updates by it
  double counts_per_ns = NAN;  // rate while it was polled, which is that of a busy CPU
  double read_ns = NAN;        // median time of a read(2) with a read of the clock
  size_t changes = 0;
  size_t reads = 0;
};

// One change of a counter, as two reads bound it; CLOCK_MONOTONIC, ns.
struct Change {
  double at;      // when it was seen
  double before;  // when it certainly had not come yet
};

// What came of polling a counter. Others may have run on the CPU in between, for any time.
struct Poll {
  std::vector<double> read_ns;  // of the first reads
  std::vector<Change> changes;
  size_t reads = 0;
  double counts_per_ns = NAN;
};

// Finds the period of a counter's updates. It is a pure function.
Calibration FindUpdatePeriod(const Poll& poll);
