// SPDX-License-Identifier: Apache-2.0
#include "switch_log.h"

#include <utility>

#include "energy.h"
#include "energy.skel.h"
#include "program.h"

namespace {

uint64_t HeadOf(const energy_log& log) { return __atomic_load_n(&log.head, __ATOMIC_ACQUIRE); }

}  // namespace

SwitchLog::SwitchLog(Program* program, const std::vector<uint32_t>& cpus)
    : program_(program), cpus_(cpus), taken_(cpus.size()) {}

void SwitchLog::Listen() {
  if (!std::exchange(listening_, true))
    __atomic_fetch_add(&program_->skeleton().bss->logging, 1, __ATOMIC_SEQ_CST);
  for (size_t i = 0; i < cpus_.size(); i++) taken_[i] = HeadOf(program_->logs()[cpus_[i]]);
}

void SwitchLog::Unlisten() {
  if (std::exchange(listening_, false))
    __atomic_fetch_sub(&program_->skeleton().bss->logging, 1, __ATOMIC_SEQ_CST);
}

bool SwitchLog::Take(size_t index, std::vector<SwitchRecord>* records) {
  const energy_log& log = program_->logs()[cpus_[index]];
  const uint64_t head = HeadOf(log);
  const uint64_t from = head - taken_[index] > ENERGY_LOG ? head - ENERGY_LOG : taken_[index];
  records->clear();
  for (uint64_t i = from; i < head; i++) {
    const energy_switch& entry = log.switches[i % ENERGY_LOG];
    records->push_back({__atomic_load_n(&entry.clock_ns, __ATOMIC_RELAXED),
                        __atomic_load_n(&entry.prev, __ATOMIC_RELAXED),
                        __atomic_load_n(&entry.next, __ATOMIC_RELAXED)});
  }
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  // BPF has gone on meanwhile, and may be writing the next one over one that was copied.
  const uint64_t now = HeadOf(log);
  const uint64_t first = now >= ENERGY_LOG ? now - ENERGY_LOG + 1 : 0;
  bool lost = from != taken_[index];
  if (first > from && head > from) {
    const uint64_t overwritten = first < head ? first - from : head - from;
    records->erase(records->begin(), records->begin() + overwritten);
    lost = true;
  }
  taken_[index] = head;
  return lost;
}
