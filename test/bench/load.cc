// SPDX-License-Identifier: Apache-2.0
// A load for `npm run bench` that keeps all CPUs busy, until standard input is closed:   load storm|pipe
// storm: on each CPU a process that starts /bin/true again and again, by vfork. pipe: on each CPU two
// processes that pass a byte to and fro.
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <vector>

namespace {

std::vector<pid_t> pids;

void PinTo(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof(set), &set);
}

[[noreturn]] void Storm() {
  for (;;) {
    pid_t pid = vfork();
    if (pid == 0) {
      execl("/bin/true", "true", nullptr);
      _exit(127);
    }
    if (pid < 0 || waitpid(pid, nullptr, 0) < 0) _exit(1);
  }
}

[[noreturn]] void Pass(int in, int out, bool first) {
  char byte = 0;
  if (first && write(out, &byte, 1) != 1) _exit(1);
  while (read(in, &byte, 1) == 1 && write(out, &byte, 1) == 1) continue;
  _exit(1);
}

template <typename Work>
void Start(int cpu, const Work& work) {
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    PinTo(cpu);
    work();
  }
  if (pid > 0) pids.push_back(pid);
}

void StartPair(int cpu) {
  int there[2], back[2];
  if (pipe(there) || pipe(back)) return;
  Start(cpu, [&] { Pass(back[0], there[1], true); });
  Start(cpu, [&] { Pass(there[0], back[1], false); });
}

}  // namespace

int main(int argc, char** argv) {
  bool storm = argc == 2 && !strcmp(argv[1], "storm");
  if (!storm && (argc != 2 || strcmp(argv[1], "pipe"))) return 2;
  for (int cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++) {
    if (storm)
      Start(cpu, Storm);
    else
      StartPair(cpu);
  }
  printf("%zu\n", pids.size());
  fflush(stdout);
  while (getchar() != EOF) continue;
  for (pid_t pid : pids) kill(pid, SIGKILL);
  for (pid_t pid : pids) waitpid(pid, nullptr, 0);
  return 0;
}
