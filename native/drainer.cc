// SPDX-License-Identifier: Apache-2.0
#include "drainer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "clock.h"
#include "energy.h"
#include "energy.skel.h"
#include "program.h"

namespace {

// BPF adds up what a CPU is charged with in 2^-16 units of about 2^-32 J, modulo 2^64: 65,536 J. From a
// quarter of that it takes a minute to get there, at the greatest power that BPF can hold.
constexpr uint64_t kMuch = 1ULL << 62;

// Rows that are taken out early, some 10 MB: with more the overflow maps fill, and BPF counts what is lost.
constexpr size_t kMostEarlyRows = 100'000;

// Empties the counters and hot rows of a buffer; what is behind them is written anew before it is read. A
// thread that learns may be looking for a process there: it sees a row, or none.
void Empty(energy_buffer* buffer) {
  auto* words = reinterpret_cast<uint64_t*>(buffer);
  for (size_t i = 0; i < offsetof(energy_buffer, cold) / sizeof(uint64_t); i++)
    __atomic_store_n(&words[i], 0, __ATOMIC_RELAXED);
}

// Deletes many entries with one system call. Where the kernel cannot, before Linux 5.6, or one is gone, they
// are deleted one by one.
void DeleteAll(int map, const std::vector<energy_spill_key>& keys) {
  size_t at = 0;
  while (at < keys.size()) {
    constexpr size_t kBatch = 4096;
    const size_t end = std::min(keys.size(), at + kBatch);
    uint32_t count = end - at;
    if (bpf_map_delete_batch(map, &keys[at], &count, nullptr))
      for (size_t i = at; i < end; i++) bpf_map_delete_elem(map, &keys[i]);
    at = end;
  }
}

}  // namespace

Outcome Drainer::Open() {
  left_.assign(program_->cpu_count(), kNoBuffer);
  return ring_.Open(*program_);
}

// Makes each online CPU swap its buffers, and notes which one it left. A CPU whose last buffer is still
// there, because that drain failed, has no other to swap with: the buffer is taken now, and the CPU swaps the
// next time.
Outcome Drainer::SwapBuffers() {
  for (uint32_t cpu = 0; cpu < program_->cpu_count(); cpu++) {
    const energy_cpu& account = program_->cpus()[cpu];
    if (left_[cpu] != kNoBuffer) continue;
    uint8_t left = account.buffer & 1;
    int status = Program::RunOn(cpu, program_->skeleton().progs.visit_cpu, left ^ 1);
    if (status == -ENXIO) {
      if (TakeOver(cpu)) left_[cpu] = left;
    } else if (status) {
      return Fail("swap the buffers of a CPU", status);
    } else if ((account.buffer & 1) != left) {
      left_[cpu] = left;
    }
  }
  return {};
}

// Takes over the account that a CPU left when it went offline: the CPU does not begin another one until
// GiveBack(). False: nothing is in it, or the CPU is back.
bool Drainer::TakeOver(uint32_t cpu) {
  energy_cpu& account = program_->cpus()[cpu];
  if (!__sync_bool_compare_and_swap(&account.state, ENERGY_UNOWNED, ENERGY_READER_OWNED)) return false;
  const energy_buffer& buffer = account.buffers[account.buffer & 1];
  if (buffer.switches || buffer.gap) return true;
  GiveBack(cpu);
  return false;
}

void Drainer::GiveBack(uint32_t cpu) {
  __sync_bool_compare_and_swap(&program_->cpus()[cpu].state, ENERGY_READER_OWNED, ENERGY_UNOWNED);
}

// The mean over the CPUs of when they swapped their buffers. On a machine that is crowded seconds may lie
// between the first and the last of them: with this end what all of them have counted is over the right time.
double Drainer::IntervalEndNs() const {
  double sum_ns = 0;
  uint32_t count = 0;
  for (uint32_t cpu = 0; cpu < program_->cpu_count(); cpu++) {
    if (left_[cpu] == kNoBuffer) continue;
    const uint64_t left_ns = program_->cpus()[cpu].buffers[left_[cpu]].left_ns;
    if (left_ns == 0) continue;  // the CPU went offline
    sum_ns += left_ns;
    count++;
  }
  return count > 0 ? sum_ns / count : MonotonicNs();
}

Outcome Drainer::ReadRows(RowReader* reader, Overflow (&overflows)[2]) const {
  for (uint32_t cpu = 0; cpu < program_->cpu_count(); cpu++) {
    if (left_[cpu] == kNoBuffer) continue;
    const energy_buffer& buffer = program_->cpus()[cpu].buffers[left_[cpu]];
    reader->ReadBuffer(cpu, buffer);
    const uint32_t room = program_->skeleton().rodata->spill_log_rows;
    if (buffer.spills > room) overflows[left_[cpu]].used = true;
    const int status = reader->ReadSpillLog(bpf_map__fd(program_->skeleton().maps.spill_log), cpu,
                                            (cpu * 2 + left_[cpu]) * room, std::min(buffer.spills, room));
    if (status) return Fail("read the log of spilled rows", status);
  }
  for (uint8_t buffer = 0; buffer < 2; buffer++) {
    auto& overflow = overflows[buffer];
    for (int i = 0; overflow.used && i < 2; i++) {
      int status = reader->ReadOverflow(
          overflow.maps[i], [&](uint32_t cpu) { return left_[cpu] == buffer; }, &overflow.keys[i]);
      if (status) return Fail("read the overflow maps", status);
    }
  }
  return {};
}

// Empties what has been read, and gives the buffers back.
void Drainer::Forget(const RowReader& reader, const Overflow (&overflows)[2], Drained* out) {
  for (const auto& overflow : overflows) {
    for (int i = 0; i < 2; i++) DeleteAll(overflow.maps[i], overflow.keys[i]);
  }
  for (uint32_t cpu : out->cpus.cpu) {
    energy_buffer* buffer = &program_->cpus()[cpu].buffers[left_[cpu]];
    out->cpus.residual_counts.push_back(reader.Residual(cpu, *buffer));
    Empty(buffer);
    left_[cpu] = kNoBuffer;
    GiveBack(cpu);
  }
}

bool Drainer::HasMuch() const {
  bool much_energy = false;
  uint64_t spills = 0;
  for (uint32_t cpu = 0; cpu < program_->cpu_count(); cpu++) {
    const energy_cpu& account = program_->cpus()[cpu];
    const energy_buffer& buffer = account.buffers[account.buffer & 1];
    much_energy = much_energy || buffer.energy >= kMuch;
    spills += buffer.spills;
  }
  const bool many_rows = spills >= program_->options().spill_entries / 2;
  return much_energy || (many_rows && early_.rows.cpu.size() < kMostEarlyRows);
}

Outcome Drainer::Relieve() {
  if (!HasMuch()) return {};
  Drained some;
  Outcome outcome = TakeInterval(&some);
  if (!outcome.Failed()) Append(&early_, some);
  return outcome;
}

Outcome Drainer::Drain(Drained* out) {
  Drained rest;
  Outcome outcome = TakeInterval(&rest);
  if (outcome.Failed()) return outcome;
  if (early_.cpus.cpu.empty()) {
    early_ = std::move(rest);
  } else {
    Append(&early_, rest);
  }
  // Events wait in the ring's own memory, whose bound holds however often rows are taken out early.
  outcome = ring_.Take(&early_);
  if (outcome.Failed()) return outcome;
  early_.lost_events = program_->skeleton().bss->lost_events;
  roster_.List(&early_);
  *out = std::exchange(early_, {});
  return {};
}

// Reads all rows and only then forgets them. `out` is empty.
Outcome Drainer::TakeInterval(Drained* out) {
  const auto& maps = program_->skeleton().maps;
  Overflow overflows[2] = {{{bpf_map__fd(maps.spills0), bpf_map__fd(maps.cgroup_spills0)}},
                           {{bpf_map__fd(maps.spills1), bpf_map__fd(maps.cgroup_spills1)}}};
  Outcome outcome = SwapBuffers();
  if (outcome.Failed()) return outcome;
  out->time_ns = IntervalEndNs();
  RowReader reader(program_->unit().counts, program_->cpu_count(), out);
  outcome = ReadRows(&reader, overflows);
  if (outcome.Failed()) return outcome;
  Forget(reader, overflows, out);
  return {};
}
