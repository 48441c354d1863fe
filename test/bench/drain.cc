// SPDX-License-Identifier: Apache-2.0
// What a drain costs. Prints one JSON object: medians.
//   drain ENTRIES ROUNDS
// Puts so many rows into the overflow map, where those go that find no room in the tables: the dearest way
// out of the kernel.
//   drain TASKS ROUNDS CPUS
// Reads so many rows from the tables of a machine of so many CPUs, which is made up, and lists whose they
// are: all of a drain but for the swap of the CPUs' buffers.
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "programs.h"
#include "energy.h"
#include "roster.h"
#include "row_reader.h"

void Clean() {}

namespace {

void Fill(int map, uint32_t entries) {
  for (uint32_t i = 0; i < entries; i++) {
    energy_spill_key key{0, 1'000'000 + i, i + 1, 1 + i % 100};
    energy_spill row{1'000'000, 1'000'000, 0, "bench"};
    if (bpf_map_update_elem(map, &key, &row, BPF_ANY)) Die("fill the overflow map", -errno);
  }
}

double NowUs(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

// One process a row, each on one CPU, and in 200 cgroups.
void FillTable(uint32_t cpu, uint32_t tasks, energy_buffer* buffer) {
  for (uint32_t i = 0; i < tasks; i++) {
    const uint32_t at = i * 7 % ENERGY_ROWS, tgid = 1 + cpu * ENERGY_ROWS + i;
    buffer->hot[at] = {tgid + 1, 0, 0, 0, 1000, 1000};
    buffer->cold[at] = {1'000'000, 1'000'000, 0, 1 + tgid % 200, tgid * 1000ull, "bench", 0, 0};
  }
}

void MeasureTables(uint32_t tasks, int rounds, uint32_t cpus) {
  std::vector<energy_buffer> tables(cpus);
  Roster roster;
  std::vector<double> us;
  size_t listed = 0;
  for (int round = 0; round < rounds; round++) {
    for (uint32_t cpu = 0; cpu < cpus; cpu++) FillTable(cpu, tasks / cpus, &tables[cpu]);
    const double before = NowUs(CLOCK_THREAD_CPUTIME_ID);
    Drained out;
    RowReader reader(1, cpus, &out);
    for (uint32_t cpu = 0; cpu < cpus; cpu++) reader.ReadBuffer(cpu, tables[cpu]);
    for (uint32_t cpu = 0; cpu < cpus; cpu++)
      memset(static_cast<void*>(&tables[cpu]), 0, offsetof(energy_buffer, cold));
    roster.List(&out);
    us.push_back(NowUs(CLOCK_THREAD_CPUTIME_ID) - before);
    listed = out.processes.pid.size();
  }
  printf("{\"entries\":%zu,\"us\":%.0f,\"spread_us\":%.0f}\n", listed, Median(us), Spread(us));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) Die("run: arguments are ENTRIES ROUNDS [CPUS]", -EINVAL);
  uint32_t entries = atoi(argv[1]);
  if (argc == 4) {
    MeasureTables(entries, atoi(argv[2]), atoi(argv[3]));
    return 0;
  }
  libbpf_set_print(nullptr);
  Probe probe;
  // What else goes on in this machine overflows too.
  StartOurs(&probe, false, entries + 32768);
  auto find = [](const char* name) { return FindOwn<bpf_map_info>("bpf-map", name); };
  const int spills[] = {find("spills0"), find("spills1")};
  void* memory = mmap(nullptr, sizeof(energy_cpu), PROT_READ | PROT_WRITE, MAP_SHARED, find("cpus"), 0);
  if (memory == MAP_FAILED) Die("map the accounts", -errno);
  auto* cpu0 = static_cast<energy_cpu*>(memory);
  std::vector<double> us;
  size_t drained = 0;
  for (int round = 0; round < atoi(argv[2]); round++) {
    uint32_t buffer = cpu0->buffer & 1;
    Fill(spills[buffer], entries);
    cpu0->buffers[buffer].spills += entries;
    Drained out;
    double before = NowUs(CLOCK_MONOTONIC);
    Check(probe.Drain(&out));
    us.push_back(NowUs(CLOCK_MONOTONIC) - before);
    drained = std::max(drained, out.rows.cpu.size());
  }
  if (drained < entries) Die("find all entries again", -EIO);
  printf("{\"entries\":%zu,\"us\":%.0f,\"spread_us\":%.0f}\n", drained, Median(us), Spread(us));
  return 0;
}
