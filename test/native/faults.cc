// SPDX-License-Identifier: Apache-2.0
// Makes the kernel answer a system call with an error, as seccomp profiles of containers do.
//
//   faults exec SYSCALL ERRNO COMMAND…   runs COMMAND, for which all calls of that number fail
//   faults drain                         measures CPUs' TSCs and prints four drains as JSON: a first one, one
//   in
//                                        which reading the overflow maps fails, and two that succeed
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

#include "own_thread.h"
#include "probe.h"

namespace {

constexpr int kCrowd = 3000;  // processes between two drains: more than a CPU has rows, and a log of others

// From now on calls of this thread fail, if their first argument is the given one, or whatever it is (-1).
void Refuse(uint32_t call, int argument, uint32_t error) {
  bool any = argument < 0;
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | (any ? BPF_JGE : BPF_JEQ) | BPF_K, any ? 0 : static_cast<uint32_t>(argument), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog filter{sizeof(program) / sizeof(program[0]), program};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) {
    perror("faults: seccomp");
    exit(1);
  }
}

void RunCrowd() {
  for (int i = 0; i < kCrowd; i++) {
    pid_t pid = vfork();  // quicker than fork()
    if (pid == 0) _exit(0);
    waitpid(pid, nullptr, 0);
  }
  usleep(300'000);  // so that a tick is little of an interval
}

template <typename T>
void PrintColumn(const char* name, const std::vector<T>& values) {
  printf(", \"%s\": [", name);
  for (size_t i = 0; i < values.size(); i++) printf("%s%.17g", i ? ", " : "", static_cast<double>(values[i]));
  printf("]");
}

void PrintDrain(Probe* probe, bool last) {
  Drained drained;
  uint64_t before = __rdtsc();
  Outcome outcome = probe->Drain(&drained);
  uint64_t after = __rdtsc();
  printf("{\"status\": %d, \"step\": \"%s\", \"before\": %llu, \"after\": %llu", outcome.status, outcome.step,
         static_cast<unsigned long long>(before), static_cast<unsigned long long>(after));
  if (outcome.status == 0) {
    PrintColumn("counts", drained.cpus.counts);
    PrintColumn("residual", drained.cpus.residual_counts);
  }
  printf("}%s\n", last ? "]" : ",");
}

void Check(Outcome outcome) {
  if (outcome.status == 0) return;
  fprintf(stderr, "faults: cannot %s: %s\n", outcome.step, strerror(-outcome.status));
  exit(1);
}

int Drain() {
  PerfEventSpec tsc;
  std::ifstream("/sys/bus/event_source/devices/msr/type") >> tsc.type;
  Probe probe;
  ProbeOptions options;
  options.btf = "/sys/kernel/btf/vmlinux";
  options.switched = options.idle_pays = true;
  options.joules_per_count = 1e-9;
  options.spill_entries = 8192;  // a quarter of them in that log; half would be drained early
  uint32_t own_pid;
  Check(probe.Open(options, &own_pid));
  uint32_t count = sysconf(_SC_NPROCESSORS_ONLN);
  for (uint32_t cpu = 0; cpu < count; cpu++) Check(probe.Bind(cpu, {cpu}, cpu, tsc));
  Check(probe.Start());
  MoveTo(0);
  printf("[");
  PrintDrain(&probe, false);
  RunCrowd();
  std::thread([&] {
    Refuse(SYS_bpf, BPF_MAP_LOOKUP_BATCH, ENOMEM);
    PrintDrain(&probe, false);
  }).join();
  RunCrowd();
  PrintDrain(&probe, false);
  PrintDrain(&probe, true);
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 2 && !strcmp(arguments[1], "drain")) return Drain();
  if (count < 5 || strcmp(arguments[1], "exec")) return 2;
  Refuse(atoi(arguments[2]), -1, atoi(arguments[3]));
  execvp(arguments[4], arguments + 4);
  perror("faults: exec");
  return 1;
}
