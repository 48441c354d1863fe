// SPDX-License-Identifier: Apache-2.0
// The programs that the benchmarks compare, attached to all switches of this machine.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "probe.h"
#include "reference.skel.h"

void Clean();  // what a benchmark leaves behind when it dies

[[noreturn]] inline void Die(const char* what, int status) {
  Clean();
  fprintf(stderr, "bench: cannot %s: %s\n", what, strerror(-status));
  exit(1);
}

inline void Check(const Outcome& outcome) {
  if (outcome.status) Die(outcome.step, outcome.status);
}

// A counter that every machine with perf events has.
inline PerfEventSpec Tsc() {
  PerfEventSpec tsc;
  std::ifstream("/sys/bus/event_source/devices/msr/type") >> tsc.type;
  return tsc;
}

inline bpf_prog_info InfoOf(int fd) {
  bpf_prog_info info{};
  uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd, &info, &size)) Die("ask for a BPF program", -errno);
  return info;
}

// Descriptors of this process. `kind`: bpf-map, bpf-prog.
inline std::vector<int> OwnDescriptors(const std::string& kind) {
  std::vector<int> found;
  for (int fd = 0; fd < 256; fd++) {
    char link[64] = "";
    if (readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), link, sizeof(link) - 1) < 0) continue;
    if (link == "anon_inode:" + kind) found.push_back(fd);
  }
  return found;
}

// A map or program of this process, of which the probe keeps the descriptor to itself.
template <typename Info>
int FindOwn(const std::string& kind, const char* name) {
  for (int fd : OwnDescriptors(kind)) {
    Info info{};
    uint32_t size = sizeof(info);
    if (!bpf_obj_get_info_by_fd(fd, &info, &size) && !strcmp(info.name, name)) return fd;
  }
  Die("find what belongs to the probe", -ENOENT);
}

// One of the programs of reference.bpf.c, while it lives.
class Reference {
 public:
  explicit Reference(const std::string& name) : skeleton_(reference_bpf__open()) {
    if (!skeleton_) Die("open the reference", -errno);
    bpf_program* program;
    bpf_object__for_each_program(program, skeleton_->obj) {
      if (name == bpf_program__name(program)) program_ = program;
      bpf_program__set_autoload(program, name == bpf_program__name(program));
    }
    bpf_map* map;
    bpf_object__for_each_map(map, skeleton_->obj) bpf_map__set_autocreate(map, name != "empty");
    if (int status = reference_bpf__load(skeleton_)) Die("load the reference", status);
    bpf_object__for_each_map(map, skeleton_->obj) {
      if (bpf_map__type(map) == BPF_MAP_TYPE_PERF_EVENT_ARRAY && bpf_map__autocreate(map)) BindCounters(map);
    }
    if (int status = reference_bpf__attach(skeleton_)) Die("attach the reference", status);
  }
  ~Reference() { reference_bpf__destroy(skeleton_); }
  int fd() const { return bpf_program__fd(program_); }

 private:
  void BindCounters(bpf_map* map) {
    for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++) {
      int fd = OpenCpuCounter(Tsc(), cpu);
      if (fd < 0) continue;
      bpf_map_update_elem(bpf_map__fd(map), &cpu, &fd, BPF_ANY);
      events_.emplace_back(fd);
    }
  }

  reference_bpf* skeleton_;
  bpf_program* program_ = nullptr;
  std::vector<UniqueFd> events_;
};

// Ours, while the probe lives. `shared`: CPUs 0 and 1 are threads of one core; else each CPU has a counter.
// `learns`: switches can be logged.
inline void StartOurs(Probe* probe, bool shared = false, uint32_t spill_entries = 32768,
                      bool learns = false) {
  ProbeOptions options;
  options.btf = "/sys/kernel/btf/vmlinux";
  options.switched = true;
  options.spill_entries = spill_entries;
  options.idle_pays = true;
  options.joules_per_count = 1e-9;
  options.shared = shared;
  options.learns = learns;
  uint32_t own_pid;
  Check(probe->Open(options, &own_pid));
  if (shared) Check(probe->Bind(0, {0, 1}, 0, Tsc()));
  for (int cpu = 0; !shared && cpu < libbpf_num_possible_cpus(); cpu++)
    Check(probe->Bind(cpu, {static_cast<uint32_t>(cpu)}, cpu, Tsc()));
  Check(probe->Start());
}

inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

inline double Spread(std::vector<double> values) {
  double median = Median(values);
  for (double& value : values) value = std::abs(value - median);
  return 1.48 * Median(values);  // median absolute deviation, as a standard deviation
}
