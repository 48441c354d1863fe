// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "binder.h"
#include "clock.h"

class Program;

// Looks after the counters that are bound: which cannot be read, whether the machine slept, and which of them
// moves at times that BPF has lost track of.
class Watch {
 public:
  Watch(Program* program, const Binder* binder) : program_(program), binder_(binder) {}

  // Zones whose counter cannot be read: BPF met an error, and no success since.
  std::vector<uint32_t> Failing() const;

  // How long the machine slept (suspend) since this was asked last, ns; 0: it did not. Registers may have
  // begun anew then.
  int64_t TakeSleepNs();

  // Where tasks share a CPU and neither switches nor ticks come near the counter's updates, BPF cannot know
  // where its windows end. This polls there until the counter has moved once: a millisecond of such a CPU, of
  // some of them in one call, since all other calls wait meanwhile. Shares are worse where that fails, and
  // nothing else.
  void ResyncPhase();

 private:
  Program* program_;
  const Binder* binder_;
  int64_t slept_ns_ = SleptNs();  // how long the machine had slept when TakeSleepNs() was called last
  uint32_t next_zone_ = 0;        // whose turn it is in ResyncPhase()
};
