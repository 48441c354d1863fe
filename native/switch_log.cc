// SPDX-License-Identifier: Apache-2.0
#include "switch_log.h"

#include <utility>

SwitchLog::SwitchLog(const energy_log* logs, uint32_t* logging, const std::vector<uint32_t>& cpus)
    : logs_(logs), logging_(logging), cpus_(cpus), cursors_(cpus.size()) {}

void SwitchLog::Listen() {
  if (!std::exchange(listening_, true)) __atomic_fetch_add(logging_, 1, __ATOMIC_SEQ_CST);
  for (size_t i = 0; i < cpus_.size(); i++) cursors_[i].Skip(logs_[cpus_[i]].head);
}

void SwitchLog::Unlisten() {
  if (std::exchange(listening_, false)) __atomic_fetch_sub(logging_, 1, __ATOMIC_SEQ_CST);
}

bool SwitchLog::Take(size_t index, std::vector<SwitchRecord>* records) {
  const energy_log& log = logs_[cpus_[index]];
  const auto copy = [&log](uint64_t i) {
    const energy_switch& entry = log.switches[i];
    return SwitchRecord{PeekWord(entry.clock_ns), PeekWord(entry.prev), PeekWord(entry.next)};
  };
  return cursors_[index].Take(log.head, copy, records);
}
