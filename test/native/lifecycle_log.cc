// SPDX-License-Identifier: Apache-2.0
// Reads lines `write CPU KIND PID CLOCK_NS [PROGRAM]`, `begin CPU`, an event that is not finished, `consume`
// and `take`, and prints as JSON what each `take` gave. It plays BPF, of two CPUs with logs of 8 slots.
#include "lifecycle_log.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>

#include "energy.h"

namespace {

constexpr uint32_t kCpus = 2, kSlots = 8;
energy_cpu cpus[kCpus];
energy_lifecycle* slots;

energy_lifecycle* SlotAt(uint32_t cpu, uint32_t position) { return &slots[cpu * kSlots + position % kSlots]; }

void Write(std::istringstream* line) {
  uint32_t cpu;
  energy_lifecycle event{};
  std::string program;
  *line >> cpu >> event.kind >> event.tgid >> event.clock_ns >> program;
  const uint32_t count = event.kind == ENERGY_EXEC ? 2 : 1, at = cpus[cpu].events_written;
  if (at - cpus[cpu].events_taken + count > kSlots) {
    printf("{\"full\":%u}\n", cpu);
    return;
  }
  event.sequence = at + 1;
  event.start_ns = event.tgid;
  if (count == 2) {
    event.program_bytes = program.size() + 1;
    energy_program second{};
    snprintf(second.name, sizeof(second.name), "%s", program.c_str());
    memcpy(SlotAt(cpu, at + 1), &second, sizeof(second));
  }
  *SlotAt(cpu, at) = event;
  cpus[cpu].events_written += count;
}

void Print(const Drained::Lifecycle& taken) {
  printf("[");
  for (size_t i = 0; i < taken.kind.size(); i++)
    printf("%s[%u,%u,\"%s\"]", i > 0 ? "," : "", taken.kind[i], taken.pid[i], taken.program[i].c_str());
  printf("]\n");
}

}  // namespace

int main() {
  const int fd = memfd_create("slots", 0);
  const size_t bytes = kCpus * kSlots * sizeof(energy_lifecycle);
  if (fd < 0 || ftruncate(fd, bytes)) return 1;
  slots = static_cast<energy_lifecycle*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  if (slots == MAP_FAILED) return 1;
  LifecycleLog log;
  log.Open(fd, cpus, kCpus, kSlots);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string what;
    words >> what;
    if (what == "write") Write(&words);
    uint32_t cpu;
    if (what == "begin" && words >> cpu) cpus[cpu].events_written++;
    if (what == "consume" && log.Consume()) return 1;
    if (what == "take") Print(log.Take());
  }
  return 0;
}
