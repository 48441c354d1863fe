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

// Counters that are looked at for a millisecond in one call at most.
constexpr size_t kSharpened = 4;

// Two clocks that are read within a millisecond differ by less.
constexpr int64_t kShortestSleepNs = 50'000'000;

constexpr int kTries = 3;

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

// Takes its event away from the CPUs of a zone, after they have charged all that it had counted. What they
// cannot read any more, because it died or was moved along, and what a CPU was owed that has gone, is gap.
// `next` is the event that follows it, if any: `from` is what that had counted at the same moment.
int Probe::TakeAway(uint32_t zone, const std::vector<uint32_t>& cpus, int next, uint64_t* from) {
  const auto& progs = skeleton_->progs;
  energy_zone& state = zones_[zone];
  std::vector<uint32_t> former;
  for (uint32_t cpu = 0; cpu < cpu_count_; cpu++)
    if (cpus_[cpu].zone == static_cast<int32_t>(zone)) former.push_back(cpu);
  // Into the same bank: nothing is handed out here.
  for (uint32_t cpu : former) RunOn(cpu, bpf_program__fd(progs.flush), cpus_[cpu].bank & 1, nullptr);
  uint64_t gap = 0;  // units
  for (uint32_t at : former) cpus_[at].zone = cpus_[at].sibling = ENERGY_NONE;
  for (uint32_t at : former) {
    RunOn(at, bpf_program__fd(progs.try_counter), 0, nullptr);  // waits for a read under way there
    bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.counters), &at);
  }
  for (uint32_t at : former) {
    energy_cpu& cpu = cpus_[at];
    bool stays = std::find(cpus.begin(), cpus.end(), at) != cpus.end();
    if (stays && !state.gap) continue;
    gap += __atomic_exchange_n(&cpu.owed, 0, __ATOMIC_SEQ_CST);
    cpu.owed_counted = cpu.owed_predicted = 0;
  }
  PerfReading last, before, after;
  bool read = false;
  int status = next < 0 ? 0 : ReadCounter(next, &after);
  // Until it has not moved meanwhile: it rests for about a millisecond, and a read takes some us.
  for (int i = 0; i < kTries; i++) {
    before = after;
    // A dead event still tells what it counted before it died.
    read = state.based && ReadCounter(events_[zone].get(), &last) == 0;
    if (next >= 0 && status == 0) status = ReadCounter(next, &after);
    if (before.count == after.count) break;
  }
  if (read && last.count > state.raw) gap += (last.count - state.raw) << skeleton_->rodata->count_shift;
  const auto& heirs = cpus.empty() ? former : cpus;
  if (gap && !heirs.empty()) {
    energy_cpu& heir = cpus_[heirs.front()];
    heir.banks[heir.bank & 1].gap += gap;
  }
  *from = after.count;
  // It is the same register: when it moves is still known, if it has been read until now.
  const bool alive = state.based && !state.gap;
  energy_zone fresh = alive ? state : energy_zone{};
  fresh.based = fresh.gap = 0;
  fresh.period = state.period;
  state = fresh;
  return status;
}

// Gives a new event to the CPUs of a zone, which counts for them from `from` on. None of them reads in the
// meantime.
int Probe::GiveToBpf(uint32_t zone, const std::vector<uint32_t>& cpus, int fd, uint64_t from) {
  int counters = bpf_map__fd(skeleton_->maps.counters);
  int prog = bpf_program__fd(skeleton_->progs.try_counter);
  std::vector<uint32_t> blind;
  int last = 0;
  for (uint32_t cpu : cpus) {
    uint32_t result = 0;
    int status = bpf_map_update_elem(counters, &cpu, &fd, BPF_ANY) ? -errno : RunOn(cpu, prog, 0, &result);
    if (status == 0) status = static_cast<int>(result);
    if (status) blind.push_back(cpu), last = status;
  }
  bool readable = blind.size() < cpus.size();
  // Only the CPU of the event may read it (PMUs without scope): an empty slot says so to BPF. If none can,
  // the slots stay, so that BPF goes on reporting errors.
  for (uint32_t cpu : blind) {
    if (readable) bpf_map_delete_elem(counters, &cpu);
  }
  // From now on, not from what BPF happens to read first: CPUs may sleep until then.
  zones_[zone].raw = from;
  zones_[zone].based = readable;
  zones_[zone].gap = !readable;
  for (size_t i = 0; i < cpus.size(); i++) {
    energy_cpu& cpu = cpus_[cpus[i]];
    zones_[zone].seen[i] = cpu.predicted;
    cpu.thread = i;
    cpu.sibling = cpus.size() > 1 ? static_cast<int32_t>(cpus[!i]) : ENERGY_NONE;
  }
  for (uint32_t cpu : cpus) cpus_[cpu].zone = zone;
  return readable ? 0 : Fail("read the counter in BPF", last);
}

Outcome Probe::Bind(uint32_t zone, const std::vector<uint32_t>& cpus, int lead, const PerfEventSpec& spec) {
  std::lock_guard<std::mutex> lock(mutex_);
  return Ended(BindLocked(zone, cpus, lead, spec));
}

int Probe::BindLocked(uint32_t zone, const std::vector<uint32_t>& cpus, int lead, const PerfEventSpec& spec) {
  if (!skeleton_) return Fail("bind a counter", -EBADF);
  bool known = std::all_of(cpus.begin(), cpus.end(), [&](uint32_t cpu) { return cpu < cpu_count_; });
  if (zone >= cpu_count_ || !known) return Fail("bind a counter", -EINVAL);
  if (options_.switched && cpus.size() > ENERGY_THREADS)
    return Fail("share a counter between so many CPUs", -E2BIG);
  if (events_.size() <= zone) events_.resize(zone + 1), leads_.resize(zone + 1);
  leads_[zone] = lead;
  // The new event counts before the old one is read for the last time.
  int fd = cpus.empty() ? 0 : OpenCpuCounter(spec, lead);
  UniqueFd event(cpus.empty() ? -1 : fd);
  uint64_t from = 0;
  int status = options_.switched ? TakeAway(zone, cpus, event.get(), &from) : 0;
  events_[zone] = UniqueFd();
  if (fd < 0) return Fail("open the perf event", fd);
  if (status) return Fail("read the perf event", status);
  if (cpus.empty()) return 0;
  status = options_.switched ? GiveToBpf(zone, cpus, fd, from) : 0;
  if (status) return status;
  events_[zone] = std::move(event);
  return 0;
}

Outcome Probe::Failing(std::vector<uint32_t>* zones, double* asleep_ns) {
  std::lock_guard<std::mutex> lock(mutex_);
  return Ended(FailingLocked(zones, asleep_ns));
}

int Probe::FailingLocked(std::vector<uint32_t>* zones, double* asleep_ns) {
  if (!skeleton_) return Fail("look after the counters", -EBADF);
  const int64_t slept = SleptNs(), asleep = slept - std::exchange(slept_ns_, slept);
  *asleep_ns = asleep < kShortestSleepNs ? 0 : asleep;
  // A counter that begins anew moves at other times.
  for (uint32_t zone = 0; *asleep_ns > 0 && zone < events_.size(); zone++) zones_[zone].doubt = 0;
  // Where a CPU is about to go it is too early: BPF rings when it has gone.
  std::vector<bool> passing(events_.size());
  for (uint32_t cpu = 0; cpu < cpu_count_; cpu++)
    if (cpus_[cpu].leaving && cpus_[cpu].standing == ENERGY_KEPT && cpus_[cpu].zone != ENERGY_NONE)
      passing[cpus_[cpu].zone] = true;
  for (uint32_t zone = 0; zone < events_.size(); zone++) {
    if (zones_[zone].gap && !passing[zone]) zones->push_back(zone);
  }
  Sharpen();
  return 0;
}

// Where tasks share a CPU and neither switches nor ticks come near the counter's updates, BPF cannot know
// where its windows end. Looks there until the counter has moved once: a millisecond of such a CPU, of some
// of them at a time, since all other calls wait meanwhile. Shares are worse where that fails, and nothing
// else.
void Probe::Sharpen() {
  std::vector<uint32_t> blind;
  for (uint32_t i = 0; i < events_.size() && blind.size() < kSharpened; i++) {
    uint32_t zone = sharpened_++ % events_.size();
    if (std::exchange(zones_[zone].blind, 0)) blind.push_back(leads_[zone]);
  }
  if (blind.empty()) return;
  InOwnThread([&] {
    LIBBPF_OPTS(bpf_test_run_opts, run);
    const int glance = bpf_program__fd(skeleton_->progs.glance);
    for (uint32_t cpu : blind) {
      if (MoveTo(cpu)) continue;
      const int64_t end = MonotonicNs() + 2 * skeleton_->bss->period_ns;
      do {
        if (bpf_prog_test_run_opts(glance, &run)) break;
      } while (!run.retval && MonotonicNs() < end);
    }
  });
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
