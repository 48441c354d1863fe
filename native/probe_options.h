// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "outcome.h"

// Entries of the overflow map by process: two of them are preallocated, of about 110 bytes each, so the most
// is 900 MB.
constexpr uint32_t kMostSpillEntries = 4'000'000;

struct ProbeOptions {
  std::string btf;        // path of the kernel's BTF
  bool shared = false;    // counters of several CPUs that BPF reads
  bool switched = false;  // BPF reads the counters; else what is bound is only calibrated
  bool idle_pays = false;
  double joules_per_count = 1;  // of the counters that BPF reads
  double max_watts = 0;         // what one of them cannot exceed; 0: not known
  bool follow_forks = false;
  // Learn() may be called, and powers of counters that BPF reads are corrected by what a thread learns of
  // them; 32 KiB for each CPU, and then 35.
  bool learns = false;
  std::string controller;      // cgroup v1 controller whose cgroups are charged; empty: v2
  uint32_t hierarchy = 0;      // its id as in /proc/cgroups; 0 for v2
  uint32_t spill_entries = 0;  // processes per interval and CPU that find no room in the CPU's own table
};

// -ERANGE and the step that a number makes impossible, NaN included; 0 if there is none.
Outcome CheckRanges(const ProbeOptions& options);
