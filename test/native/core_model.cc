// SPDX-License-Identifier: Apache-2.0
// Drives CoreModel by lines from stdin, and prints what comes of it:
//   model MOST_CORES THREADS...                  CPUs of each core; a count is 1 nJ, updates come each ms
//   entry TGID OWNER WATTS CLASS                 puts it where BPF keeps that process's power
//   burst NOW
//   records CORE CPU LOST COUNT (CLOCK PREV NEXT)...
//   update CORE CLOCK WIDTH COUNTS
//   learn NOW                                    learns, and corrects entries; a process is its own
//   show TGID...                                 prints {"watts": [...], "errors": [...], "written", "burst",
//                                                "cut", "lost"}
// Clocks are ns.
#include "core_model.h"

#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>

#include "energy.h"

namespace {

constexpr double kJoules = 1e-9;  // of a count, and of a unit
constexpr double kPowerW = kJoules * 1e9 / (1 << ENERGY_POWER_FRACTION);

struct Driver {
  std::unique_ptr<CoreModel> model;
  std::vector<energy_power> powers = std::vector<energy_power>(1 << ENERGY_POWER_BITS);
  std::map<uint32_t, uint16_t> classes;  // of executables, by process
  size_t written = 0;

  energy_power& EntryOf(uint32_t tgid) { return powers[(tgid + 1) & ((1 << ENERGY_POWER_BITS) - 1)]; }

  void Make(std::istream& in) {
    CoreModelOptions options;
    in >> options.most_cores;
    for (uint32_t threads; in >> threads;) options.threads.push_back(threads);
    options.joules_per_count = kJoules;
    options.period_ns = 1e6;
    options.max_watts = 100;
    model = std::make_unique<CoreModel>(options);
  }

  void Enter(std::istream& in) {
    uint32_t tgid, owner;
    double watts;
    in >> tgid >> owner >> watts >> classes[tgid];
    energy_power& entry = EntryOf(tgid);
    entry.owner = owner + 1;
    entry.power = watts / kPowerW;
    entry.comm_class = classes[tgid];
  }

  void AddRecords(std::istream& in) {
    size_t core, cpu, count;
    bool lost;
    in >> core >> cpu >> lost >> count;
    std::vector<SwitchRecord> records(count);
    for (auto& record : records) in >> record.clock_ns >> record.prev >> record.next;
    model->AddRecords(core, cpu, records.data(), count, lost);
  }

  void AddUpdate(std::istream& in) {
    size_t core;
    CounterEdge edge;
    in >> core >> edge.clock_ns >> edge.width_ns >> edge.counts;
    model->AddUpdate(core, edge);
  }

  void Learn(uint64_t now) {
    model->Learn(now, [](uint32_t tgid) { return Actor{tgid, tgid}; });
    written += model->Correct(now, powers.data(), kJoules);
  }

  void Show(std::istream& in) {
    std::string watts, errors;
    for (uint32_t tgid; in >> tgid;) {
      const energy_power& entry = EntryOf(tgid);
      watts += (watts.empty() ? "" : ", ") + std::to_string(entry.power * kPowerW);
      errors += (errors.empty() ? "" : ", ") + std::to_string(std::sqrt(entry.variance / 65536.));
      if (entry.comm_class != classes[tgid]) errors += "\"what is not its own was written\"";
    }
    const WindowCounts counts = model->counts();
    printf(
        "{\"watts\": [%s], \"errors\": [%s], \"written\": %zu, \"burst\": %d, \"cut\": %lu, \"lost\": %lu}\n",
        watts.c_str(), errors.c_str(), written, model->BurstMs(), static_cast<unsigned long>(counts.cut),
        static_cast<unsigned long>(counts.lost));
  }

  void Do(const std::string& command, std::istream& in) {
    uint64_t now;
    if (command == "model") Make(in);
    if (command == "entry") Enter(in);
    if (command == "records") AddRecords(in);
    if (command == "update") AddUpdate(in);
    if (command == "burst" && in >> now) model->BeginBurst(now);
    if (command == "learn" && in >> now) Learn(now);
    if (command == "show") Show(in);
  }
};

}  // namespace

int main() {
  Driver driver;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream in(line);
    std::string command;
    in >> command;
    driver.Do(command, in);
  }
}
