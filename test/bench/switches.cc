// SPDX-License-Identifier: Apache-2.0
// Cost of one context switch in our program, beside an empty and a naive one, by the kernel's own bpf_stats.
//
//   switches TASKS CGROUPS COLD_KIB SHARED ROUNDS CGROUP_DIR
//
// TASKS processes in CGROUPS cgroups yield to one another on one CPU, each touching COLD_KIB of memory
// between two switches; SHARED is 1 if CPUs 0 and 1 share a counter as threads of a core do. The programs are
// attached in turn, each between two runs of the empty one, ROUNDS times. Prints one JSON object: medians of
// the ns above the empty program.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "probe.h"
#include "reference.skel.h"

namespace {

struct Sample {
  double ns;
  uint64_t calls;
};

std::vector<pid_t> tasks;
std::vector<std::string> cgroups;

void Clean() {
  for (pid_t task : tasks) kill(task, SIGKILL);
  for (pid_t task : tasks) waitpid(task, nullptr, 0);
  for (const auto& cgroup : cgroups) rmdir(cgroup.c_str());
  tasks.clear();
  cgroups.clear();
}

[[noreturn]] void Die(const char* what, int status) {
  Clean();
  fprintf(stderr, "bench: cannot %s: %s\n", what, strerror(-status));
  exit(1);
}

void StartTasks(int count, int groups, size_t cold_bytes, int cpu, const std::string& directory) {
  for (int i = 0; i < groups; i++) {
    cgroups.push_back(directory + "/joules-bench-" + std::to_string(getpid()) + "-" + std::to_string(i));
    if (mkdir(cgroups.back().c_str(), 0755)) Die("make a cgroup", -errno);
  }
  for (int i = 0; i < count; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(cpu, &set);
      sched_setaffinity(0, sizeof(set), &set);
      std::vector<char> memory(cold_bytes);
      volatile char* cold = memory.data();
      for (;;) {
        for (size_t at = 0; at < cold_bytes; at += 64) cold[at] = cold[at] + 1;
        sched_yield();
      }
    }
    tasks.push_back(pid);
    std::ofstream(cgroups[i % groups] + "/cgroup.procs") << pid;
  }
}

bpf_prog_info InfoOf(int fd) {
  bpf_prog_info info{};
  uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd, &info, &size)) Die("read bpf_stats", -errno);
  return info;
}

Sample MeasureProgram(int fd) {
  usleep(5'000);
  bpf_prog_info before = InfoOf(fd);
  usleep(40'000);
  bpf_prog_info after = InfoOf(fd);
  uint64_t calls = after.run_cnt - before.run_cnt;
  return {static_cast<double>(after.run_time_ns - before.run_time_ns) / std::max<uint64_t>(1, calls), calls};
}

Sample MeasureReference(bool naive, const PerfEventSpec& counter) {
  reference_bpf* reference = reference_bpf__open();
  bpf_program__set_autoload(naive ? reference->progs.empty : reference->progs.naive, false);
  if (int status = reference_bpf__load(reference)) Die("load the reference", status);
  std::vector<UniqueFd> events;
  for (int cpu = 0; naive && cpu < libbpf_num_possible_cpus(); cpu++) {
    int fd = OpenCpuCounter(counter, cpu);
    if (fd < 0) continue;
    bpf_map_update_elem(bpf_map__fd(reference->maps.counters), &cpu, &fd, BPF_ANY);
    events.emplace_back(fd);
  }
  if (int status = reference_bpf__attach(reference)) Die("attach the reference", status);
  Sample sample = MeasureProgram(bpf_program__fd(naive ? reference->progs.naive : reference->progs.empty));
  reference_bpf__destroy(reference);
  return sample;
}

// The newest program of our name: the probe keeps its descriptors to itself.
UniqueFd FindOurs() {
  int found = -1;
  for (uint32_t id = 0; bpf_prog_get_next_id(id, &id) == 0;) {
    int fd = bpf_prog_get_fd_by_id(id);
    if (fd < 0) continue;
    bpf_prog_info info = InfoOf(fd);
    if (!strcmp(info.name, "sched_switch") && info.type == BPF_PROG_TYPE_TRACING) std::swap(found, fd);
    if (fd >= 0) close(fd);
  }
  if (found < 0) Die("find our program", -ENOENT);
  return UniqueFd(found);
}

Sample MeasureOurs(bool shared, const PerfEventSpec& counter) {
  Probe probe;
  ProbeOptions options;
  options.btf = "/sys/kernel/btf/vmlinux";
  options.switched = true;
  options.spill_entries = 32768;
  options.idle_pays = true;
  options.joules_per_count = 1e-9;
  options.shared = shared;
  auto check = [](Outcome outcome) {
    if (outcome.status) Die(outcome.step, outcome.status);
  };
  uint32_t own_pid;
  check(probe.Open(options, &own_pid));
  // As threads of one core, or as CPUs with a counter each.
  if (shared) check(probe.Bind(0, {0, 1}, 0, counter));
  for (int cpu = 0; !shared && cpu < libbpf_num_possible_cpus(); cpu++)
    check(probe.Bind(cpu, {static_cast<uint32_t>(cpu)}, cpu, counter));
  check(probe.Start());
  return MeasureProgram(FindOurs().get());
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double Spread(std::vector<double> values) {
  double median = Median(values);
  for (double& value : values) value = std::abs(value - median);
  return 1.48 * Median(values);  // median absolute deviation, as a standard deviation
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) Die("run: arguments are TASKS CGROUPS COLD_KIB SHARED ROUNDS CGROUP_DIR", -EINVAL);
  int rounds = atoi(argv[5]);
  bool shared = atoi(argv[4]);
  PerfEventSpec counter;
  std::ifstream("/sys/bus/event_source/devices/msr/type") >> counter.type;
  libbpf_set_print(nullptr);
  int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
  if (stats < 0) Die("enable bpf_stats", stats);
  int cpu = sysconf(_SC_NPROCESSORS_ONLN) - 1;
  StartTasks(atoi(argv[1]), atoi(argv[2]), atoi(argv[3]) * 1024, cpu, argv[6]);

  std::vector<double> ours, naive, empty, ratio;
  uint64_t calls = 0;
  Sample before = MeasureReference(false, counter);
  for (int round = 0; round < rounds; round++) {
    Sample a = MeasureOurs(shared, counter);
    Sample middle = MeasureReference(false, counter);
    Sample b = MeasureReference(true, counter);
    Sample after = MeasureReference(false, counter);
    ours.push_back(a.ns - (before.ns + middle.ns) / 2);
    naive.push_back(b.ns - (middle.ns + after.ns) / 2);
    empty.push_back(middle.ns);
    ratio.push_back(ours.back() / naive.back());
    calls += a.calls;
    before = after;
  }
  Clean();
  printf(
      "{\"empty_ns\":%.1f,\"ours_ns\":%.1f,\"ours_spread_ns\":%.1f,\"naive_ns\":%.1f,\"naive_spread_ns\":%."
      "1f,"
      "\"ratio\":%.4f,\"switches\":%lu}\n",
      Median(empty), Median(ours), Spread(ours), Median(naive), Spread(naive), Median(ratio), calls);
  close(stats);
  return 0;
}
