// SPDX-License-Identifier: Apache-2.0
#include "roster.h"

#include <algorithm>
#include <cstring>

#include "energy.h"

namespace {

constexpr uint32_t kNone = UINT32_MAX;  // of idle time, and of what is known by its cgroup alone
constexpr size_t kKeep = 16'384;        // processes that stay known, however long ago they were charged
constexpr size_t kAhead = 16;           // rows between the one that is listed and the one that is fetched
constexpr uint64_t kSpread = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio: the upper bits are well mixed

uint64_t HashOf(double number, uint32_t pid = 0) {
  uint64_t bits;
  memcpy(&bits, &number, sizeof(bits));
  bits = (bits ^ pid) * kSpread;
  return (bits ^ bits >> 32) * kSpread;
}

}  // namespace

void SlotTable::Reset(size_t entries) {
  size_t size = 16;
  shift_ = 60;
  while (size < 4 * entries) size *= 2, shift_--;
  slots_.assign(size, 0);
}

void Roster::List(Drained* interval) {
  interval_++;
  auto& rows = interval->rows;
  const auto& owners = interval->owners;
  const size_t count = rows.cpu.size();
  rows.process.assign(count, kNone);
  rows.cgroup.assign(count, kNone);
  cgroup_slots_.Reset(0);
  most_ns_.clear();
  for (size_t row = 0; row < count; row++) {
    const size_t later = row + kAhead;
    if (later < count) slots_.Prefetch(HashOf(owners.start_ns[later], rows.pid[later]));
    if (rows.pid[row] == 0) continue;
    rows.cgroup[row] = ListCgroup(row, interval);
    if (static_cast<int32_t>(rows.pid[row]) == ENERGY_NO_PROCESS) continue;
    rows.process[row] = ListProcess(row, interval);
  }
  Forget();
}

// The row with the most run time says where a process is, and what it is called, the first of equal ones.
uint32_t Roster::ListProcess(size_t row, Drained* interval) {
  auto& processes = interval->processes;
  const auto& rows = interval->rows;
  const auto& owners = interval->owners;
  const char* comm = &owners.comm[row * ENERGY_COMM];
  const uint32_t number = NumberOf(rows.pid[row], owners.start_ns[row]);
  Known& known = known_[number];
  if (known.interval != interval_) {
    known.interval = interval_;
    known.index = processes.pid.size();
    processes.number.push_back(number);
    processes.pid.push_back(rows.pid[row]);
    processes.start_ns.push_back(owners.start_ns[row]);
    processes.cgroup.push_back(rows.cgroup[row]);
    processes.comm.insert(processes.comm.end(), comm, comm + ENERGY_COMM);
    most_ns_.push_back(rows.time_ns[row]);
  } else if (rows.time_ns[row] > most_ns_[known.index]) {
    most_ns_[known.index] = rows.time_ns[row];
    processes.cgroup[known.index] = rows.cgroup[row];
    memcpy(&processes.comm[known.index * ENERGY_COMM], comm, ENERGY_COMM);
  }
  return known.index;
}

uint32_t Roster::NumberOf(uint32_t pid, double start_ns) {
  const uint64_t hash = HashOf(start_ns, pid);
  const auto is_it = [&](uint32_t number) {
    return known_[number].pid == pid && known_[number].start_ns == start_ns;
  };
  uint32_t* slot = slots_.Find(hash, is_it);
  if (*slot != 0) return *slot - 1;
  uint32_t number = known_.size();
  if (free_.empty()) {
    known_.emplace_back();
  } else {
    number = free_.back();
    free_.pop_back();
  }
  known_[number] = {start_ns, pid, 0, 0};
  *slot = number + 1;
  if (!slots_.HasRoomFor(known_.size() - free_.size())) Reindex();
  return number;
}

// With the first process that was charged there: who is known by the cgroup alone gives way to it.
uint32_t Roster::ListCgroup(size_t row, Drained* interval) {
  auto& cgroups = interval->cgroups;
  const uint32_t pid = interval->rows.pid[row];
  const double start_ns = interval->owners.start_ns[row], id = interval->owners.cgroup[row];
  uint32_t* slot = cgroup_slots_.Find(HashOf(id), [&](uint32_t index) { return cgroups.id[index] == id; });
  if (*slot != 0) {
    const uint32_t index = *slot - 1;
    if (static_cast<int32_t>(cgroups.pid[index]) == ENERGY_NO_PROCESS)
      cgroups.pid[index] = pid, cgroups.start_ns[index] = start_ns;
    return index;
  }
  const uint32_t index = cgroups.id.size();
  *slot = index + 1;
  cgroups.id.push_back(id);
  cgroups.pid.push_back(pid);
  cgroups.start_ns.push_back(start_ns);
  if (cgroup_slots_.HasRoomFor(index + 1)) return index;
  cgroup_slots_.Reset(index + 1);
  for (uint32_t i = 0; i <= index; i++)
    *cgroup_slots_.Find(HashOf(cgroups.id[i]), [](uint32_t) { return false; }) = i + 1;
  return index;
}

void Roster::Reindex() {
  slots_.Reset(known_.size() - free_.size());
  for (uint32_t number = 0; number < known_.size(); number++) {
    const Known& known = known_[number];
    if (known.pid != 0)
      *slots_.Find(HashOf(known.start_ns, known.pid), [](uint32_t) { return false; }) = number + 1;
  }
}

// Whoever was not charged in the last two intervals gives his number back, when twice as many are known as
// are charged.
void Roster::Forget() {
  if (known_.size() - free_.size() <= std::max(limit_, kKeep)) return;
  for (uint32_t number = 0; number < known_.size(); number++) {
    Known& known = known_[number];
    if (known.pid == 0 || known.interval + 1 >= interval_) continue;
    known.pid = 0;
    free_.push_back(number);
  }
  limit_ = 2 * (known_.size() - free_.size());
  Reindex();
}
