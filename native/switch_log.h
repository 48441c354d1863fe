// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "energy.h"
#include "ring_cursor.h"
#include "windows.h"

// What BPF writes to the logs of some CPUs while somebody listens. Several may listen at once, each in a
// thread of its own.
class SwitchLog {
 public:
  // `logs`: BPF's, by CPU; `logging`: how many listen, as BPF sees it. Both outlive this.
  SwitchLog(const energy_log* logs, uint32_t* logging, const std::vector<uint32_t>& cpus);
  ~SwitchLog() { Unlisten(); }

  // From now on, until Unlisten(), BPF writes to the logs. What is in them already is skipped.
  void Listen();
  void Unlisten();

  // Takes from the log of the CPU with that index what was written to it since it was asked last. Returns
  // true if some is lost before the first of these records: BPF had overwritten it. Where none is left, the
  // next call says so.
  bool Take(size_t index, std::vector<SwitchRecord>* records);

 private:
  const energy_log* logs_;
  uint32_t* logging_;
  std::vector<uint32_t> cpus_;
  std::vector<RingCursor<ENERGY_LOG>> cursors_;  // by index
  bool listening_ = false;
};
