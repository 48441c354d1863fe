// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// What one drain takes out of the kernel: columns, all of one length per group. The meaning of each is told
// in src/probe/columns.ts. Whatever goes through all columns of a group does so by ForEach(), which has them
// by their names there: a column that is not in its list does not compile.
struct Drained {
  struct Rows {
    std::vector<uint32_t> cpu, pid, process, cgroup, label;
    std::vector<double> time_ns, counts, uncertain_counts;
    std::vector<double> predicted_joules, predicted_error_joules;

    template <typename Visit>
    static constexpr void ForEach(Visit visit) {
      visit("cpu", &Rows::cpu);
      visit("pid", &Rows::pid);
      visit("process", &Rows::process);
      visit("cgroup", &Rows::cgroup);
      visit("label", &Rows::label);
      visit("timeNs", &Rows::time_ns);
      visit("counts", &Rows::counts);
      visit("uncertainCounts", &Rows::uncertain_counts);
      visit("predictedJoules", &Rows::predicted_joules);
      visit("predictedErrorJoules", &Rows::predicted_error_joules);
    }
  } rows;
  // Whose each row is. It is not handed over: Roster makes of it the next two, and two columns of the rows.
  struct Owners {
    std::vector<double> start_ns, cgroup;
    std::vector<char> comm;

    template <typename Visit>
    static constexpr void ForEach(Visit visit) {
      visit("startNs", &Owners::start_ns);
      visit("cgroup", &Owners::cgroup);
      visit("comm", &Owners::comm);
    }
  } owners;
  struct Processes {
    std::vector<uint32_t> number, pid, cgroup;
    std::vector<double> start_ns;
    std::vector<char> comm;

    template <typename Visit>
    static constexpr void ForEach(Visit visit) {
      visit("number", &Processes::number);
      visit("pid", &Processes::pid);
      visit("startNs", &Processes::start_ns);
      visit("cgroup", &Processes::cgroup);
      visit("comm", &Processes::comm);
    }
  } processes;
  struct Cgroups {
    std::vector<uint32_t> pid;
    std::vector<double> id, start_ns;

    template <typename Visit>
    static constexpr void ForEach(Visit visit) {
      visit("id", &Cgroups::id);
      visit("pid", &Cgroups::pid);
      visit("startNs", &Cgroups::start_ns);
    }
  } cgroups;
  struct Packages {
    std::vector<uint32_t> zone, learned;
    std::vector<double> shared_joules, idle_joules;

    template <typename Visit>
    static constexpr void ForEach(Visit visit) {
      visit("zone", &Packages::zone);
      visit("learned", &Packages::learned);
      visit("sharedJoules", &Packages::shared_joules);
      visit("idleJoules", &Packages::idle_joules);
    }
  } packages;
  struct Cpus {
    std::vector<uint32_t> cpu, switches, lost_rows, backwards, jumps;
    std::vector<double> counts, gap_counts, lost_counts, residual_counts;

    template <typename Visit>
    static constexpr void ForEach(Visit visit) {
      visit("cpu", &Cpus::cpu);
      visit("switches", &Cpus::switches);
      visit("lostRows", &Cpus::lost_rows);
      visit("backwards", &Cpus::backwards);
      visit("jumps", &Cpus::jumps);
      visit("counts", &Cpus::counts);
      visit("gapCounts", &Cpus::gap_counts);
      visit("lostCounts", &Cpus::lost_counts);
      visit("residualCounts", &Cpus::residual_counts);
    }
  } cpus;
  struct Lifecycle {
    std::vector<uint32_t> kind, pid, parent_pid;
    std::vector<double> start_ns, parent_start_ns;
    std::vector<char> comm;
    std::vector<std::string> program;

    template <typename Visit>
    static constexpr void ForEach(Visit visit) {
      visit("kind", &Lifecycle::kind);
      visit("pid", &Lifecycle::pid);
      visit("startNs", &Lifecycle::start_ns);
      visit("parentPid", &Lifecycle::parent_pid);
      visit("parentStartNs", &Lifecycle::parent_start_ns);
      visit("comm", &Lifecycle::comm);
      visit("program", &Lifecycle::program);
    }
  } lifecycle;
  struct Mkdirs {
    std::vector<double> cgroup;
    std::vector<std::string> path;

    template <typename Visit>
    static constexpr void ForEach(Visit visit) {
      visit("cgroup", &Mkdirs::cgroup);
      visit("path", &Mkdirs::path);
    }
  } mkdirs;
  double lost_events = 0;
  double time_ns = 0;  // CLOCK_MONOTONIC when the CPUs swapped their buffers, the mean over them
};

// Whether ForEach() lists every column of a group, which has nothing else: vectors are of one size.
template <typename Group>
constexpr bool ListsAllColumns() {
  size_t listed = 0;
  Group::ForEach([&listed](const char*, auto) { listed++; });
  return listed * sizeof(std::vector<char>) == sizeof(Group);
}
static_assert(ListsAllColumns<Drained::Rows>(), "a column of rows is not listed");
static_assert(ListsAllColumns<Drained::Owners>(), "a column of owners is not listed");
static_assert(ListsAllColumns<Drained::Processes>(), "a column of processes is not listed");
static_assert(ListsAllColumns<Drained::Cgroups>(), "a column of cgroups is not listed");
static_assert(ListsAllColumns<Drained::Packages>(), "a column of packages is not listed");
static_assert(ListsAllColumns<Drained::Cpus>(), "a column of cpus is not listed");
static_assert(ListsAllColumns<Drained::Lifecycle>(), "a column of lifecycle is not listed");
static_assert(ListsAllColumns<Drained::Mkdirs>(), "a column of mkdirs is not listed");

// Appends an interval to the one before it, so that they become one: rows follow one another, and a CPU has
// one entry, with the sums. Of packages each interval keeps its own. Of neither is it listed whose its rows
// are.
void Append(Drained* to, const Drained& from);
