// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "windows.h"

#include <cstddef>
#include <cstdint>
#include <vector>

struct PackageModelOptions {
  std::vector<uint32_t> cores;  // of each package, not threads
  double max_watts = 0;         // the most that a package can draw
  double joules_per_count = 0;  // of its counter
  size_t most_deviations = 256; // states for executables and processes; the time per window grows as its square
  // Counters of packages have a part that no task draws. Counters of single cores have none: a "package" is
  // then a core (cores: 1 each).
  bool uncore = true;
};

// What a process, or a CPU's idle task, ran in an interval. Processes that ran on several CPUs may have
// several rows.
struct IntervalRow {
  Actor who;         // who.process 0: idle time
  double run_s = 0;  // who ran beside whom is not known here: the model has the part of it from the windows
};

struct Interval {
  uint32_t package = 0;
  double end_s = 0;    // CLOCK_MONOTONIC, the clock of the windows
  double seconds = 0;  // length
  std::vector<IntervalRow> rows;
};

// What the model says that a package drew in an interval, for whom. The counter knows the sum better: whoever
// prices scales all (rows, shared_j; idle_j is in the rows of idle time, if there are any) to what it counted.
struct Prediction {
  bool learned = false;         // false: nothing to go by (yet, or no longer); all else is 0 and NAN then
  double gate = 0;              // 0: tasks are priced alike per second of run time, 1: each by its own power
  double shared_j = 0;          // the package's static part, which is nobody's
  double idle_j = 0;            // of idle cores
  std::vector<double> joules;   // of each row; those of idle time have their part of idle_j
  std::vector<double> error_j;  // standard deviation of each, on the same scale; NAN for idle time
};

// Learns the power of executables and processes from windows of all packages of a machine (a Kalman filter
// with full covariance: docs and constants in package_model.cc). Pure: no clock, no I/O; one thread at a time.
class PackageModel {
 public:
  explicit PackageModel(const PackageModelOptions& options);
  ~PackageModel();
  PackageModel(PackageModel&&) noexcept;

  // Windows come in the order of time per package.
  void Learn(const Window& window);
  Prediction Predict(const Interval& interval) const;

  // How much of each second is worth being learned from: 1000, 300 or 100 ms.
  int BurstMs() const;
  // Times that it had to begin anew (a number went wrong, a power was absurd).
  uint64_t restarts() const;
};
