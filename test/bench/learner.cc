// SPDX-License-Identifier: Apache-2.0
// What it costs to learn from a package's counter:   learner FILE SECONDS
// and from counters of cores:                       learner cores SECONDS
//
// FILE has the counter of all CPUs, as powercap has it (uJ), which CPU 0 reads; for those of cores the TSC of
// each CPU stands in. Prints one JSON object: CPU time of the thread per second, us, by how much of each
// second it learned (1000, 300, 100 ms, as the model wanted), how exactly updates were seen, and what became
// of the windows.
#include <unistd.h>

#include <map>

#include "learned_package.h"
#include "programs.h"

void Clean() {}

namespace {

// Of the package, or as far as there is such a thing of the cores.
LearningStatus Ask(Probe* probe) {
  LearningReport report;
  Check(probe->AskLearning(&report));
  if (!report.cores) return report.packages.at(0);
  const CoreLearningStatus& cores = *report.cores;
  LearningStatus status;
  status.state = std::isnan(cores.period_ns) ? LearningState::kCalibrating : LearningState::kLearning;
  status.edge_ns = NAN;
  status.windows = cores.windows;
  status.burst_ms = cores.burst_ms;
  status.cpu_ns = cores.cpu_ns;
  return status;
}

void LearnFromPackage(Probe* probe, const char* path) {
  LearnedPackage package;
  for (uint32_t cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++) {
    package.cpus.push_back(cpu);
    package.cores.push_back(cpu);
  }
  package.location.via = CounterLocation::Via::kPowercap;
  package.location.path = path;
  package.joules_per_count = 1e-6;
  package.max_watts = 2000;
  Check(probe->Learn({package}));
}

void LearnFromCores(Probe* probe) {
  for (uint32_t cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++)
    Check(probe->Bind(cpu, {cpu}, cpu, Tsc()));
  Calibration found;
  Check(probe->Calibrate(0, 0, &found));
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return values.empty() ? NAN : sum / values.size();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) Die("run: arguments are FILE SECONDS", -EINVAL);
  libbpf_set_print(nullptr);
  const bool cores = strcmp(argv[1], "cores") == 0;
  Probe probe;
  ProbeOptions options;
  options.btf = "/sys/kernel/btf/vmlinux";
  options.spill_entries = 32768;
  options.learns = true;
  options.switched = cores;
  if (cores) options.joules_per_count = 1e-9;
  uint32_t own_pid;
  Check(probe.Open(options, &own_pid));
  Check(probe.Start());
  cores ? LearnFromCores(&probe) : LearnFromPackage(&probe, argv[1]);
  while (Ask(&probe).state == LearningState::kCalibrating) usleep(10'000);
  std::map<uint32_t, std::vector<double>> us;
  // The model is asked for predictions, too, as every second.
  LearningStatus before = Ask(&probe), after;
  for (int second = 0; second < atoi(argv[2]); second++) {
    usleep(1'000'000);
    Drained drained;
    Check(probe.Drain(&drained));
    after = Ask(&probe);
    // A second in which the model changed its mind belongs to neither.
    if (after.burst_ms == before.burst_ms) us[after.burst_ms].push_back((after.cpu_ns - before.cpu_ns) / 1e3);
    before = after;
  }
  printf("{\"state\":%d", static_cast<int>(after.state));
  if (!cores) printf(",\"edge_us\":%.1f", after.edge_ns / 1e3);
  for (uint32_t ms : {1000, 300, 100}) {
    const double mean = Mean(us[ms]);
    if (std::isnan(mean))
      printf(",\"us_%u\":null", ms);
    else
      printf(",\"us_%u\":%.0f", ms, mean);
  }
  const WindowCounts& windows = after.windows;
  printf(",\"used\":%lu,\"missed\":%lu,\"lost\":%lu,\"energy\":%lu}\n", windows.cut,
         windows.wide + windows.length, windows.lost, windows.energy);
  return 0;
}
