// SPDX-License-Identifier: Apache-2.0
// Drives WindowCutter by lines from stdin, and prints each window as JSON, and what was dropped at the end:
//   cores CORE...                               the core of each CPU
//   burst CLOCK
//   records CPU LOST COUNT (CLOCK PREV NEXT)...
//   edge CLOCK WIDTH COUNTS
//   cut NOW
// Clocks are ns. A count of the counter is 1 mJ, its period 1 ms; a package draws up to 1000 W.
#include "windows.h"

#include <cstdio>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>

namespace {

std::unique_ptr<WindowCutter> Make(std::istream& in) {
  WindowOptions options;
  for (uint32_t core; in >> core;) options.core_of_cpu.push_back(core);
  options.joules_per_count = 1e-3;
  options.period_ns = 1e6;
  options.max_watts = 1000;
  return std::make_unique<WindowCutter>(options);
}

void Add(std::istream& in, WindowCutter* cutter) {
  size_t cpu, count;
  bool lost;
  in >> cpu >> lost >> count;
  std::vector<SwitchRecord> records(count);
  for (auto& record : records) in >> record.clock_ns >> record.prev >> record.next;
  cutter->AddRecords(cpu, records.data(), count, lost);
}

void Print(const Window& window) {
  printf(
      "{\"begin\": %.9f, \"end\": %.9f, \"joules\": %.9f, \"coresIdle\": %.9f, \"packageIdle\": %.9f, "
      "\"tasks\": {",
      window.begin_s, window.end_s, window.joules, window.cores_idle_s, window.package_idle_s);
  const char* separator = "";
  for (const WindowTask& task : window.tasks) {
    printf("%s\"%u\": [%.9f, %.9f]", separator, task.tgid, task.run_s, task.together_s);
    separator = ", ";
  }
  printf("}}\n");
}

}  // namespace

int main() {
  std::unique_ptr<WindowCutter> cutter;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream in(line);
    std::string command;
    in >> command;
    if (command == "cores") cutter = Make(in);
    if (command == "records") Add(in, cutter.get());
    uint64_t clock, width, counts;
    if (command == "burst" && in >> clock) cutter->BeginBurst(clock);
    if (command == "edge" && in >> clock >> width >> counts) cutter->AddEdge({clock, width, counts});
    if (command == "cut" && in >> clock)
      for (const Window& window : cutter->Cut(clock)) Print(window);
  }
  const WindowCounts& counts = cutter->counts();
  printf("{\"cut\": %zu, \"wide\": %zu, \"length\": %zu, \"lost\": %zu, \"energy\": %zu}\n",
         size_t(counts.cut), size_t(counts.wide), size_t(counts.length), size_t(counts.lost),
         size_t(counts.energy));
}
