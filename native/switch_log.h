// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "windows.h"

class Program;

// What BPF writes to the logs of some CPUs while somebody listens. Several may listen at once, each in a
// thread of its own.
class SwitchLog {
 public:
  // The program is loaded, with logs.
  SwitchLog(Program* program, const std::vector<uint32_t>& cpus);
  ~SwitchLog() { Unlisten(); }

  // From now on, until Unlisten(), BPF writes to the logs. What is in them already is skipped.
  void Listen();
  void Unlisten();

  // Takes from the log of the CPU with that index what was written to it since it was asked last. Returns
  // true if some of it is lost: then BPF had overwritten it, and the records are those after that.
  bool Take(size_t index, std::vector<SwitchRecord>* records);

 private:
  Program* program_;
  std::vector<uint32_t> cpus_;
  std::vector<uint64_t> taken_;  // by index: how many were taken, as `head` counts
  bool listening_ = false;
};
