// SPDX-License-Identifier: Apache-2.0
// Reads rows `PID START_NS CGROUP LABEL TIME_NS COMM`, one a line, and after each empty line prints as JSON
// what the roster makes of them, an interval after the other.
#include "roster.h"

#include <cstdio>
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>

namespace {

void AddRow(const std::string& line, Drained* out) {
  uint32_t pid, label;
  double start_ns, cgroup, time_ns;
  std::string comm;
  std::istringstream(line) >> pid >> start_ns >> cgroup >> label >> time_ns >> comm;
  comm.resize(16);
  out->rows.cpu.push_back(0);
  out->rows.pid.push_back(pid);
  out->rows.label.push_back(label);
  out->rows.time_ns.push_back(time_ns);
  out->owners.start_ns.push_back(start_ns);
  out->owners.cgroup.push_back(cgroup);
  out->owners.comm.insert(out->owners.comm.end(), comm.begin(), comm.end());
}

template <typename T>
void Print(const char* name, const std::vector<T>& values, char end) {
  printf("\"%s\":[", name);
  for (size_t i = 0; i < values.size(); i++)
    printf("%s%.0f", i > 0 ? "," : "", static_cast<double>(values[i]));
  printf("]%c", end);
}

void PrintInterval(const Drained& drained) {
  const auto& [number, pid, cgroup, start_ns, comm] = drained.processes;
  printf("{\"rows\":{");
  Print("process", drained.rows.process, ',');
  Print("cgroup", drained.rows.cgroup, ',');
  Print("label", drained.rows.label, '}');
  printf(",\"processes\":{");
  Print("number", number, ',');
  Print("pid", pid, ',');
  Print("startNs", start_ns, ',');
  Print("cgroup", cgroup, ',');
  printf("\"comm\":[");
  for (size_t i = 0; i < pid.size(); i++) printf("%s\"%.16s\"", i > 0 ? "," : "", &comm[16 * i]);
  printf("]},\"cgroups\":{");
  Print("id", drained.cgroups.id, ',');
  Print("pid", drained.cgroups.pid, ',');
  Print("startNs", drained.cgroups.start_ns, '}');
  printf("}\n");
}

}  // namespace

int main() {
  Roster roster;
  Drained interval;
  for (std::string line; std::getline(std::cin, line);) {
    if (!line.empty()) {
      AddRow(line, &interval);
      continue;
    }
    roster.List(&interval);
    PrintInterval(interval);
    interval = {};
  }
  return 0;
}
