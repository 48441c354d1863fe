// SPDX-License-Identifier: Apache-2.0
// renamed TIMES: so often lets a process run on CPU 0, execute a program on another CPU, and come back;
// prints how often it then went by its former name there, with and without somebody who listens, as one JSON
// object.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "actors.h"
#include "clock.h"
#include "drainer.h"
#include "energy.h"
#include "energy.skel.h"
#include "own_thread.h"
#include "program.h"
#include "switch_log.h"

namespace {

constexpr int64_t kSpinNs = 3'000'000;

void Check(const Outcome& outcome) {
  if (!outcome.Failed()) return;
  fprintf(stderr, "renamed: cannot %s: %s\n", outcome.step, strerror(-outcome.status));
  exit(1);
}

// Busy on a CPU, and switched away from at the end, so that its time there is charged.
void RunOn(int cpu) {
  MoveTo(cpu);
  for (const int64_t end = MonotonicNs() + kSpinNs; MonotonicNs() < end;) {
  }
  usleep(1000);
}

// A process that is back on CPU 0, where it ran under another name, with the program that it has executed
// meanwhile.
pid_t StartAndReturn(int elsewhere) {
  int executed[2];
  if (pipe2(executed, O_CLOEXEC)) exit(1);
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "before");
    RunOn(0);
    RunOn(elsewhere);
    execl("/bin/sh", "sh", "-c", "while :; do :; done", nullptr);
    _exit(1);
  }
  close(executed[1]);
  char nothing;
  if (read(executed[0], &nothing, 1) != 0) exit(1);
  close(executed[0]);
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  if (sched_setaffinity(pid, sizeof(first), &first)) exit(1);
  return pid;
}

int CountMisnamed(const Program& program, int times, int elsewhere) {
  const uint64_t wanted = ActorOf(1, 0, "sh").executable;
  int misnamed = 0;
  for (int i = 0; i < times; i++) {
    const pid_t pid = StartAndReturn(elsewhere);
    usleep(5'000);
    ActorFinder actors(program.cpus());
    actors.Note(0, pid, MonotonicNs());
    misnamed += actors.Find(pid).executable != wanted;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  return misnamed;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int cpus = sysconf(_SC_NPROCESSORS_ONLN), times = atoi(argv[1]);
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
  for (int cpu = 0; cpu < cpus; cpu++) numbers.push_back(cpu);
  const int unheard = CountMisnamed(program, times, cpus - 1);
  SwitchLog log(program.logs(), &program.skeleton().bss->logging, numbers);
  log.Listen();
  const int heard = CountMisnamed(program, times, cpus - 1);
  log.Unlisten();
  printf("{\"heard\": %d, \"unheard\": %d}\n", heard, unheard);
  return 0;
}
