// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "package_model.h"
#include "power_correction.h"
#include "windows.h"

struct CoreModelOptions {
  std::vector<uint32_t> threads;  // CPUs that share each core's counter, by index of the core here
  double joules_per_count = 0;
  double period_ns = 0;    // of the counters' updates
  double max_watts = 0;    // what no core draws more than
  size_t most_cores = 32;  // that are learned from at once; others have their turn, a second each
};

// Learns the power of processes from counters of cores: from the log of switches, cut at the updates of each
// counter, by one filter with full covariance for all cores (PackageModel; a core has no static part). Pure:
// no clock, no I/O; for one thread. All clocks are CLOCK_MONOTONIC.
//
// In a burst: BeginBurst() when logging begins; then each kLookNs AddRecords() of each CPU, AddUpdate() of
// each core, Learn() and Correct(). After it logging goes on for kLagNs, and then once more.
class CoreModel {
 public:
  static constexpr uint64_t kLookNs = 8'000'000;  // a busy log is full in 10 ms
  static constexpr uint64_t kLagNs = 16'000'000;  // windows are cut when they are so old

  explicit CoreModel(const CoreModelOptions& options);

  void BeginBurst(uint64_t now_ns);
  // Whether it is this core's turn. What is added for others does not count.
  bool Listens(size_t core) const;
  // What the CPU with that index on its core has switched since the last call, in the order written. `lost`:
  // what was written before the first of these was overwritten.
  void AddRecords(size_t core, size_t cpu_of_core, const SwitchRecord* records, size_t count, bool lost);
  // The counter moved, as BPF dates that; in the order of time. Updates that nobody saw do no harm.
  void AddUpdate(size_t core, const CounterEdge& update);
  // Learns from what was added, as far as it is a lag old. `find`: who is behind a process id.
  void Learn(uint64_t now_ns, const std::function<Actor(uint32_t tgid)>& find);
  // Writes what has been learned of those who ran into BPF's map, where that is off: see PowerCorrection. It
  // does so every 24 ms. Returns how many entries it wrote.
  size_t Correct(uint64_t now_ns, energy_power* powers, double joules_per_unit);

  // How much of each second is worth being learned from, ms: all of it while there is something new, which
  // may be for five seconds, and for a tenth of the time beyond that.
  int BurstMs() const { return is_new_ && full_ns_ > 0 ? 1000 : kShortMs; }
  // Windows that were cut, and those that were not, of all cores.
  WindowCounts counts() const;
  uint64_t restarts() const { return model_.restarts(); }

 private:
  static constexpr int kShortMs = 100;
  static constexpr double kFullNs = 5e9;  // may be learned from without a break

  struct RanProcess {
    Actor who;
    double thread_s = 0;
  };

  void Turn(uint64_t now_ns);
  void Spend(uint64_t now_ns);
  std::vector<LearnedPower> TakePowers();

  size_t most_cores_;
  std::vector<WindowCutter> cutters_;  // by core
  PackageModel model_;
  PowerCorrection correction_;
  std::unordered_map<uint32_t, RanProcess> ran_;  // since powers were taken, by tgid
  size_t first_core_ = 0;                         // whose turn it is
  uint64_t turned_ns_ = 0, corrected_ns_ = 0, spent_ns_ = 0;
  // Thread seconds of late, of all and of those who are new.
  double all_s_ = 0, new_s_ = 0;
  bool is_new_ = true;
  double full_ns_ = kFullNs;  // how long it may be full yet
};
