// SPDX-License-Identifier: Apache-2.0
#include "drained.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace {

template <typename T>
void AppendColumn(std::vector<T>* to, const std::vector<T>& from) {
  to->insert(to->end(), from.begin(), from.end());
}

// Adds what is counted of a CPU to its entry, or appends an entry.
template <typename Cpus>
void AddCpu(Cpus* to, const Cpus& from, size_t i) {
  const size_t at = std::find(to->cpu.begin(), to->cpu.end(), from.cpu[i]) - to->cpu.begin();
  const bool is_new = at == to->cpu.size();
  auto add = [&](auto* column, const auto& others) {
    if (is_new) column->push_back(0);
    (*column)[at] += others[i];
  };
  if (is_new) to->cpu.push_back(from.cpu[i]);
  add(&to->switches, from.switches);
  add(&to->lost_rows, from.lost_rows);
  add(&to->backwards, from.backwards);
  add(&to->jumps, from.jumps);
  add(&to->reads, from.reads);
  add(&to->counts, from.counts);
  add(&to->gap_counts, from.gap_counts);
  add(&to->lost_counts, from.lost_counts);
  add(&to->residual_counts, from.residual_counts);
}

}  // namespace

void Append(Drained* to, const Drained& from) {
  AppendColumn(&to->rows.cpu, from.rows.cpu);
  AppendColumn(&to->rows.pid, from.rows.pid);
  AppendColumn(&to->rows.start_ns, from.rows.start_ns);
  AppendColumn(&to->rows.cgroup, from.rows.cgroup);
  AppendColumn(&to->rows.label, from.rows.label);
  AppendColumn(&to->rows.time_ns, from.rows.time_ns);
  AppendColumn(&to->rows.counts, from.rows.counts);
  AppendColumn(&to->rows.uncertain_counts, from.rows.uncertain_counts);
  AppendColumn(&to->rows.comm, from.rows.comm);
  for (size_t i = 0; i < from.cpus.cpu.size(); i++) AddCpu(&to->cpus, from.cpus, i);
  AppendColumn(&to->lifecycle.kind, from.lifecycle.kind);
  AppendColumn(&to->lifecycle.pid, from.lifecycle.pid);
  AppendColumn(&to->lifecycle.parent_pid, from.lifecycle.parent_pid);
  AppendColumn(&to->lifecycle.start_ns, from.lifecycle.start_ns);
  AppendColumn(&to->lifecycle.parent_start_ns, from.lifecycle.parent_start_ns);
  AppendColumn(&to->lifecycle.comm, from.lifecycle.comm);
  AppendColumn(&to->mkdirs.cgroup, from.mkdirs.cgroup);
  AppendColumn(&to->mkdirs.path, from.mkdirs.path);
  to->lost_events = from.lost_events;
  to->time_ns = from.time_ns;
}
