// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "windows.h"
#include "worker.h"

class Program;

// How learning from counters of cores is going.
struct CoreLearningStatus {
  double period_ns = 0;      // of the counters, as it is learned by; NAN: not known, and nothing is learned
  WindowCounts windows;      // since it began
  uint64_t corrections = 0;  // powers of BPF's that were corrected
  uint32_t burst_ms = 0;     // of each second
  uint64_t restarts = 0;     // times that the model had to begin anew
  double cpu_ns = 0;         // CPU time of the thread
};

// Teaches a model what counters say that BPF reads, one per core, and corrects BPF's powers by it: one thread
// for all of them. It works in bursts, as much of each second as the model wants, in which BPF logs all
// switches and all updates that it sees. It has a budget of CPU time: of many cores some take turns.
class CoreLearner {
 public:
  // The program is loaded, with logs, and outlives this.
  explicit CoreLearner(Program* program);
  ~CoreLearner();

  // Returns 0 or -errno. A thread that is made when privileges have been dropped cannot be prompt.
  int Start();
  // The counters move so often; 0: all the time. Until that is known nothing is learned.
  void Expect(double period_ns) { period_ns_.store(period_ns, std::memory_order_relaxed); }
  CoreLearningStatus Status();

 private:
  struct Tools;
  struct Turn {
    std::vector<size_t> cores;  // that are learned from
    int64_t length_ns = 0;
  };

  void Run();
  bool FindCores();
  bool Differs(double period_ns) const;
  int64_t WantedNs() const;
  Turn NextTurn();
  void Burst(const Turn& turn);
  void Learn(const Turn& turn);
  void Pay(const Turn& turn);
  void Tell();

  Program* program_;
  std::atomic<double> period_ns_;
  // What follows is the thread's own.
  std::vector<int32_t> zone_of_cpu_;  // -1: none yet. CPUs that went offline keep theirs
  double learned_period_ns_ = 0;      // of the tools
  std::unique_ptr<Tools> tools_;      // once there is something to learn from
  size_t next_core_ = 0;              // whose turn it is
  bool rests_ = false;                // the machine does: the last burst had hardly a window
  double cost_ = 0;                   // CPU time of a ns of learning from one core, as of late
  double allowance_ns_ = 0;           // CPU time that may be used by now
  int64_t paid_ns_ = 0, paid_cpu_ns_ = 0;

  std::mutex mutex_;  // of the next two
  CoreLearningStatus status_;
  CoreLearningStatus before_;  // sums of tools that are gone
  Worker worker_;              // last: it uses all of the above
};
