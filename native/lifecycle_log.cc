// SPDX-License-Identifier: Apache-2.0
#include "lifecycle_log.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "map_window.h"

namespace {

uint32_t SlotsOf(const energy_lifecycle& event) { return event.kind == ENERGY_EXEC ? 2 : 1; }

// The program that an exec made run; nothing where the event is another one, or the name was cut off.
std::string ProgramOf(const energy_lifecycle* event) {
  const uint32_t bytes = event->program_bytes;
  if (event->kind != ENERGY_EXEC || bytes == 0 || bytes >= ENERGY_PROGRAM) return {};
  return {reinterpret_cast<const energy_program*>(event + 1)->name, bytes - 1};
}

void Append(Drained::Lifecycle* to, const energy_lifecycle* event) {
  const bool is_fork = event->kind == ENERGY_FORK;
  to->kind.push_back(event->kind);
  to->pid.push_back(event->tgid);
  to->start_ns.push_back(event->start_ns);
  to->parent_pid.push_back(is_fork ? event->parent_tgid : 0);
  to->parent_start_ns.push_back(is_fork ? event->parent_start_ns : 0);
  to->comm.insert(to->comm.end(), event->comm, event->comm + ENERGY_COMM);
  to->program.push_back(ProgramOf(event));
}

}  // namespace

void LifecycleLog::Open(int fd, energy_cpu* cpus, uint32_t cpu_count, uint32_t slots) {
  fd_ = fd;
  cpus_ = cpus;
  cpu_count_ = cpu_count;
  slots_ = slots;
  last_ns_.assign(cpu_count, 0);
}

int LifecycleLog::Consume() {
  for (uint32_t cpu = 0; cpu < cpu_count_; cpu++) {
    if (int status = ConsumeCpu(cpu)) return status;
  }
  return 0;
}

// Ends at an event that is still being written. The log is a ring, of which the end may be mapped at first,
// and then its beginning.
int LifecycleLog::ConsumeCpu(uint32_t cpu) {
  const uint32_t written = __atomic_load_n(&cpus_[cpu].events_written, __ATOMIC_ACQUIRE);
  for (uint32_t at = cpus_[cpu].events_taken, rest = 0; at != written;) {
    const uint32_t first = at % slots_, count = std::min(written - at, slots_ - first);
    const MapWindow window(fd_, (size_t{cpu} * slots_ + first) * sizeof(energy_lifecycle),
                           count * sizeof(energy_lifecycle));
    if (!window.mapped()) return -errno;
    const auto* slots = reinterpret_cast<const energy_lifecycle*>(window.get());
    for (uint32_t i = 0; i < count; i++, at++) {
      const bool is_first = rest == 0;
      if (is_first && __atomic_load_n(&slots[i].sequence, __ATOMIC_ACQUIRE) != at + 1) return 0;
      if (is_first) rest = SlotsOf(slots[i]);
      held_.push_back(slots[i]);
      // A CPU's clock may be some time behind, but what it wrote later happened later.
      if (is_first)
        held_.back().clock_ns = last_ns_[cpu] = std::max<uint64_t>(last_ns_[cpu], slots[i].clock_ns);
      if (--rest == 0) __atomic_store_n(&cpus_[cpu].events_taken, at + 1, __ATOMIC_RELEASE);
    }
  }
  return 0;
}

Drained::Lifecycle LifecycleLog::Take() {
  const std::vector<energy_lifecycle> slots = std::exchange(held_, {});
  std::vector<const energy_lifecycle*> events;
  for (size_t i = 0; i < slots.size(); i += SlotsOf(slots[i])) events.push_back(&slots[i]);
  // What has one time comes from one CPU, and is in its order already.
  std::stable_sort(events.begin(), events.end(), [](const energy_lifecycle* a, const energy_lifecycle* b) {
    return a->clock_ns < b->clock_ns;
  });
  Drained::Lifecycle taken;
  for (const energy_lifecycle* event : events) Append(&taken, event);
  return taken;
}
