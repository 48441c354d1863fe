// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "drained.h"
#include "event_ring.h"
#include "outcome.h"
#include "roster.h"
#include "row_reader.h"

class Program;

// Takes one interval after the other out of the kernel: swaps the CPUs' buffers, and reads those that they
// have left, the overflow maps and the ring of events.
class Drainer {
 public:
  explicit Drainer(Program* program) : program_(program) {}

  // The program is loaded.
  Outcome Open();
  // All since the last one. What fails half-way leaves everything for the next drain.
  Outcome Drain(Drained* out);
  // Takes out early, for the next Drain(), what a CPU has nearly too much of to add it up, and rows when half
  // of the overflow maps is full. Called every second or so, it allows for intervals of any length.
  Outcome Relieve();
  // Its Relieve() may be called at any time, by whatever thread.
  EventRing* events() { return &ring_; }

 private:
  // The rows of one of the buffers that are in its two overflow maps, by process and by cgroup.
  struct Overflow {
    int maps[2];
    bool used = false;
    std::vector<energy_spill_key> keys[2];
  };

  bool HasMuch() const;
  Outcome TakeInterval(Drained* out);
  Outcome SwapBuffers();
  bool TakeOver(uint32_t cpu);
  void GiveBack(uint32_t cpu);
  double IntervalEndNs() const;
  Outcome ReadRows(RowReader* reader, Overflow (&overflows)[2]) const;
  void Forget(const RowReader& reader, const Overflow (&overflows)[2], Drained* out);

  static constexpr uint8_t kNoBuffer = 2;  // the CPU is offline, or has left none yet

  Program* program_;
  EventRing ring_;
  Roster roster_;
  Drained early_;              // rows that Relieve() took
  std::vector<uint8_t> left_;  // by CPU: the buffer that it has left and that is not taken yet
};
