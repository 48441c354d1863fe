// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "energy.h"
#include "ring_cursor.h"
#include "windows.h"

// When the counters of some zones moved, as BPF dates that while somebody listens to switches.
class UpdateLog {
 public:
  // `logs`: BPF's, by zone, which outlive this.
  UpdateLog(const energy_update_log* logs, const std::vector<uint32_t>& zones);

  // What is in the logs already is skipped.
  void Skip();
  // Takes from the log of the zone with that index what was written to it since. Some may be overwritten
  // before it is taken.
  void Take(size_t index, std::vector<CounterEdge>* edges);

 private:
  const energy_update_log* logs_;
  std::vector<uint32_t> zones_;
  std::vector<RingCursor<ENERGY_UPDATES>> cursors_;  // by index
};
