// SPDX-License-Identifier: Apache-2.0
// Reads the log of switches on all CPUs while processes run, and prints what it says as one JSON object.
//
//   switches MS          takes it every ms for so long, between two drains: beside each process's time by the
//                        log what its rows have, and by CPU what is odd about it
//   switches MS late     takes it once, at the end
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

#include "clock.h"
#include "drainer.h"
#include "energy.h"
#include "energy.skel.h"
#include "own_thread.h"
#include "program.h"
#include "switch_log.h"
#include "worker.h"

namespace {

void Check(const Outcome& outcome) {
  if (!outcome.Failed()) return;
  fprintf(stderr, "switches: cannot %s: %s\n", outcome.step, strerror(-outcome.status));
  exit(1);
}

// Two that yield to one another, one that sleeps now and then, on CPU 0; one that is always busy, on the
// last.
std::vector<pid_t> StartLoads() {
  std::vector<pid_t> pids;
  const int last = sysconf(_SC_NPROCESSORS_ONLN) - 1;
  for (int i = 0; i < 4; i++) {
    const pid_t pid = fork();
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      MoveTo(i < 3 ? 0 : last);
      for (int64_t turn = 0;; turn++) {
        if (i < 2) sched_yield();
        if (i == 2 && turn % 100'000 == 0) usleep(3'000);
      }
    }
    pids.push_back(pid);
  }
  return pids;
}

struct CpuLog {
  std::vector<SwitchRecord> records;
  int lost = 0;
};

void TakeAll(SwitchLog* log, std::vector<CpuLog>* cpus) {
  std::vector<SwitchRecord> some;
  for (size_t i = 0; i < cpus->size(); i++) {
    CpuLog& cpu = (*cpus)[i];
    cpu.lost += log->Take(i, &some);
    cpu.records.insert(cpu.records.end(), some.begin(), some.end());
  }
}

// `broken`: entries that do not go on with the load that the one before them ended with. (Of others that may
// be: the tracepoint does not fire for each switch of a thread that is being stopped or traced.)
void PrintCpu(const CpuLog& cpu, const std::vector<pid_t>& loads, const char* comma) {
  size_t broken = 0, backwards = 0, ticks = 0;
  double busy_gap_us = 0, idle_gap_us = 0;
  for (size_t i = 1; i < cpu.records.size(); i++) {
    const auto &before = cpu.records[i - 1], &now = cpu.records[i];
    const bool load = std::find(loads.begin(), loads.end(), static_cast<pid_t>(before.next)) != loads.end();
    broken += load && now.prev != before.next;
    // A tick is dated by another clock than a switch.
    backwards += now.clock_ns + 100'000 < before.clock_ns;
    double& gap_us = now.prev ? busy_gap_us : idle_gap_us;
    gap_us = std::max(gap_us, (static_cast<double>(now.clock_ns) - before.clock_ns) / 1e3);
    ticks += now.prev == now.next;
  }
  printf(
      "%s{\"records\": %zu, \"lost\": %d, \"broken\": %zu, \"backwards\": %zu, \"ticks\": %zu, "
      "\"busyGapUs\": %.1f, \"idleGapUs\": %.1f}",
      comma, cpu.records.size(), cpu.lost, broken, backwards, ticks, busy_gap_us, idle_gap_us);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const int64_t ns = atoll(argv[1]) * 1'000'000;
  const bool late = argc > 2;
  Program program;
  ProbeOptions options;
  options.btf = "/sys/kernel/btf/vmlinux";
  options.learns = true;
  options.spill_entries = 4096;
  uint32_t own_pid;
  Check(program.Load(options, &own_pid));
  Drainer drainer(&program);
  Check(drainer.Open());
  Check(program.Start());
  std::vector<uint32_t> numbers;
  for (uint32_t cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++) numbers.push_back(cpu);
  std::vector<CpuLog> cpus(numbers.size());
  const std::vector<pid_t> loads = StartLoads();
  usleep(20'000);
  Worker::BePrompt();
  SwitchLog log(program.logs(), &program.skeleton().bss->logging, numbers);
  Drained before, after;
  log.Listen();
  Check(drainer.Drain(&before));
  const int64_t begin = MonotonicNs();
  while (MonotonicNs() - begin < ns) {
    usleep(1000);
    if (!late) TakeAll(&log, &cpus);
  }
  Check(drainer.Drain(&after));
  const int64_t end = MonotonicNs();
  TakeAll(&log, &cpus);
  log.Unlisten();
  // What was being written by then; from here on loads switch, and nobody listens.
  usleep(50'000);
  std::vector<SwitchRecord> rest;
  for (size_t i = 0; i < cpus.size(); i++) log.Take(i, &rest);
  usleep(100'000);
  size_t silent = 0;  // records that were written nevertheless
  for (size_t i = 0; i < cpus.size(); i++) log.Take(i, &rest), silent += rest.size();
  for (pid_t pid : loads) kill(pid, SIGKILL);
  for (pid_t pid : loads) waitpid(pid, nullptr, 0);

  // By process: time by the log between the swaps, which are the first and last ticks near both drains.
  std::map<uint32_t, double> logged, rows;
  for (const CpuLog& cpu : cpus)
    for (size_t i = 1; i < cpu.records.size(); i++)
      logged[cpu.records[i].prev] +=
          static_cast<double>(cpu.records[i].clock_ns) - cpu.records[i - 1].clock_ns;
  for (size_t i = 0; i < after.rows.cpu.size(); i++) rows[after.rows.pid[i]] += after.rows.time_ns[i];
  printf("{\"ns\": %lld, \"silent\": %zu, \"cpus\": [", static_cast<long long>(end - begin), silent);
  const char* comma = "";
  for (const CpuLog& cpu : cpus) PrintCpu(cpu, loads, comma), comma = ", ";
  printf("], \"loads\": [");
  comma = "";
  for (pid_t pid : loads) {
    printf("%s{\"logged\": %.0f, \"rows\": %.0f}", comma, logged[pid], rows[pid]);
    comma = ", ";
  }
  printf("]}\n");
  return 0;
}
