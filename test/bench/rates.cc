// SPDX-License-Identifier: Apache-2.0
// What a context switch costs in all programs together, whatever this machine does:   rates ROUNDS MS
//
// Ours and those of the reference are attached one after the other, each for MS, ROUNDS times, each time in
// another order. Prints one JSON object: medians of the ns a switch above the empty program of the same
// round, of the ratios of each to the naive one and of ours to the Kepler-like one, and of the switches a
// second. Of ours all programs count, the timer's with what the kernel's bpf_stats themselves cost.
#include <unistd.h>

#include <map>
#include <random>

#include "programs.h"

namespace {

struct Sample {
  double ns, per_second;
};

double RunNs() {
  double total = 0;
  for (int fd : OwnDescriptors("bpf-prog")) total += InfoOf(fd).run_time_ns;
  return total;
}

// `fd`: the program that runs at each switch.
Sample Measure(int fd, int ms) {
  usleep(100'000);
  const double before_ns = RunNs();
  const uint64_t before = InfoOf(fd).run_cnt;
  usleep(ms * 1000);
  const double switches = std::max<uint64_t>(1, InfoOf(fd).run_cnt - before);
  return {(RunNs() - before_ns) / switches, switches * 1000 / ms};
}

Sample MeasureNamed(const std::string& name, int ms) {
  if (name != "ours") return Measure(Reference(name).fd(), ms);
  Probe probe;
  StartOurs(&probe);
  return Measure(FindOwn<bpf_prog_info>("bpf-prog", "sched_switch"), ms);
}

void Print(const std::string& name, const std::vector<double>& values, const char* format) {
  printf(",\"%s\":", name.c_str());
  printf(format, Median(values));
  printf(",\"%s_spread\":", name.c_str());
  printf(format, Spread(values));
}

}  // namespace

void Clean() {}

int main(int argc, char** argv) {
  if (argc != 3) Die("run: arguments are ROUNDS MS", -EINVAL);
  libbpf_set_print(nullptr);
  int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
  if (stats < 0) Die("enable bpf_stats", stats);
  std::vector<std::string> names = {"empty", "ours", "naive", "cpudist_like", "kepler_like"};
  std::mt19937 random(1);  // orders are alike in each run
  std::map<std::string, std::vector<double>> above, to_naive;
  std::vector<double> rates, empty, ours_to_kepler;
  for (int round = 0; round < atoi(argv[1]); round++) {
    std::map<std::string, double> ns;
    std::shuffle(names.begin(), names.end(), random);
    for (const auto& name : names) {
      const Sample sample = MeasureNamed(name, atoi(argv[2]));
      ns[name] = sample.ns;
      rates.push_back(sample.per_second);
    }
    empty.push_back(ns["empty"]);
    for (const auto& [name, value] : ns) {
      above[name].push_back(value - ns["empty"]);
      to_naive[name].push_back((value - ns["empty"]) / (ns["naive"] - ns["empty"]));
    }
    ours_to_kepler.push_back(above["ours"].back() / above["kepler_like"].back());
  }
  printf("{\"empty_ns\":%.0f", Median(empty));
  Print("rate", rates, "%.0f");
  for (const auto& [name, values] : above) {
    Print(name, values, "%.0f");
    Print(name + "_to_naive", to_naive[name], "%.3f");
  }
  Print("ours_to_kepler", ours_to_kepler, "%.3f");
  printf("}\n");
  close(stats);
  return 0;
}
