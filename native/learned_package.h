// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "counter_reader.h"
#include "windows.h"

// A counter of many CPUs that user space reads, and that is learned from: a package's.
struct LearnedPackage {
  uint32_t zone = 0;            // index of its zone
  std::vector<uint32_t> cpus;   // those that are online
  std::vector<uint32_t> cores;  // by index in `cpus`: the core of each, from 0, without a hole
  uint32_t lead = 0;            // the CPU that reads the counter
  CounterLocation location;
  double joules_per_count = 0;
  uint64_t range = 0;    // counts after which it starts at 0 again; 0: it does not
  double max_watts = 0;  // what it cannot exceed

  bool operator==(const LearnedPackage& other) const {
    const auto& [a, b] = std::pair{location, other.location};
    return zone == other.zone && cpus == other.cpus && cores == other.cores && lead == other.lead &&
           joules_per_count == other.joules_per_count && range == other.range &&
           max_watts == other.max_watts && a.via == b.via && a.cpu == b.cpu && a.path == b.path &&
           a.address == b.address && a.event.type == b.event.type && a.event.config == b.event.config &&
           a.event.config1 == b.event.config1 && a.event.config2 == b.event.config2;
  }
};

// What becomes of learning from a counter.
enum class LearningState {
  kCalibrating,  // it is not known yet
  kLearning,
  // Not possible, until it is tried again:
  kElsewhere,   // we may not run on its CPU
  kUnreadable,  // it cannot be read from there
  kUnmoved,     // it does not move
  kPeriod,      // it moves all the time, or too rarely
  kUnsteady,    // it moves at no steady times, or the CPU is too busy to tell
  kVirtual,     // it moves so rarely that it is no hardware's: a hypervisor's
  kNoise,       // hardly any update can be seen when it comes
};

// How learning from a counter is going.
struct LearningStatus {
  uint32_t zone = 0;
  LearningState state = LearningState::kCalibrating;
  int error = 0;         // -errno of kElsewhere and kUnreadable
  double period_ns = 0;  // NAN: not known
  double jitter_ns = 0;
  double edge_ns = 0;     // how exactly updates are seen: the mean width between two reads
  WindowCounts windows;   // since it began
  uint32_t burst_ms = 0;  // of each second
  double cpu_ns = 0;      // CPU time of the thread
};
