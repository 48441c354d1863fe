// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "drained.h"
#include "energy_events.h"

// Reads the logs in which BPF tells, CPU by CPU, of processes that fork, exec and exit.
class LifecycleLog {
 public:
  LifecycleLog() = default;
  LifecycleLog(const LifecycleLog&) = delete;
  LifecycleLog& operator=(const LifecycleLog&) = delete;

  // `fd`: the descriptor of the logs' map, of `slots` slots for each CPU. All of it has to outlive this.
  void Open(int fd, energy_cpu* cpus, uint32_t cpu_count, uint32_t slots);
  // Takes what is in the logs into memory, and gives its room back to BPF. Returns 0 or -errno.
  int Consume();
  size_t held_bytes() const { return held_.size() * sizeof(energy_lifecycle); }
  // What is in memory, in the order in which it happened, and forgets it.
  Drained::Lifecycle Take();

 private:
  int ConsumeCpu(uint32_t cpu);

  int fd_ = -1;
  energy_cpu* cpus_ = nullptr;
  uint32_t cpu_count_ = 0;
  uint32_t slots_ = 0;
  std::vector<uint64_t> last_ns_;       // by CPU: when its last event was
  std::vector<energy_lifecycle> held_;  // slots
};
