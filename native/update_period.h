// SPDX-License-Identifier: Apache-2.0
// From reads of a counter, one right after the other, to how it behaves.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

// How a counter behaves. NAN: unknown.
struct Calibration {
  double period_ns = NAN;      // mean time between two changes; 0: it changes from read to read
  double jitter_ns = NAN;      // by how much they stray from such a period: median absolute deviation
  bool steady = false;         // its period is one by which updates can be predicted
  double counts_per_ns = NAN;  // while it was polled: of a CPU that is busy
  double read_ns = NAN;        // median time of a read(2), a clock read included
  size_t changes = 0;
  size_t reads = 0;
};

struct Change {
  double at, before;  // when it was seen, and when it certainly had not come yet, ns
};

// What polling a counter brought. Others may have run on the CPU in between, for any time.
struct Poll {
  std::vector<double> read_ns;
  std::vector<Change> changes;
  size_t reads = 0;
  double counts_per_ns = NAN;
};

Calibration FindUpdatePeriod(const Poll& poll);
