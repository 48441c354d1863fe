// SPDX-License-Identifier: Apache-2.0
// A crowd for `npm run bench`:   crowd PROCESSES CGROUPS PERIOD_MS CGROUP_DIR
// Processes in cgroups of their own that each wake up every PERIOD_MS, until standard input is closed.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  int processes = atoi(argv[1]), groups = atoi(argv[2]), period_ms = atoi(argv[3]);
  std::vector<std::string> cgroups;
  for (int i = 0; i < groups; i++) {
    cgroups.push_back(std::string(argv[4]) + "/joules-crowd-" + std::to_string(getpid()) + "-" +
                      std::to_string(i));
    mkdir(cgroups.back().c_str(), 0755);
  }
  std::vector<pid_t> pids;
  for (int i = 0; i < processes; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      int64_t first_ms = int64_t{i} * period_ms / processes;  // spread over the period
      timespec first{first_ms / 1000, first_ms % 1000 * 1'000'000L},
          period{period_ms / 1000, period_ms % 1000 * 1'000'000L};
      for (nanosleep(&first, nullptr);;) nanosleep(&period, nullptr);
    }
    if (pid < 0) break;
    pids.push_back(pid);
    std::ofstream(cgroups[i % groups] + "/cgroup.procs") << pid;
  }
  printf("%zu\n", pids.size());
  fflush(stdout);
  while (getchar() != EOF) continue;
  for (pid_t pid : pids) kill(pid, SIGKILL);
  for (pid_t pid : pids) waitpid(pid, nullptr, 0);
  for (const auto& cgroup : cgroups) rmdir(cgroup.c_str());
  return 0;
}
