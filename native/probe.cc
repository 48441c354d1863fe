// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/btf.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <cmath>

#include "clock.h"
#include "energy.h"
#include "energy.skel.h"
#include "own_thread.h"

namespace {

// Cgroups per CPU that have room in the last overflow map at least. What finds none there is lost, and the
// key holds the CPU: the need grows with CPUs times cgroups, of which a full node has some hundred. About 100
// bytes each, preallocated twice.
constexpr uint32_t kCgroupSpills = 256;

// Value of `CONTROLLER_cgrp_id` in this kernel's enum cgroup_subsys_id (it shifts with the configuration).
int SubsysIndex(const std::string& btf_path, const std::string& controller) {
  btf* kernel = btf__parse(btf_path.c_str(), nullptr);
  if (!kernel) return -errno;
  int index = -ENOENT;
  int id = btf__find_by_name_kind(kernel, "cgroup_subsys_id", BTF_KIND_ENUM);
  const btf_type* type = id > 0 ? btf__type_by_id(kernel, id) : nullptr;
  for (int i = 0; type && i < btf_vlen(type); i++) {
    const struct btf_enum& member = btf_enum(type)[i];
    if (controller + "_cgrp_id" == btf__name_by_offset(kernel, member.name_off)) index = member.val;
  }
  btf__free(kernel);
  return index;
}

void* MapShared(int fd, size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

size_t PageAlign(size_t bytes) {
  size_t page = sysconf(_SC_PAGESIZE);
  return (bytes + page - 1) / page * page;
}

}  // namespace

Probe::Probe() = default;
Probe::~Probe() { Close(); }

int Probe::Fail(const char* step, int status) {
  step_ = step;
  return status < 0 ? status : -EIO;
}

int Probe::Load(int subsys) {
  LIBBPF_OPTS(bpf_object_open_opts, open_options, .btf_custom_path = options_.btf.c_str());
  skeleton_ = energy_bpf__open_opts(&open_options);
  if (!skeleton_) return -errno;

  skeleton_->rodata->shared_zones = options_.shared;
  skeleton_->rodata->idle_pays = options_.idle_pays;
  if (options_.switched) {
    // BPF reckons in units of about 2^-32 J, which is what counters of energy count in.
    int shift = std::max(0L, std::lround(std::log2(options_.joules_per_count * 0x1p32)));
    unit_ = std::ldexp(1, -shift);
    skeleton_->rodata->count_shift = shift;
    skeleton_->rodata->max_power = std::ceil(options_.max_watts / (options_.joules_per_count * unit_) / 1e9);
  }
  skeleton_->rodata->cgroup_subsys = subsys;
  skeleton_->rodata->cgroup_hierarchy = options_.hierarchy;
  const auto& maps = skeleton_->maps;
  bpf_map__set_max_entries(maps.counters, cpu_count_);
  bpf_map__set_max_entries(maps.cpus, cpu_count_);
  bpf_map__set_max_entries(maps.zones, cpu_count_);
  bpf_map__set_max_entries(maps.spills0, options_.spill_entries);
  bpf_map__set_max_entries(maps.spills1, options_.spill_entries);
  uint32_t by_cgroup = std::max(options_.spill_entries / 8, cpu_count_ * kCgroupSpills);
  bpf_map__set_max_entries(maps.cgroup_spills0, by_cgroup);
  bpf_map__set_max_entries(maps.cgroup_spills1, by_cgroup);
  bpf_program__set_autoload(skeleton_->progs.sched_process_fork, options_.follow_forks);
  return energy_bpf__load(skeleton_);
}

Outcome Probe::Open(const ProbeOptions& options, uint32_t* own_pid) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (skeleton_) return Ended(Fail("open", -EALREADY));
  options_ = options;
  int status = OpenLocked(own_pid);
  if (status) CloseLocked();
  return Ended(status);
}

int Probe::OpenLocked(uint32_t* own_pid) {
  const auto& options = options_;
  int possible = libbpf_num_possible_cpus();
  if (possible < 0) return Fail("count the possible CPUs", possible);
  cpu_count_ = possible;

  int subsys = -1;
  if (!options.controller.empty()) {
    subsys = SubsysIndex(options.btf, options.controller);
    if (subsys < 0) return Fail("find the cgroup controller", subsys);
  }

  int status = Load(subsys);
  if (status) return Fail("load the BPF program", status);

  cpus_ = static_cast<energy_cpu*>(
      MapShared(bpf_map__fd(skeleton_->maps.cpus), PageAlign(sizeof(energy_cpu) * cpu_count_)));
  if (!cpus_) return Fail("map the accounts", -errno);
  zones_ = static_cast<energy_zone*>(
      MapShared(bpf_map__fd(skeleton_->maps.zones), PageAlign(sizeof(energy_zone) * cpu_count_)));
  if (!zones_) return Fail("map the counters", -errno);
  for (uint32_t cpu = 0; cpu < cpu_count_; cpu++) cpus_[cpu].zone = cpus_[cpu].sibling = ENERGY_NONE;
  left_.assign(cpu_count_, kNoBank);
  slept_ns_ = SleptNs();
  LIBBPF_OPTS(bpf_test_run_opts, run);
  if (bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.own_pid), &run))
    return Fail("run a BPF program", -errno);
  *own_pid = run.retval;

  ring_ = ring_buffer__new(bpf_map__fd(skeleton_->maps.events), TakeEvent, this, nullptr);
  if (!ring_) return Fail("map the ring of events", -errno);
  return 0;
}

// Runs a raw_tp program on a CPU, in an interrupt there. -ENXIO: the CPU is offline.
int Probe::RunOn(uint32_t cpu, int prog, uint64_t argument, uint32_t* result) {
  LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &argument, .ctx_size_in = sizeof(argument),
              .flags = BPF_F_TEST_RUN_ON_CPU, .cpu = cpu);
  int status = bpf_prog_test_run_opts(prog, &run);
  if (status == 0 && result) *result = run.retval;
  return status < 0 ? -errno : 0;
}

int Probe::AlarmFd() {
  std::lock_guard<std::mutex> lock(mutex_);
  return skeleton_ ? bpf_map__fd(skeleton_->maps.alarms) : -EBADF;
}

// Counting on a CPU begins at its first switch: makes one happen on each, instead of waiting for it.
int Probe::VisitCpus() {
  return InOwnThread([cpu_count = cpu_count_] {
    for (uint32_t cpu = 0; cpu < cpu_count; cpu++) {
      if (MoveTo(cpu)) continue;
      timespec moment{0, 50'000};
      nanosleep(&moment, nullptr);
    }
  });
}

Outcome Probe::Start() {
  std::lock_guard<std::mutex> lock(mutex_);
  return Ended(StartLocked());
}

int Probe::StartLocked() {
  if (!skeleton_) return Fail("start", -EBADF);
  int status = energy_bpf__attach(skeleton_);
  if (status) return Fail("attach the BPF program", status);
  status = VisitCpus();
  return status ? Fail("start a thread", status) : 0;
}

Outcome Probe::Drain(Drained* out) {
  std::lock_guard<std::mutex> lock(mutex_);
  return Ended(DrainLocked(out));
}

void Probe::Close() {
  std::lock_guard<std::mutex> lock(mutex_);
  CloseLocked();
}

void Probe::CloseLocked() {
  ring_buffer__free(ring_);
  ring_ = nullptr;
  if (cpus_) munmap(cpus_, PageAlign(sizeof(energy_cpu) * cpu_count_));
  if (zones_) munmap(zones_, PageAlign(sizeof(energy_zone) * cpu_count_));
  cpus_ = nullptr;
  zones_ = nullptr;
  events_.clear();
  energy_bpf__destroy(skeleton_);
  skeleton_ = nullptr;
}
