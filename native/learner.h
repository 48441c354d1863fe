// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "actors.h"
#include "counter_reader.h"
#include "learned_package.h"
#include "shared_model.h"
#include "switch_log.h"
#include "update_period.h"
#include "update_timer.h"
#include "windows.h"
#include "worker.h"

class Program;

// Teaches the model what a package's counter says, in a thread of its own on the CPU that reads the counter.
// It works in bursts: the first part of each second, as much of it as the model wants. In a burst BPF logs
// all switches, the thread times the counter's updates, and windows are cut out of both.
class Learner {
 public:
  // `index`: of the package in the model.
  Learner(Program* program, const LearnedPackage& package, uint32_t index, SharedModel* model);
  ~Learner() { worker_.Stop(); }

  // In a thread with the priority of `maker`. Returns 0 or -errno.
  int Start(ThreadMaker* maker);
  // Goes on with what has become of the package: its CPUs, or who reads its counter, may be others.
  void GoOn(const LearnedPackage& package);
  // Learns nothing until it goes on.
  void Rest();
  LearningStatus Status();
  const LearnedPackage& package() const { return package_; }
  uint32_t index() const { return index_; }

 private:
  struct Tools;

  void Run();
  LearningState Calibrate();
  LearningState LearnUntilItFails();
  LearningState Burst(Tools* tools);
  void Learn(Tools* tools);
  bool IsNoise(const WindowCounts& counts, int64_t burst_ns);
  void Tell(LearningState state, int error);
  void Tell(const Tools& tools);

  Program* program_;
  LearnedPackage package_;
  uint32_t index_;
  SharedModel* model_;
  bool rests_ = false;
  CounterReader reader_;
  Calibration calibration_;
  // Of the last ten seconds of bursts.
  int64_t judged_ns_ = 0;
  uint64_t judged_cut_ = 0;

  std::mutex mutex_;  // of the next one
  LearningStatus status_;
  WindowCounts windows_before_;  // of cutters that are gone
  Worker worker_;                // last: it uses all of the above
};
