// SPDX-License-Identifier: Apache-2.0
#include "watch.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <utility>

#include "energy.h"
#include "energy.skel.h"
#include "own_thread.h"
#include "program.h"

namespace {

// Counters that are polled for a millisecond in one call at most.
constexpr size_t kMostResyncs = 4;

// Two clocks that are read within a millisecond differ by less.
constexpr int64_t kShortestSleepNs = 50'000'000;

}  // namespace

std::vector<uint32_t> Watch::Failing() const {
  const auto& counters = binder_->counters();
  // Where a CPU is about to go it is too early: BPF rings when it has gone.
  std::vector<bool> passing(counters.size());
  for (uint32_t at = 0; at < program_->cpu_count(); at++) {
    const energy_cpu& cpu = program_->cpus()[at];
    if (cpu.leaving && cpu.state == ENERGY_CPU_OWNED && cpu.zone != ENERGY_NONE) passing[cpu.zone] = true;
  }
  std::vector<uint32_t> zones;
  for (uint32_t zone = 0; zone < counters.size(); zone++)
    if (program_->zones()[zone].failed && !passing[zone]) zones.push_back(zone);
  return zones;
}

int64_t Watch::TakeSleepNs() {
  const int64_t slept_ns = SleptNs(), asleep_ns = slept_ns - std::exchange(slept_ns_, slept_ns);
  if (asleep_ns < kShortestSleepNs) return 0;
  // A counter that begins anew moves at other times.
  for (uint32_t zone = 0; zone < binder_->counters().size(); zone++)
    program_->zones()[zone].phase_error_ns = 0;
  return asleep_ns;
}

void Watch::ResyncPhase() {
  const auto& counters = binder_->counters();
  std::vector<uint32_t> cpus;
  for (uint32_t i = 0; i < counters.size() && cpus.size() < kMostResyncs; i++) {
    const uint32_t zone = next_zone_++ % counters.size();
    if (std::exchange(program_->zones()[zone].needs_poll, 0)) cpus.push_back(counters[zone].lead);
  }
  if (cpus.empty()) return;
  const auto& skeleton = program_->skeleton();
  InOwnThread([&] {
    uint64_t command = ENERGY_POLL;
    LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &command, .ctx_size_in = sizeof(command));
    const int visit_cpu = bpf_program__fd(skeleton.progs.visit_cpu);
    for (uint32_t cpu : cpus) {
      if (MoveTo(cpu)) continue;
      const int64_t end_ns = MonotonicNs() + 2 * skeleton.bss->period_ns;
      do {
        if (bpf_prog_test_run_opts(visit_cpu, &run)) break;
      } while (!run.retval && MonotonicNs() < end_ns);
    }
  });
}
