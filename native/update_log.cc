// SPDX-License-Identifier: Apache-2.0
#include "update_log.h"

UpdateLog::UpdateLog(const energy_update_log* logs, const std::vector<uint32_t>& zones)
    : logs_(logs), zones_(zones), cursors_(zones.size()) {}

void UpdateLog::Skip() {
  for (size_t i = 0; i < zones_.size(); i++) cursors_[i].Skip(logs_[zones_[i]].head);
}

void UpdateLog::Take(size_t index, std::vector<CounterEdge>* edges) {
  const energy_update_log& log = logs_[zones_[index]];
  const auto copy = [&log](uint64_t i) {
    const energy_update& entry = log.updates[i];
    return CounterEdge{PeekWord(entry.clock_ns), PeekWord(entry.width_ns), PeekWord(entry.count)};
  };
  cursors_[index].Take(log.head, copy, edges);
}
