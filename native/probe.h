// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "core_learner.h"
#include "drained.h"
#include "learned_package.h"
#include "outcome.h"
#include "perf_event.h"
#include "probe_options.h"
#include "unique_fd.h"
#include "update_period.h"

// How learning is going.
struct LearningReport {
  std::vector<LearningStatus> packages;
  uint64_t restarts = 0;                    // times that the model of packages had to begin anew
  std::optional<CoreLearningStatus> cores;  // none: nothing is learned from such counters
};

// All that measures, as one thing that is open or not: the BPF program, the counters that are bound to it and
// what drains it. There is no JavaScript in it.
//
// Calls exclude one another, whatever thread they come from, so each may have to wait for another one's end.
// While it is open a thread of its own sees to it that intervals may be of any length.
// Those that need an open probe end with -EBADF where it is not.
class Probe {
 public:
  Probe();
  ~Probe();
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  // `own_pid`: pid of this process in the first pid namespace, as in all rows. After a failure it is not
  // open.
  Outcome Open(const ProbeOptions& options, uint32_t* own_pid);
  // As Binder::Bind().
  Outcome Bind(uint32_t zone, const std::vector<uint32_t>& cpus, uint32_t lead, const PerfEventSpec& spec);
  // Polls a zone's counter on a CPU that can read it, for 150 ms at most, and tells BPF what is found.
  Outcome Calibrate(uint32_t zone, uint32_t cpu, Calibration* out);
  // Attaches the program. After a failure nothing is attached.
  Outcome Start();
  // As Drainer::Drain().
  Outcome Drain(Drained* out);
  // Learns from these counters of whole packages, and no others, what processes draw of them: Drain() then
  // predicts rows by that. Anew when CPUs come and go. Options::learns was set.
  Outcome Learn(const std::vector<LearnedPackage>& packages);
  // How that is going, and learning from counters that BPF reads.
  Outcome AskLearning(LearningReport* report);
  // What is to be done every second or so: tells as Watch::Failing() and Watch::TakeSleepNs() what may be
  // wrong with the counters, and resynchronizes phases.
  Outcome LookAfter(std::vector<uint32_t>* zones, double* asleep_ns);
  // A descriptor, for the caller to keep, of the ring in which BPF rings when it wants LookAfter() to be
  // called and the CPUs to be looked at.
  Outcome OpenAlarms(UniqueFd* ring);
  void Close();

 private:
  struct Parts;

  std::mutex mutex_;
  std::unique_ptr<Parts> parts_;  // while it is open
};
