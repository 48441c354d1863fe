// SPDX-License-Identifier: Apache-2.0
// Counters of cores are learned from, for which each CPU's page faults stand in: what a process drew of them
// the kernel knows. Prints what came of it as JSON.
//
//   core_learner          two processes take turns by pipes, while BPF is made to believe that the one which
//                         draws less draws far more; then learning ends
//   core_learner owners   one entry of BPF's map goes from process to process, as BPF does it, while it is
//                         corrected
#include "core_learner.h"

#include <linux/perf_event.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "binder.h"
#include "clock.h"
#include "energy.h"
#include "energy.skel.h"
#include "own_thread.h"
#include "perf_event.h"
#include "power_correction.h"
#include "program.h"

namespace {

constexpr double kJoulesPerCount = 1e-5;  // per page fault
constexpr int64_t kPatienceNs = INT64_C(120'000'000'000);

void Check(const Outcome& outcome) {
  if (!outcome.Failed()) return;
  fprintf(stderr, "core_learner: cannot %s: %s\n", outcome.step, strerror(-outcome.status));
  exit(1);
}

void BeBusyUntil(int64_t ns) {
  while (MonotonicNs() < ns) {
  }
}

// Waits for its turn on CPU 0, has a page fault now and then for about so long, and passes it on.
pid_t StartTurns(int from, int to, int64_t busy_ns, int64_t between_faults_ns) {
  const pid_t pid = fork();
  if (pid) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  MoveTo(0);
  const size_t page = sysconf(_SC_PAGESIZE);
  auto* memory = static_cast<volatile char*>(
      mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  unsigned seed = busy_ns;
  for (char turn; read(from, &turn, 1) == 1;) {
    const int64_t end = MonotonicNs() + busy_ns / 2 + rand_r(&seed) % busy_ns;
    while (MonotonicNs() < end) {
      madvise(const_cast<char*>(memory), page, MADV_DONTNEED);
      memory[0] = 1;
      BeBusyUntil(MonotonicNs() + between_faults_ns);
    }
    if (write(to, &turn, 1) != 1) break;
  }
  _exit(0);
}

// Page faults by run time, from /proc.
double PowerOf(pid_t pid) {
  const std::string directory = "/proc/" + std::to_string(pid);
  std::string line;
  std::getline(std::ifstream(directory + "/stat"), line);
  std::istringstream fields(line.substr(line.rfind(')') + 2));
  std::string field;
  for (int i = 3; i <= 10; i++) fields >> field;
  double ns = 1;
  std::ifstream(directory + "/schedstat") >> ns;
  return std::stod(field) / ns;
}

energy_power* EntryOf(const Program& program, pid_t pid) {
  return &program.powers()[(pid + 1) & ((1 << ENERGY_POWER_BITS) - 1)];
}

// What BPF takes the first to draw by what the second does, as a part of what that truly is; 0: one is not
// known.
double Ratio(const Program& program, const std::vector<pid_t>& pids) {
  const energy_power &one = *EntryOf(program, pids[0]), &other = *EntryOf(program, pids[1]);
  if (one.owner != pids[0] + 1u || other.owner != pids[1] + 1u) return 0;
  return static_cast<double>(one.power) / other.power / (PowerOf(pids[0]) / PowerOf(pids[1]));
}

bool IsRight(double ratio) { return ratio > 1 / 1.5 && ratio < 1.5; }

int Learn() {
  Program program;
  ProbeOptions options;
  options.btf = "/sys/kernel/btf/vmlinux";
  options.learns = options.switched = true;
  options.joules_per_count = kJoulesPerCount;
  options.spill_entries = 4096;
  uint32_t own_pid;
  Check(program.Load(options, &own_pid));
  Binder binder(&program);
  const PerfEventSpec faults{PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, 0, 0};
  for (uint32_t cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++)
    if (binder.Bind(cpu, {cpu}, cpu, faults).Failed()) return 1;
  Check(program.Start());
  int there[2], back[2];
  if (pipe(there) || pipe(back)) return 1;
  const std::vector<pid_t> pids = {StartTurns(there[0], back[1], 30'000, 0),
                                   StartTurns(back[0], there[1], 60'000, 4'000)};
  if (write(there[1], "", 1) != 1) return 1;
  const int64_t begin = MonotonicNs();
  const auto patient = [&] { return MonotonicNs() - begin < kPatienceNs; };
  while (patient() && Ratio(program, pids) == 0) usleep(1'000);
  CoreLearningStatus status;
  double ratio = 0, distorted = 0;
  {
    CoreLearner learner(&program);
    learner.Expect(0);
    if (learner.Start()) return 1;
    for (; patient() && (status.corrections == 0 || !IsRight(ratio)); usleep(20'000)) {
      ratio = Ratio(program, pids);
      // Until it is known better.
      if (status.corrections == 0 && ratio > 0 && ratio > 0.2) {
        EntryOf(program, pids[0])->power /= 5;
        EntryOf(program, pids[1])->power *= 4;
        distorted = Ratio(program, pids);
      }
      status = learner.Status();
    }
  }
  const bool listens = program.skeleton().bss->logging;
  for (pid_t pid : pids) kill(pid, SIGKILL);
  for (pid_t pid : pids) waitpid(pid, nullptr, 0);
  printf(
      "{\"windows\": %lu, \"corrections\": %lu, \"distorted\": %.2f, \"ratio\": %.2f, \"seconds\": %.1f, "
      "\"cpuMs\": %.1f, \"listens\": %s}\n",
      status.windows.cut, status.corrections, distorted, ratio, (MonotonicNs() - begin) / 1e9,
      status.cpu_ns / 1e6, listens ? "true" : "false");
  return 0;
}

// BPF's side: gives the entry to one process and the other in turn, as lookup_power() of
// bpf/power_model.bpf.h does, and sees whether the second one ever has a power that was learned of the first.
// Beside it runs another, which gives a level to compare with.
int Own() {
  constexpr uint32_t kFirst = 100, kSecond = kFirst + (1 << ENERGY_POWER_BITS), kOther = 101, kPower = 5000;
  constexpr int kTurns = 30'000;
  std::vector<energy_power> powers(1 << ENERGY_POWER_BITS);
  energy_power &entry = powers[kFirst + 1], &other = powers[kOther + 1];
  std::atomic<bool> ends{false};
  std::atomic<unsigned long> corrected{0};
  unsigned long strange = 0;
  const auto give = [&](energy_power& to, uint32_t tgid) {
    __sync_lock_test_and_set(&to.owner, tgid + 1);
    __atomic_store_n(&to.comm_class, tgid, __ATOMIC_RELAXED);
    __atomic_store_n(&to.variance, ENERGY_VARIANCE_NEW, __ATOMIC_RELAXED);
    __atomic_store_n(&to.power, kPower, __ATOMIC_RELAXED);
  };
  std::thread corrector([&] {
    PowerCorrection correction(1);
    while (!ends) {
      correction.AddRun(0, kFirst, 0.1);
      correction.AddRun(0, kOther, 0.1);
      corrected += correction.Correct({{kFirst, 8, 0.1}, {kOther, 1, 0.1}}, powers.data(), kJoulesPerCount);
    }
  });
  for (int i = 0; i < kTurns; i++) {
    give(other, kOther);
    give(entry, kFirst);
    for (int wait = 0; wait < i % 1024; wait++) __atomic_thread_fence(__ATOMIC_SEQ_CST);
    give(entry, kSecond);
    for (int look = 0; look < 16; look++)
      strange += __atomic_load_n(&entry.power, __ATOMIC_RELAXED) != kPower;
  }
  // A single CPU may not have run both at once.
  for (; corrected == 0; sched_yield()) give(other, kOther), give(entry, kFirst);
  ends = true;
  corrector.join();
  printf("{\"corrected\": %lu, \"strange\": %lu}\n", corrected.load(), strange);
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return argc > 1 && strcmp(argv[1], "owners") == 0 ? Own() : Learn(); }
