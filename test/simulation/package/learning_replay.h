// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "drained.h"
#include "engine.h"
#include "package_model.h"
#include "windows.h"

struct ReplayedMachine {
  uint32_t threads;   // of all packages, two to a core
  uint32_t packages;  // with equally many
  double period_ns;   // of the counters
};

// What the meter's timing threads do, at the times of the trace instead of a clock's: listens to the log of
// switches in bursts, cuts it at the updates of the packages' counters, and lets the model learn from the
// windows.
class LearningReplay {
 public:
  LearningReplay(const ReplayedMachine& options, const engine& engine);

  // It is `now_ns`: a burst may begin or end.
  void Pass(uint64_t now_ns);
  // The counter of a package was seen to move.
  void AddEdge(uint32_t package, uint64_t clock_ns, uint64_t counts);
  // Predicts the rows of an interval that ends at `end_ns`, and appends its packages.
  void Predict(Drained* drained, uint64_t end_ns, double seconds);

 private:
  struct Package {
    WindowCutter cutter;
    uint64_t edges = 0;
  };

  uint32_t PackageOf(uint32_t cpu) const { return cpu / width_; }
  void TakeLogs(uint32_t package);
  void Cut(uint32_t package, uint64_t now_ns);
  Actor Find(uint32_t tgid) const;

  ReplayedMachine options_;
  uint32_t width_;  // threads of a package
  engine engine_;
  PackageModel model_;
  std::vector<Package> packages_;
  std::vector<uint64_t> taken_;  // by CPU: how many entries of its log
  bool is_burst_ = false;
};
