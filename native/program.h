// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "count_unit.h"
#include "outcome.h"
#include "probe_options.h"
#include "shared_mapping.h"

struct bpf_map;
struct bpf_program;
struct energy_bpf;
struct energy_cpu;
struct energy_log;
struct energy_power;
struct energy_update_log;
struct energy_zone;

// The BPF program with its maps, from loading to unloading. The kernel forgets all of it with this object.
class Program {
 public:
  Program() = default;
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Loads it, once; the options are within their ranges. `own_pid` becomes the pid of this process in the
  // first pid namespace, as all rows have it.
  Outcome Load(const ProbeOptions& options, uint32_t* own_pid);
  // Attaches it to the tracepoints, once: from now on it measures. After a failure it is attached to none.
  Outcome Start();

  // What follows is valid once it is loaded.
  const ProbeOptions& options() const { return options_; }
  energy_bpf& skeleton() const { return *skeleton_; }
  const CountUnit& unit() const { return unit_; }
  uint32_t cpu_count() const { return cpu_count_; }  // possible CPUs
  energy_cpu* cpus() const { return cpus_.get(); }   // by CPU
  energy_zone* zones() const { return zones_.get(); }
  const energy_log* logs() const { return logs_.get(); }  // by CPU; null unless options().learns
  // By zone, and BPF's learned powers; null unless options().learns and options().switched.
  const energy_update_log* updates() const { return updates_.get(); }
  energy_power* powers() const { return powers_.get(); }

  // Runs a raw_tp program on a CPU, in an interrupt there. Returns 0 or -errno; -ENXIO: the CPU is offline.
  static int RunOn(uint32_t cpu, const bpf_program* program, uint64_t argument, uint32_t* result = nullptr);

 private:
  void Configure(int subsys);
  Outcome FailWithBtf(const char* step, int status) const;
  Outcome MapAccounts();
  Outcome MapLearning();
  int VisitCpus() const;

  ProbeOptions options_;
  CountUnit unit_;
  uint32_t cpu_count_ = 0;
  energy_bpf* skeleton_ = nullptr;
  SharedMapping<energy_cpu> cpus_;
  SharedMapping<energy_zone> zones_;
  SharedMapping<energy_log> logs_;
  SharedMapping<energy_update_log> updates_;
  SharedMapping<energy_power> powers_;
};
