// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "drained.h"

// Finds entries of a list by a hash of them, by open addressing: a slot has the index of an entry + 1.
class SlotTable {
 public:
  // The slot of the entry of this hash of which `is_it(index)` is true; else a free one, which has 0.
  template <typename IsIt>
  uint32_t* Find(uint64_t hash, IsIt is_it) {
    const size_t mask = slots_.size() - 1;
    size_t at = hash >> shift_;
    while (slots_[at] != 0 && !is_it(slots_[at] - 1)) at = (at + 1) & mask;
    return &slots_[at];
  }
  // Tells the CPU that the slot of a hash will be asked for.
  void Prefetch(uint64_t hash) const { __builtin_prefetch(&slots_[hash >> shift_]); }
  // Whether so many entries leave it half empty.
  bool HasRoomFor(size_t entries) const { return 2 * entries <= slots_.size(); }
  // Empties it, and makes room for twice as many.
  void Reset(size_t entries);

 private:
  uint32_t shift_ = 60;
  std::vector<uint32_t> slots_ = std::vector<uint32_t>(16);
};

// The roster says whose the rows of an interval are: it lists their processes and cgroups once each, so that
// JavaScript need not look for any. A process has a number, which stays the same for as long as it is charged
// again and again, or few others are; then another one gets it.
class Roster {
 public:
  // Lists the processes and cgroups of an interval of which nothing is listed yet.
  void List(Drained* interval);

 private:
  struct Known {
    double start_ns;
    uint32_t pid;       // 0: the number is nobody's
    uint32_t index;     // in the list of the interval
    uint64_t interval;  // the last one it was charged in
  };

  uint32_t NumberOf(uint32_t pid, double start_ns);
  uint32_t ListProcess(size_t row, Drained* interval);
  uint32_t ListCgroup(size_t row, Drained* interval);
  void Reindex();
  void Forget();

  std::vector<Known> known_;    // by number
  std::vector<uint32_t> free_;  // numbers that are nobody's
  SlotTable slots_, cgroup_slots_;
  std::vector<double> most_ns_;  // by index of a process: the longest run time of one of its rows
  uint64_t interval_ = 0;
  size_t limit_ = 0;  // of processes that are known
};
