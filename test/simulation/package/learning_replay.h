// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "actors.h"
#include "drained.h"
#include "engine.h"
#include "package_model.h"
#include "switch_log.h"
#include "windows.h"

struct ReplayedMachine {
  uint32_t threads;   // of all packages, two to a core
  uint32_t packages;  // with equally many
  double period_ns;   // of the counters
};

// What the threads of native/learner.cc and native/learning.cc do, at the times of a trace instead of a
// clock's: they listen to the log of switches in bursts, cut it at the updates of the packages' counters, let
// the model learn, and predict intervals.
class LearningReplay {
 public:
  LearningReplay(const ReplayedMachine& options, const engine& engine);

  // It is `now_ns`: a burst may begin or end.
  void Pass(uint64_t now_ns);
  // The counter of a package was seen to move.
  void AddEdge(uint32_t package, uint64_t clock_ns, uint64_t counts);
  // Predicts the rows of an interval, which ends `seconds` after it began, and appends its packages.
  void Predict(Drained* drained, double seconds);

 private:
  struct Package {
    uint32_t first_cpu;
    WindowCutter cutter;
    SwitchLog log;
    ActorFinder actors;
    bool odd = false;
  };

  void Learn(Package* package, uint64_t now_ns);

  ReplayedMachine options_;
  uint32_t width_;  // threads of a package
  PackageModel model_;
  std::vector<std::unique_ptr<Package>> packages_;
  std::vector<SwitchRecord> records_;
  bool is_burst_ = false;
};
