// SPDX-License-Identifier: Apache-2.0
#include "program.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <time.h>

#include <algorithm>
#include <cerrno>

#include "cgroup_subsys.h"
#include "energy.h"
#include "energy.skel.h"
#include "kernel_btf.h"
#include "own_thread.h"

namespace {

// Cgroups per CPU that have room in the last overflow map at least. What finds none there is lost, and the
// key holds the CPU: the need grows with CPUs times cgroups, of which a full node has some hundred. About 100
// bytes each, preallocated twice.
constexpr uint32_t kCgroupSpills = 256;

// Slots of the logs of lifecycle events, of 64 bytes each: 8 MiB for all CPUs, and at least 128 KiB for each,
// which 680 processes fill that start a program and end.
constexpr uint32_t kLifecycleSlots = 131'072, kLeastLifecycleSlots = 2048;

// Rows of the logs of those that found no room, of 64 bytes each, of all buffers; of one of them at most and
// at least.
constexpr uint32_t kSpillLogRows = 131'072, kMostSpillLogRows = 4096, kLeastSpillLogRows = 256;

// The greatest power of two that is not above `number`, which is not 0.
uint32_t PowerOfTwoUpTo(uint32_t number) { return 1u << (31 - __builtin_clz(number)); }

}  // namespace

Program::~Program() {
  if (skeleton_) energy_bpf__destroy(skeleton_);
}

// What is fixed before the verifier sees the program: its constants and the sizes of its maps.
void Program::Configure(int subsys) {
  auto& constants = *skeleton_->rodata;
  constants.shared_zones = options_.shared;
  constants.idle_pays = options_.idle_pays;
  constants.has_logs = options_.learns;
  constants.reads_counters = options_.switched;
  if (options_.switched) {
    unit_ = UnitOf(options_.joules_per_count);
    constants.count_shift = unit_.shift;
    constants.max_power = UnitsPerNs(options_.max_watts, options_.joules_per_count, unit_);
  }
  constants.cgroup_subsys = subsys;
  constants.cgroup_hierarchy = options_.hierarchy;
  const auto& maps = skeleton_->maps;
  bpf_map__set_max_entries(maps.counters, cpu_count_);
  bpf_map__set_max_entries(maps.cpus, cpu_count_);
  bpf_map__set_max_entries(maps.zones, cpu_count_);
  if (options_.learns) bpf_map__set_max_entries(maps.logs, cpu_count_);
  if (options_.learns && options_.switched) bpf_map__set_max_entries(maps.updates, cpu_count_);
  bpf_map__set_max_entries(maps.spills0, options_.spill_entries);
  bpf_map__set_max_entries(maps.spills1, options_.spill_entries);
  const uint32_t slots =
      std::max(PowerOfTwoUpTo(std::max(1u, kLifecycleSlots / cpu_count_)), kLeastLifecycleSlots);
  constants.lifecycle_slots = slots;
  bpf_map__set_max_entries(maps.lifecycle_log, cpu_count_ * slots);
  const uint32_t rows =
      std::min(std::clamp(kSpillLogRows / 2 / cpu_count_, kLeastSpillLogRows, kMostSpillLogRows),
               options_.spill_entries / 4);
  constants.spill_log_rows = rows;
  bpf_map__set_max_entries(maps.spill_log, std::max(1u, cpu_count_ * 2 * rows));
  uint32_t by_cgroup = std::max(options_.spill_entries / 8, cpu_count_ * kCgroupSpills);
  bpf_map__set_max_entries(maps.cgroup_spills0, by_cgroup);
  bpf_map__set_max_entries(maps.cgroup_spills1, by_cgroup);
  bpf_program__set_autoload(skeleton_->progs.sched_process_fork, options_.follow_forks);
  // Where BPF reads no counter no window ends between two drains: a task that runs on is then charged at its
  // next switch, unless it is logged, or its sibling has to know of it. What is not loaded is not verified.
  bpf_program__set_autoload(skeleton_->progs.hrtimer_expire_entry,
                            options_.switched || options_.shared || options_.learns);
}

Outcome Program::MapAccounts() {
  int status = cpus_.Map(bpf_map__fd(skeleton_->maps.cpus), cpu_count_);
  if (status) return Fail("map the accounts", status);
  status = zones_.Map(bpf_map__fd(skeleton_->maps.zones), cpu_count_);
  if (status) return Fail("map the counters", status);
  for (uint32_t cpu = 0; cpu < cpu_count_; cpu++) cpus()[cpu].zone = cpus()[cpu].sibling = ENERGY_NONE;
  return options_.learns ? MapLearning() : Outcome{};
}

Outcome Program::MapLearning() {
  const auto& maps = skeleton_->maps;
  int status = logs_.Map(bpf_map__fd(maps.logs), cpu_count_);
  if (status) return Fail("map the logs of switches", status);
  if (!options_.switched) return {};
  status = updates_.Map(bpf_map__fd(maps.updates), cpu_count_);
  if (status) return Fail("map the logs of updates", status);
  status = powers_.Map(bpf_map__fd(maps.powers), 1 << ENERGY_POWER_BITS);
  return status ? Fail("map the learned powers", status) : Outcome{};
}

// Where the BTF of the kernel cannot be read, what failed for want of it does not say so: libbpf has many
// words for that.
Outcome Program::FailWithBtf(const char* step, int status) const {
  btf* kernel = btf__parse(options_.btf.c_str(), nullptr);
  if (!kernel) return Fail("read the BTF of the kernel", -errno);
  btf__free(kernel);
  return Fail(step, status);
}

Outcome Program::Load(const ProbeOptions& options, uint32_t* own_pid) {
  options_ = options;
  int possible = libbpf_num_possible_cpus();
  if (possible < 0) return Fail("count the possible CPUs", possible);
  cpu_count_ = possible;

  KernelBtf kernel(options.btf);
  int subsys = -1;
  if (!options.controller.empty()) {
    subsys = kernel.get() ? CgroupSubsysIndex(*kernel.get(), options.controller) : -errno;
    if (subsys < 0) return FailWithBtf("find the cgroup controller", subsys);
  }

  // The running kernel's own is parsed in any case: given as a custom one, it would be parsed twice.
  LIBBPF_OPTS(bpf_object_open_opts, open_options,
              .btf_custom_path = kernel.is_own() ? nullptr : options_.btf.c_str());
  skeleton_ = energy_bpf__open_opts(&open_options);
  if (!skeleton_) return FailWithBtf("load the BPF program", -errno);
  Configure(subsys);
  int status = energy_bpf__load(skeleton_);
  if (status) return FailWithBtf("load the BPF program", status);

  Outcome mapped = MapAccounts();
  if (mapped.Failed()) return mapped;
  LIBBPF_OPTS(bpf_test_run_opts, run);
  if (bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.own_pid), &run))
    return Fail("run a BPF program", -errno);
  *own_pid = run.retval;
  return {};
}

// Counting on a CPU begins at its first switch: one is made to happen on each, instead of waiting for it.
int Program::VisitCpus() const {
  return InOwnThread([this] {
    for (uint32_t cpu = 0; cpu < cpu_count_; cpu++) {
      if (MoveTo(cpu)) continue;
      timespec moment{0, 50'000};
      nanosleep(&moment, nullptr);
    }
  });
}

Outcome Program::Start() {
  if (skeleton_->links.sched_switch) return Fail("start", -EALREADY);
  int status = energy_bpf__attach(skeleton_);
  Outcome outcome = status ? Fail("attach the BPF program", status) : Outcome{};
  if (status == 0 && (status = VisitCpus())) outcome = Fail("start a thread", status);
  if (outcome.Failed()) energy_bpf__detach(skeleton_);
  return outcome;
}

int Program::RunOn(uint32_t cpu, const bpf_program* program, uint64_t argument, uint32_t* result) {
  LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &argument, .ctx_size_in = sizeof(argument),
              .flags = BPF_F_TEST_RUN_ON_CPU, .cpu = cpu);
  int status = bpf_prog_test_run_opts(bpf_program__fd(program), &run);
  if (status == 0 && result) *result = run.retval;
  return status < 0 ? -errno : 0;
}
