// SPDX-License-Identifier: Apache-2.0
// Measures CPUs' TSCs and prints three drains as JSON: the end of the interval and what each CPU counted. In
// the second one half a second passes between the CPUs, as on a machine that is crowded. Linked with
// -Wl,--wrap=bpf_prog_test_run_opts.
#include <bpf/bpf.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "probe.h"

namespace {

constexpr int kIntervalUs = 300'000;
constexpr int kDelayUs = 500'000;
bool late = false;

void Check(Outcome outcome) {
  if (outcome.status == 0) return;
  fprintf(stderr, "interval: cannot %s: %s\n", outcome.step, strerror(-outcome.status));
  exit(1);
}

void PrintDrain(Probe* probe, const char* end) {
  Drained drained;
  Check(probe->Drain(&drained));
  printf("{\"timeNs\": %.17g, \"counts\": [", drained.time_ns);
  const auto& counts = drained.cpus.counts;
  for (size_t i = 0; i < counts.size(); i++) printf("%s%.17g", i ? ", " : "", counts[i]);
  printf("]}%s\n", end);
}

}  // namespace

extern "C" int __real_bpf_prog_test_run_opts(int program, bpf_test_run_opts* options);
extern "C" int __wrap_bpf_prog_test_run_opts(int program, bpf_test_run_opts* options) {
  if (late && options->cpu > 0) usleep(kDelayUs);
  return __real_bpf_prog_test_run_opts(program, options);
}

int main() {
  PerfEventSpec tsc;
  std::ifstream("/sys/bus/event_source/devices/msr/type") >> tsc.type;
  Probe probe;
  ProbeOptions options;
  options.btf = "/sys/kernel/btf/vmlinux";
  options.switched = options.idle_pays = true;
  options.joules_per_count = 1e-9;
  options.spill_entries = 32768;
  uint32_t own_pid;
  Check(probe.Open(options, &own_pid));
  const uint32_t count = sysconf(_SC_NPROCESSORS_ONLN);
  for (uint32_t cpu = 0; cpu < count; cpu++) Check(probe.Bind(cpu, {cpu}, cpu, tsc));
  Check(probe.Start());
  usleep(kIntervalUs);
  printf("[");
  PrintDrain(&probe, ",");
  usleep(kIntervalUs);
  late = true;
  PrintDrain(&probe, ",");
  late = false;
  usleep(kIntervalUs);
  PrintDrain(&probe, "]");
  return 0;
}
