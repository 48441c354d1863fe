// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "drained.h"

struct energy_buffer;
struct energy_spill_key;

// The reader turns BPF's rows into columns and sums up their energies, CPU by CPU, for the check that nothing
// was lost. `unit_counts`: counts per unit in which BPF reckons.
class RowReader {
 public:
  RowReader(double unit_counts, uint32_t cpu_count, Drained* out)
      : unit_counts_(unit_counts), out_(out), sums_(cpu_count) {}

  // Appends the rows of a CPU's buffer and what is counted beside them. Nobody else writes the buffer.
  void ReadBuffer(uint32_t cpu, const energy_buffer& buffer);

  // Appends `count` rows of the log of those that found no room, which are those of a CPU's buffer, from its
  // row `first` on. Returns 0 or -errno.
  int ReadSpillLog(int map, uint32_t cpu, uint32_t first, uint32_t count);

  // Appends the rows of an overflow map that belong to CPUs of which `is_taken` is true, and their keys to
  // `keys`. Others may be writing theirs. Returns 0 or -errno.
  int ReadOverflow(int map, const std::function<bool(uint32_t cpu)>& is_taken,
                   std::vector<energy_spill_key>* keys);

  // Counts by which the sum of the rows differs from what the CPU's buffer says was counted: 0, unless BPF
  // has an error.
  double Residual(uint32_t cpu, const energy_buffer& buffer) const;

 private:
  double unit_counts_;
  Drained* out_;
  std::vector<uint64_t> sums_;  // by CPU, 2^-16 units, modulo 2^64
};
