// SPDX-License-Identifier: Apache-2.0
// What a drain costs:   drain ENTRIES ROUNDS
// Puts so many rows into the overflow map, where those go that find no room in the tables: the dearest way
// out of the kernel. Prints one JSON object: medians.
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "programs.h"
#include "energy.h"

void Clean() {}

namespace {

void Fill(int map, uint32_t entries) {
  for (uint32_t i = 0; i < entries; i++) {
    energy_spill_key key{0, 1'000'000 + i, i + 1, 1 + i % 100};
    energy_spill row{1'000'000, 1'000'000, 0, "bench"};
    if (bpf_map_update_elem(map, &key, &row, BPF_ANY)) Die("fill the overflow map", -errno);
  }
}

double NowUs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) Die("run: arguments are ENTRIES ROUNDS", -EINVAL);
  uint32_t entries = atoi(argv[1]);
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
    double before = NowUs();
    Check(probe.Drain(&out));
    us.push_back(NowUs() - before);
    drained = std::max(drained, out.rows.cpu.size());
  }
  if (drained < entries) Die("find all entries again", -EIO);
  printf("{\"entries\":%zu,\"us\":%.0f,\"spread_us\":%.0f}\n", drained, Median(us), Spread(us));
  return 0;
}
