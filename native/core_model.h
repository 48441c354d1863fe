// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "package_model.h"
#include "windows.h"

struct energy_power;

struct CoreModelOptions {
  std::vector<uint32_t> threads;  // CPUs that share each core's counter, by index of the core here
  double joules_per_count = 0;
  double period_ns = 0;  // of the counters' updates
  double max_watts = 0;  // what no core draws more than
};

// What is known of a process's power.
struct LearnedPower {
  uint32_t tgid = 0;
  double watts = 0;    // while no other thread of its core is busy
  double error_w = 0;  // standard deviation
};

// Learns the power of processes from counters of cores: from the log of switches, cut at the updates of each
// counter, by one filter with full covariance for all cores (PackageModel; a core has no static part). Pure:
// no clock, no I/O; for one thread. All clocks are CLOCK_MONOTONIC.
//
// In a burst: BeginBurst(); then every few ms AddRecords() of each CPU and AddUpdate() of each core, and
// Learn() after them; every kCorrectionNs TakePowers(). After it, logging goes on for kLagNs, and what came
// until then is added and learned from as well.
class CoreModel {
 public:
  static constexpr uint64_t kLagNs = 16'000'000;          // windows are cut when they are so old
  static constexpr uint64_t kCorrectionNs = 100'000'000;  // powers are worth being asked for so often

  explicit CoreModel(const CoreModelOptions& options);

  void BeginBurst(uint64_t now_ns);
  // What the CPU with that index on its core has switched since the last call, in the order written. `lost`:
  // what was written before the first of these was overwritten.
  void AddRecords(size_t core, size_t cpu_of_core, const SwitchRecord* records, size_t count, bool lost);
  // The counter moved, as BPF or whoever polled it dates that; in the order of time. Updates that were missed
  // in between do no harm.
  void AddUpdate(size_t core, const CounterEdge& update);
  // Learns from what was added, as far as it is a lag old. `find`: who is behind a process id.
  void Learn(uint64_t now_ns, const std::function<Actor(uint32_t tgid)>& find);
  // Of the processes that ran since the last call, those that are known well enough.
  std::vector<LearnedPower> TakePowers();

  // How much of each second is worth being learned from, ms.
  int BurstMs() const { return model_.BurstMs(); }
  // Windows that were cut, and those that were not, of all cores.
  WindowCounts counts() const;
  uint64_t restarts() const { return model_.restarts(); }

 private:
  std::vector<WindowCutter> cutters_;  // by core
  PackageModel model_;
  std::unordered_map<uint32_t, Actor> seen_;  // since powers were taken, by tgid
};

// Writes what was learned into BPF's entry for that process, if the entry is its and differs by more than
// chance. BPF may write at the same time: then one of both is lost, never halves of each. Returns whether it
// was written. `joules_per_unit`: of BPF's energies (CountUnit: joules_per_count / units per count).
bool CorrectPower(energy_power* entry, const LearnedPower& learned, double joules_per_unit);
