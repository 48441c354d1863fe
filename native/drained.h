// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

// What one drain takes out of the kernel: columns, all of one length per group. The meaning of each is told
// in src/probe/columns.ts, which has the same names.
struct Drained {
  struct {
    std::vector<uint32_t> cpu, pid, label;
    std::vector<double> start_ns, cgroup, time_ns, counts, uncertain_counts;
    std::vector<char> comm;
  } rows;
  struct {
    std::vector<uint32_t> cpu, switches, lost_rows, backwards, jumps, reads;
    std::vector<double> counts, gap_counts, lost_counts, residual_counts;
  } cpus;
  struct {
    std::vector<uint32_t> kind, pid, parent_pid;
    std::vector<double> start_ns, parent_start_ns;
    std::vector<char> comm;
  } lifecycle;
  struct {
    std::vector<double> cgroup;
    std::vector<std::string> path;
  } mkdirs;
  double lost_events = 0;
  double time_ns = 0;  // CLOCK_MONOTONIC when the buffers were swapped
};

// Appends an interval to the one before it, so that they become one: rows follow one another, and a CPU has
// one entry, with the sums.
void Append(Drained* to, const Drained& from);
