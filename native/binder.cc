// SPDX-License-Identifier: Apache-2.0
#include "binder.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "count_unit.h"
#include "energy.h"
#include "energy.skel.h"
#include "program.h"

namespace {

// Reads of two events that are to see the same count of a register: where CPUs are on their way, one may take
// as long as the register rests.
constexpr int kTries = 10;

bool Holds(const std::vector<uint32_t>& cpus, uint32_t cpu) {
  return std::find(cpus.begin(), cpus.end(), cpu) != cpus.end();
}

}  // namespace

Outcome Binder::CheckArguments(uint32_t zone, const std::vector<uint32_t>& cpus, uint32_t lead) const {
  const uint32_t count = program_->cpu_count();
  bool known = std::all_of(cpus.begin(), cpus.end(), [&](uint32_t cpu) { return cpu < count; });
  if (zone >= count || lead >= count || !known) return Fail("bind a counter", -EINVAL);
  if (program_->options().switched && cpus.size() > ENERGY_THREADS)
    return Fail("share a counter between so many CPUs", -E2BIG);
  std::vector<uint32_t> sorted = cpus;
  std::sort(sorted.begin(), sorted.end());
  // A CPU that was its own sibling would pay twice.
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    return Fail("bind a counter", -EINVAL);
  return {};
}

std::vector<uint32_t> Binder::CpusOf(uint32_t zone) const {
  std::vector<uint32_t> cpus;
  for (uint32_t cpu = 0; cpu < program_->cpu_count(); cpu++)
    if (program_->cpus()[cpu].zone == static_cast<int32_t>(zone)) cpus.push_back(cpu);
  return cpus;
}

// Takes from the former CPUs of a zone what is unpriced of them and cannot be charged any more, units: all of
// it if the counter could not be read, and those that have gone.
uint64_t Binder::TakeUnpriced(const std::vector<uint32_t>& former, const std::vector<uint32_t>& cpus,
                              bool in_gap) {
  uint64_t units = 0;
  for (uint32_t at : former) {
    if (Holds(cpus, at) && !in_gap) continue;
    energy_cpu& cpu = program_->cpus()[at];
    units += __atomic_exchange_n(&cpu.unpriced, 0, __ATOMIC_SEQ_CST);
    cpu.unpriced_counted = cpu.unpriced_predicted = 0;
  }
  return units;
}

// Reads a zone's event while its CPUs may do so, too. Two reads of one event at once may count one advance
// twice (claim_advance() in bpf/counter.bpf.h): they leave the next one to whoever is reading, which is this.
void Binder::ReadAlone(uint32_t zone, PerfReading* reading) const {
  const int event = counters_[zone].event.get();
  if (event < 0) return;
  uint32_t* taken = &program_->zones()[zone].reading;
  // BPF takes some us.
  while (__atomic_exchange_n(taken, 1, __ATOMIC_SEQ_CST)) sched_yield();
  ReadCounter(event, reading);
  __atomic_store_n(taken, 0, __ATOMIC_SEQ_CST);
}

// Reads a zone's event for the last time, and its successor if there is one (`next` >= 0), until that has not
// moved meanwhile: a counter rests for about a millisecond, and a read takes some us. `earlier` is what the
// old event had counted before its successor began.
Binder::Handover Binder::ReadBoth(uint32_t zone, int next, uint64_t earlier) const {
  const energy_zone& state = program_->zones()[zone];
  Handover handover;
  PerfReading last, before, after;
  bool read = false;
  if (next >= 0) handover.status = ReadCounter(next, &after);
  for (int i = 0; i < kTries; i++) {
    before = after;
    // A dead event still tells what it counted before it died.
    read = ReadCounter(counters_[zone].event.get(), &last) == 0;
    if (next >= 0 && handover.status == 0) handover.status = ReadCounter(next, &after);
    if (before.count == after.count) break;
  }
  if (read && last.count > state.last_count)
    handover.rest_units = ToUnits(last.count - state.last_count, program_->unit().shift);
  // Both count the same register, the new one from its beginning. An old one that had died before counted
  // nothing meanwhile: then all that the new one has counted is news, however long it took to get here.
  if (read && last.count > earlier) handover.from = std::min(after.count, last.count - earlier);
  handover.last_count = read ? last.count : state.last_count;
  return handover;
}

// Takes its event away from the CPUs of a zone, after they have charged all that it had counted. What they
// cannot read any more, because it died or was moved along, and what was unpriced of a CPU that has gone, is
// gap.
Binder::Handover Binder::TakeAway(uint32_t zone, const std::vector<uint32_t>& cpus, int next,
                                  uint64_t earlier) {
  const auto& skeleton = program_->skeleton();
  energy_cpu* accounts = program_->cpus();
  energy_zone& state = program_->zones()[zone];
  const std::vector<uint32_t> former = CpusOf(zone);
  // They charge into the buffer that they are writing: nothing is handed out here.
  for (uint32_t cpu : former) Program::RunOn(cpu, skeleton.progs.visit_cpu, accounts[cpu].buffer & 1);
  for (uint32_t cpu : former) accounts[cpu].zone = accounts[cpu].sibling = ENERGY_NONE;
  for (uint32_t cpu : former) {
    Program::RunOn(cpu, skeleton.progs.try_counter, 0);  // waits for a read under way there
    bpf_map_delete_elem(bpf_map__fd(skeleton.maps.counters), &cpu);
  }
  const uint64_t unpriced = TakeUnpriced(former, cpus, state.failed);
  const Handover handover = ReadBoth(zone, next, earlier);
  const uint64_t gap = unpriced + handover.rest_units;  // units
  energy_cpu& successor = accounts[counters_[zone].lead];
  successor.buffers[successor.buffer & 1].gap += gap;
  // It is the same register: when it moves is still known, if it has been read until now.
  energy_zone fresh = state.valid && !state.failed ? state : energy_zone{};
  fresh.valid = fresh.failed = 0;
  fresh.period_ns = state.period_ns;
  // Where none follows it, it may go on counting.
  fresh.last_count = handover.last_count;
  state = fresh;
  return handover;
}

// Gives a new event to the CPUs of a zone, which counts for them from `from` on. None of them reads in the
// meantime.
Outcome Binder::GiveToBpf(uint32_t zone, const std::vector<uint32_t>& cpus, int event, uint64_t from) {
  const auto& skeleton = program_->skeleton();
  const int slots = bpf_map__fd(skeleton.maps.counters);
  std::vector<uint32_t> unable;
  int last_error = 0;
  for (uint32_t cpu : cpus) {
    uint32_t result = 0;
    int status = bpf_map_update_elem(slots, &cpu, &event, BPF_ANY)
                     ? -errno
                     : Program::RunOn(cpu, skeleton.progs.try_counter, 0, &result);
    if (status == 0) status = static_cast<int>(result);
    if (status) unable.push_back(cpu), last_error = status;
  }
  const bool readable = unable.size() < cpus.size();
  // Only the CPU of the event may read it (PMUs without scope): an empty slot says so to BPF. If none can,
  // the slots stay, so that BPF goes on reporting errors.
  for (uint32_t cpu : unable)
    if (readable) bpf_map_delete_elem(slots, &cpu);
  // From now on, not from what BPF happens to read first: CPUs may sleep until then.
  energy_zone& state = program_->zones()[zone];
  state.last_count = from;
  state.valid = 1;
  state.failed = readable ? 0 : -last_error;
  for (size_t i = 0; i < cpus.size(); i++) {
    energy_cpu& cpu = program_->cpus()[cpus[i]];
    state.paid_predicted[i] = cpu.predicted;
    cpu.thread = i;
    cpu.sibling = cpus.size() > 1 ? static_cast<int32_t>(cpus[!i]) : ENERGY_NONE;
  }
  // After all of the above, as BPF sees it: a CPU that has the zone reads its counter.
  for (uint32_t cpu : cpus)
    __atomic_store_n(&program_->cpus()[cpu].zone, static_cast<int32_t>(zone), __ATOMIC_RELEASE);
  return readable ? Outcome{} : Fail("read the counter in BPF", last_error);
}

Outcome Binder::Bind(uint32_t zone, const std::vector<uint32_t>& cpus, uint32_t lead,
                     const PerfEventSpec& spec) {
  Outcome refused = CheckArguments(zone, cpus, lead);
  if (refused.Failed()) return refused;
  if (counters_.size() <= zone) counters_.resize(zone + 1);
  Counter& counter = counters_[zone];
  const bool switched = program_->options().switched;
  counter.lead = lead;
  PerfReading earlier;
  ReadAlone(zone, &earlier);
  // The new event counts before the old one is read for the last time.
  const int opened = cpus.empty() ? -1 : OpenCpuCounter(spec, lead);
  UniqueFd event(opened);
  Handover handover;
  if (switched) handover = TakeAway(zone, cpus, event.get(), earlier.count);
  // Where no other one follows it, the old one is kept: if the kernel has moved it along it goes on counting,
  // and tells the next one what belongs to nobody. So is a new one that no CPU can read.
  if (!cpus.empty() && opened < 0) return Fail("open the perf event", opened);
  if (handover.status) return Fail("read the perf event", handover.status);
  StopCounter(counter.event.get());
  counter.event = std::move(event);
  if (cpus.empty()) return {};
  return switched ? GiveToBpf(zone, cpus, counter.event.get(), handover.from) : Outcome{};
}
