// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

// Who runs. The keys are opaque: a hash of a process's id and start, one of its executable's name. 0: idle.
struct Actor {
  uint64_t process = 0;
  uint64_t executable = 0;
};

// What one process did within a window.
struct WindowTask {
  Actor who;              // WindowCutter knows no names: whoever takes its windows fills this in
  double run_s = 0;       // run time, of all its threads
  double together_s = 0;  // part of it while another thread of the same core was busy
  uint32_t tgid = 0;      // as the switches had it
};

// What a package did, and what it drew, between two updates of its counter.
struct Window {
  uint32_t package = 0;           // from 0
  double begin_s = 0, end_s = 0;  // CLOCK_MONOTONIC
  double joules = 0;              // what the counter counted
  double cores_idle_s = 0;        // sum over the cores of the time when all of a core's threads were idle
  double package_idle_s = 0;      // time when all cores were
  std::vector<WindowTask> tasks;  // each process once, without the idle one
};

// One entry of a CPU's log: a switch, or a tick (prev is then next). Process ids; 0: idle.
struct SwitchRecord {
  uint64_t clock_ns;  // CLOCK_MONOTONIC
  uint32_t prev, next;
};

// An update of the counter, as the reads on its two sides bound it.
struct CounterEdge {
  uint64_t clock_ns;  // the middle of the two reads; CLOCK_MONOTONIC
  uint64_t width_ns;  // their distance
  uint64_t counts;    // the counter after the update; it does not wrap (the caller extends narrow counters)
};

struct WindowOptions {
  uint32_t package = 0;
  // The core of each CPU of the package. CPUs are named by their index here; cores from 0, without a hole.
  std::vector<uint32_t> core_of_cpu;
  double joules_per_count = 0;
  double period_ns = 0;  // of the counter's updates
  double max_watts = 0;  // of the package; a window beyond is an error
  // A CPU that is busy writes a record at least so often (a tick at 100 Hz, and then some). A window is cut
  // when it is so old. A CPU that has written nothing since the burst began until then is idle.
  uint64_t lag_ns = 16'000'000;
  // How long a window is, in periods. That of a package is two updates long: one is too noisy, five are too
  // few windows (study, section 3). Beyond the longest an update was missed.
  double shortest_periods = 1.5, longest_periods = 2.6;
  uint64_t most_width_ns = 150'000;  // edges that are seen less exactly begin and end no window (study, 5.3)
};

// What came of the windows, by the first reason against each.
struct WindowCounts {
  uint64_t cut = 0;     // given out
  uint64_t wide = 0;    // began or ended at an edge that was not seen exactly
  uint64_t length = 0;  // too long: an update was missed
  uint64_t lost = 0;    // records were overwritten, or more came than are kept
  uint64_t energy = 0;  // no energy, or more than the package can draw
};

// Cuts what the logs of a package's CPUs say at the updates of its counter. It has no clock: the caller says
// what time it is. Each CPU's records come in any portions, in the order in which they were written.
//
// Between two records of a CPU there ran what the later one calls `prev`. After its last one runs what that
// calls `next`; a CPU without a record since the burst began is idle.
class WindowCutter {
 public:
  explicit WindowCutter(const WindowOptions& options);

  // Logging began: what was written before tells nothing about the time between. Windows of the burst before
  // that were not cut are given up.
  void BeginBurst(uint64_t clock_ns);
  // `lost`: records of this CPU before the first of these were overwritten.
  void AddRecords(size_t cpu, const SwitchRecord* records, size_t count, bool lost = false);
  void AddEdge(const CounterEdge& edge);
  // The windows that can be cut now: those that ended a lag ago. All records that were written until then
  // were added before. For the last windows of a burst logging goes on for a lag after its last edge.
  std::vector<Window> Cut(uint64_t now_ns);

  const WindowCounts& counts() const { return counts_; }

 private:
  struct Slice {  // who ran, from where the one before ends
    uint64_t until_ns;
    uint32_t tgid;
  };
  struct Span {  // CLOCK_MONOTONIC
    uint64_t begin_ns, end_ns;
  };
  struct Cpu {
    std::deque<Slice> slices;  // those that end after the next window begins
    uint64_t known_ns = 0;     // end of the last one
    uint32_t running = 0;      // since then
    Span lost{0, 0};           // of which nothing is known
  };
  struct Thread {  // of the core being cut
    const Cpu* cpu;
    size_t slice;       // of `cpu`, past the last one: what runs since then
    uint64_t until_ns;  // it ends, within the window
    int task;           // of the window, that runs; -1: idle
  };

  bool NextWindow(uint64_t now_ns, Window* window);
  bool Lost(Span span) const;
  void Cut(Span span, Window* window);
  void CutCore(const std::vector<uint32_t>& cpus, Span span, Window* window);
  void Enter(Thread* thread, Span span, Window* window);
  void KeepAsleep(const std::vector<Span>& idle);
  void Discard(uint64_t before_ns);

  WindowOptions options_;
  WindowCounts counts_;
  std::vector<std::vector<uint32_t>> cores_;  // CPUs of each
  std::vector<Cpu> cpus_;
  std::deque<CounterEdge> edges_;  // the first one begins the next window
  std::vector<Span> asleep_;       // of the window being cut: when all cores that were cut were idle
  std::unordered_map<uint32_t, size_t> task_of_tgid_;  // of the window being cut
};
