// SPDX-License-Identifier: Apache-2.0
// What a switch costs end to end, beside `perf bench sched pipe`:   pipe ROUNDS
//
// Two processes on one CPU pass a byte to and fro through pipes, with no program, with ours, an empty and the
// naive one attached in turn. CPU time of both per round trip (two switches), so that what else this machine
// does does not count. Prints one JSON object: medians over the rounds, ratios of neighbours in time.
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <memory>

#include "programs.h"

namespace {

pid_t players[2];
std::atomic<uint64_t>* trips;

void Play(int in, int out, bool counts) {
  char byte = 0;
  for (;;) {
    if (counts && write(out, &byte, 1) != 1) _exit(1);
    if (read(in, &byte, 1) != 1) _exit(1);
    if (!counts && write(out, &byte, 1) != 1) _exit(1);
    if (counts) trips->fetch_add(1, std::memory_order_relaxed);
  }
}

void StartPlayers(int cpu) {
  int there[2], back[2];
  void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || pipe(there) || pipe(back)) Die("make pipes", -errno);
  trips = new (memory) std::atomic<uint64_t>(0);
  for (int i = 0; i < 2; i++) {
    players[i] = fork();
    if (players[i] < 0) Die("fork", -errno);
    if (players[i] > 0) continue;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof(set), &set);
    Play(i ? there[0] : back[0], i ? back[1] : there[1], i == 0);
  }
}

double CpuNs() {
  double total = 0;
  for (pid_t player : players) {
    clockid_t clock;
    timespec used{};
    if (clock_getcpuclockid(player, &clock) || clock_gettime(clock, &used)) Die("read CPU time", -ESRCH);
    total += used.tv_sec * 1e9 + used.tv_nsec;
  }
  return total;
}

// CPU time of one round trip, ns.
double Measure() {
  usleep(10'000);
  double before = CpuNs();
  uint64_t trips_before = *trips;
  usleep(100'000);
  return (CpuNs() - before) / std::max<uint64_t>(1, *trips - trips_before);
}

double MeasureOurs() {
  Probe probe;
  StartOurs(&probe);
  return Measure();
}

double MeasureReference(const char* name) {
  Reference reference(name);
  return Measure();
}

void Print(const char* name, const std::vector<double>& ratios) {
  printf(",\"%s\":%.4f,\"%s_spread\":%.4f", name, Median(ratios), name, Spread(ratios));
}

}  // namespace

void Clean() {
  for (pid_t player : players) {
    if (player <= 0) continue;
    kill(player, SIGKILL);
    waitpid(player, nullptr, 0);
  }
}

int main(int argc, char** argv) {
  if (argc != 2) Die("run: the argument is ROUNDS", -EINVAL);
  libbpf_set_print(nullptr);
  StartPlayers(sysconf(_SC_NPROCESSORS_ONLN) - 1);
  std::vector<double> nothing, ours, naive, empty;
  double before = Measure();
  for (int round = 0; round < atoi(argv[1]); round++) {
    double a = MeasureOurs(), second = Measure(), b = MeasureReference("naive"), third = Measure();
    double c = MeasureReference("empty"), after = Measure();
    nothing.push_back(second);
    ours.push_back(2 * a / (before + second));
    naive.push_back(2 * b / (second + third));
    empty.push_back(2 * c / (third + after));
    before = after;
  }
  Clean();
  printf("{\"nothing_ns\":%.0f", Median(nothing));
  Print("ours", ours);
  Print("naive", naive);
  Print("empty", empty);
  printf("}\n");
  return 0;
}
