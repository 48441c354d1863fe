// SPDX-License-Identifier: Apache-2.0
// Which event counts for which CPUs: binding them, and looking after them.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <utility>

#include "clock.h"
#include "energy.h"
#include "energy.skel.h"
#include "own_thread.h"
#include "probe.h"

namespace {

// Counters that are looked at for a millisecond in one call at most.
constexpr size_t kSharpened = 4;

// Two clocks that are read within a millisecond differ by less.
constexpr int64_t kShortestSleepNs = 50'000'000;

constexpr int kTries = 3;

}  // namespace

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
  for (uint32_t cpu : former) RunOn(cpu, bpf_program__fd(progs.swap_buffers), cpus_[cpu].buffer & 1, nullptr);
  uint64_t gap = 0;  // units
  for (uint32_t at : former) cpus_[at].zone = cpus_[at].sibling = ENERGY_NONE;
  for (uint32_t at : former) {
    RunOn(at, bpf_program__fd(progs.try_counter), 0, nullptr);  // waits for a read under way there
    bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.counters), &at);
  }
  for (uint32_t at : former) {
    energy_cpu& cpu = cpus_[at];
    bool stays = std::find(cpus.begin(), cpus.end(), at) != cpus.end();
    if (stays && !state.failed) continue;
    gap += __atomic_exchange_n(&cpu.unpriced, 0, __ATOMIC_SEQ_CST);
    cpu.unpriced_counted = cpu.unpriced_predicted = 0;
  }
  PerfReading last, before, after;
  bool read = false;
  int status = next < 0 ? 0 : ReadCounter(next, &after);
  // Until it has not moved meanwhile: it rests for about a millisecond, and a read takes some us.
  for (int i = 0; i < kTries; i++) {
    before = after;
    // A dead event still tells what it counted before it died.
    read = state.valid && ReadCounter(events_[zone].get(), &last) == 0;
    if (next >= 0 && status == 0) status = ReadCounter(next, &after);
    if (before.count == after.count) break;
  }
  if (read && last.count > state.last_count)
    gap += (last.count - state.last_count) << skeleton_->rodata->count_shift;
  const auto& heirs = cpus.empty() ? former : cpus;
  if (gap && !heirs.empty()) {
    energy_cpu& heir = cpus_[heirs.front()];
    heir.buffers[heir.buffer & 1].gap += gap;
  }
  *from = after.count;
  // It is the same register: when it moves is still known, if it has been read until now.
  const bool alive = state.valid && !state.failed;
  energy_zone fresh = alive ? state : energy_zone{};
  fresh.valid = fresh.failed = 0;
  fresh.period_ns = state.period_ns;
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
  zones_[zone].last_count = from;
  zones_[zone].valid = readable;
  zones_[zone].failed = readable ? 0 : -last;
  for (size_t i = 0; i < cpus.size(); i++) {
    energy_cpu& cpu = cpus_[cpus[i]];
    zones_[zone].paid_predicted[i] = cpu.predicted;
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
  for (uint32_t zone = 0; *asleep_ns > 0 && zone < events_.size(); zone++) zones_[zone].phase_error_ns = 0;
  // Where a CPU is about to go it is too early: BPF rings when it has gone.
  std::vector<bool> passing(events_.size());
  for (uint32_t cpu = 0; cpu < cpu_count_; cpu++)
    if (cpus_[cpu].leaving && cpus_[cpu].state == ENERGY_CPU_OWNED && cpus_[cpu].zone != ENERGY_NONE)
      passing[cpus_[cpu].zone] = true;
  for (uint32_t zone = 0; zone < events_.size(); zone++) {
    if (zones_[zone].failed && !passing[zone]) zones->push_back(zone);
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
    if (std::exchange(zones_[zone].needs_poll, 0)) blind.push_back(leads_[zone]);
  }
  if (blind.empty()) return;
  InOwnThread([&] {
    LIBBPF_OPTS(bpf_test_run_opts, run);
    const int poll = bpf_program__fd(skeleton_->progs.poll_counter);
    for (uint32_t cpu : blind) {
      if (MoveTo(cpu)) continue;
      const int64_t end = MonotonicNs() + 2 * skeleton_->bss->period_ns;
      do {
        if (bpf_prog_test_run_opts(poll, &run)) break;
      } while (!run.retval && MonotonicNs() < end);
    }
  });
}
