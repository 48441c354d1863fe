// SPDX-License-Identifier: Apache-2.0
#include "drained.h"

#include <algorithm>

namespace {

template <typename Group>
void AppendColumns(Group* to, const Group& from) {
  Group::ForEach([&](const char*, auto column) {
    (to->*column).insert((to->*column).end(), (from.*column).begin(), (from.*column).end());
  });
}

// Adds what is counted of a CPU to its entry, or appends an entry.
void AddCpu(Drained::Cpus* to, const Drained::Cpus& from, size_t i) {
  const size_t at = std::find(to->cpu.begin(), to->cpu.end(), from.cpu[i]) - to->cpu.begin();
  const bool is_new = at == to->cpu.size();
  Drained::Cpus::ForEach([&](const char*, auto column) {
    auto& sums = to->*column;
    if (is_new) sums.push_back(0);
    sums[at] += (from.*column)[i];
  });
  to->cpu[at] = from.cpu[i];  // a name, and no sum
}

}  // namespace

void Append(Drained* to, const Drained& from) {
  AppendColumns(&to->rows, from.rows);
  AppendColumns(&to->owners, from.owners);
  AppendColumns(&to->packages, from.packages);
  for (size_t i = 0; i < from.cpus.cpu.size(); i++) AddCpu(&to->cpus, from.cpus, i);
  AppendColumns(&to->lifecycle, from.lifecycle);
  AppendColumns(&to->mkdirs, from.mkdirs);
  to->lost_events = from.lost_events;
  to->time_ns = from.time_ns;
}
