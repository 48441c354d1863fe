// SPDX-License-Identifier: Apache-2.0
// A package's energy counter whose truth is known, in a file as powercap has it (uJ):
//
//   package_counter FILE PERIOD_US STATIC_WATTS LOAD…        LOAD: NAME:WATTS:CPU[:ON_US:OFF_US]
//
// Each load is a process of that name that is busy on a CPU, all the time or in turns, and draws so much
// while it runs. Once per period the counter becomes what they have drawn by then, by the CPU time that the
// kernel has accounted of them. Prints `PID NAME` of each, and whenever it reads a line the truth by then, as
// JSON; ends when there is none any more.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

struct Load {
  char name[16] = "";
  double watts = 0;
  int cpu = 0;
  long on_us = 0, off_us = 0;
  pid_t pid = 0;
  clockid_t clock = 0;
};

int64_t NowNs(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

void RunOn(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof(set), &set);
}

[[noreturn]] void Run(const Load& load) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, load.name);
  RunOn(load.cpu);
  for (;;) {
    const int64_t begin = NowNs(CLOCK_THREAD_CPUTIME_ID);
    while (load.on_us == 0 || NowNs(CLOCK_THREAD_CPUTIME_ID) - begin < load.on_us * 1000) {
    }
    usleep(load.off_us);
  }
}

Load Parse(const char* text) {
  Load load;
  if (sscanf(text, "%15[^:]:%lf:%d:%ld:%ld", load.name, &load.watts, &load.cpu, &load.on_us, &load.off_us) <
      3) {
    fprintf(stderr, "package_counter: %s is no load\n", text);
    exit(2);
  }
  return load;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  const int file = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  const int64_t period_ns = atoll(argv[2]) * 1000;
  const double static_watts = atof(argv[3]);
  std::vector<Load> loads;
  for (int i = 4; i < argc; i++) loads.push_back(Parse(argv[i]));
  for (Load& load : loads) {
    load.pid = fork();
    if (load.pid == 0) Run(load);
    clock_getcpuclockid(load.pid, &load.clock);
    printf("%d %s\n", load.pid, load.name);
  }
  fflush(stdout);
  // It moves when it is due, whatever else runs, and keeps nobody from reading on CPU 0: as a counter of the
  // hardware does.
  RunOn(sysconf(_SC_NPROCESSORS_ONLN) - 1);
  sched_param priority{10};
  sched_setscheduler(0, SCHED_FIFO, &priority);
  const int64_t begin = NowNs(CLOCK_MONOTONIC);
  std::vector<double> joules(loads.size());
  for (int64_t due = begin;; due += period_ns) {
    timespec at{due / 1'000'000'000, due % 1'000'000'000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
    const double seconds = (NowNs(CLOCK_MONOTONIC) - begin) / 1e9;
    double sum = static_watts * seconds;
    for (size_t i = 0; i < loads.size(); i++) {
      joules[i] = loads[i].watts * NowNs(loads[i].clock) / 1e9;
      sum += joules[i];
    }
    char text[32];
    const int length = snprintf(text, sizeof(text), "%020llu\n", static_cast<unsigned long long>(sum * 1e6));
    if (pwrite(file, text, length, 0) != length) return 1;
    pollfd in{0, POLLIN, 0};
    char line[64];
    if (poll(&in, 1, 0) == 0) continue;
    if (read(0, line, sizeof(line)) <= 0) break;
    printf("{\"static\": %.9f, \"loads\": {", static_watts * seconds);
    for (size_t i = 0; i < loads.size(); i++)
      printf("%s\"%d\": %.9f", i ? ", " : "", loads[i].pid, joules[i]);
    printf("}}\n");
    fflush(stdout);
  }
  for (const Load& load : loads) {
    kill(load.pid, SIGKILL);
    waitpid(load.pid, nullptr, 0);
  }
  return 0;
}
