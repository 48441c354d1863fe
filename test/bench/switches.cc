// SPDX-License-Identifier: Apache-2.0
// Cost of one context switch in our program, beside an empty and a naive one, by the kernel's own bpf_stats.
//
//   switches TASKS CGROUPS COLD_KIB SHARED ROUNDS CGROUP_DIR
//
// TASKS processes in CGROUPS cgroups yield to one another on one CPU, each touching COLD_KIB of memory
// between two switches; SHARED is 1 if CPUs 0 and 1 share a counter as threads of a core do. The programs are
// attached in turn, each between two runs of the empty one, ROUNDS times. Prints one JSON object: medians of
// the ns above the empty program; of ours, which is loaded without a log of switches, also how many more they
// are with one, while nobody listens and in a burst.
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "energy.skel.h"
#include "programs.h"

namespace {

struct Sample {
  double ns;
  uint64_t calls;
};

std::vector<pid_t> tasks;
std::vector<std::string> cgroups;

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

Sample MeasureProgram(int fd) {
  usleep(5'000);
  bpf_prog_info before = InfoOf(fd);
  usleep(40'000);
  bpf_prog_info after = InfoOf(fd);
  uint64_t calls = after.run_cnt - before.run_cnt;
  return {static_cast<double>(after.run_time_ns - before.run_time_ns) / std::max<uint64_t>(1, calls), calls};
}

Sample MeasureReference(const char* name) { return MeasureProgram(Reference(name).fd()); }

Sample MeasureOurs(bool shared) {
  Probe probe;
  StartOurs(&probe, shared);
  return MeasureProgram(FindOwn<bpf_prog_info>("bpf-prog", "sched_switch"));
}

// Listens to the switches of a probe that has logs, as a thread that learns does.
class Listener {
 public:
  Listener() {
    const int fd = FindOwn<bpf_map_info>("bpf-map", "energy_b.bss");
    memory_ = mmap(nullptr, sizeof(Variables), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory_ == MAP_FAILED) Die("map the variables of our program", -errno);
  }
  ~Listener() { munmap(memory_, sizeof(Variables)); }
  void Listen(bool on) { __atomic_store_n(&static_cast<Variables*>(memory_)->logging, on, __ATOMIC_SEQ_CST); }

 private:
  using Variables = std::remove_pointer_t<decltype(energy_bpf::bss)>;
  void* memory_;
};

struct Logged {
  double silent_ns, burst_ns;
};

Logged MeasureLogged(bool shared) {
  Probe probe;
  StartOurs(&probe, shared, 32768, true);
  const int program = FindOwn<bpf_prog_info>("bpf-prog", "sched_switch");
  Listener listener;
  const Sample before = MeasureProgram(program);
  listener.Listen(true);
  const Sample burst = MeasureProgram(program);
  listener.Listen(false);
  const Sample after = MeasureProgram(program);
  return {(before.ns + after.ns) / 2, burst.ns};
}

}  // namespace

void Clean() {
  for (pid_t task : tasks) kill(task, SIGKILL);
  for (pid_t task : tasks) waitpid(task, nullptr, 0);
  for (const auto& cgroup : cgroups) rmdir(cgroup.c_str());
  tasks.clear();
  cgroups.clear();
}

int main(int argc, char** argv) {
  if (argc != 7) Die("run: arguments are TASKS CGROUPS COLD_KIB SHARED ROUNDS CGROUP_DIR", -EINVAL);
  int rounds = atoi(argv[5]);
  bool shared = atoi(argv[4]);
  libbpf_set_print(nullptr);
  int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
  if (stats < 0) Die("enable bpf_stats", stats);
  int cpu = sysconf(_SC_NPROCESSORS_ONLN) - 1;
  StartTasks(atoi(argv[1]), atoi(argv[2]), atoi(argv[3]) * 1024, cpu, argv[6]);

  std::vector<double> ours, naive, empty, ratio, silent, burst;
  uint64_t calls = 0;
  Sample before = MeasureReference("empty");
  for (int round = 0; round < rounds; round++) {
    Sample a = MeasureOurs(shared);
    Sample middle = MeasureReference("empty");
    Sample b = MeasureReference("naive");
    Sample after = MeasureReference("empty");
    ours.push_back(a.ns - (before.ns + middle.ns) / 2);
    naive.push_back(b.ns - (middle.ns + after.ns) / 2);
    empty.push_back(middle.ns);
    ratio.push_back(ours.back() / naive.back());
    calls += a.calls;
    const Logged logged = MeasureLogged(shared);
    before = MeasureReference("empty");
    silent.push_back(logged.silent_ns - (after.ns + before.ns) / 2 - ours.back());
    burst.push_back(logged.burst_ns - logged.silent_ns);
  }
  Clean();
  printf(
      "{\"empty_ns\":%.1f,\"ours_ns\":%.1f,\"ours_spread_ns\":%.1f,\"naive_ns\":%.1f,\"naive_spread_ns\":%."
      "1f,"
      "\"ratio\":%.4f,\"switches\":%lu,"
      "\"silent_ns\":%.1f,\"silent_spread_ns\":%.1f,\"burst_ns\":%.1f,\"burst_spread_ns\":%.1f}\n",
      Median(empty), Median(ours), Spread(ours), Median(naive), Spread(naive), Median(ratio), calls,
      Median(silent), Spread(silent), Median(burst), Spread(burst));
  close(stats);
  return 0;
}
