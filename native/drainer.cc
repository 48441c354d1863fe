// SPDX-License-Identifier: Apache-2.0
// One interval out of the kernel: change of banks, rows, overflow, events.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <cmath>
#include <cstring>

#include "clock.h"
#include "energy.h"
#include "energy.skel.h"
#include "probe.h"

namespace {

constexpr double kFraction = 1 << ENERGY_FRACTION;
constexpr double kRelative = 1 << 16;
// Relative variance of the power of a process of which nothing is known (power_model.bpf.h: VARIANCE_NEW).
constexpr uint32_t kUnknown = 16384;

// What a row says, in counts. Only the energy of mixtures with others can be wrong: by the standard deviation
// of its process's power.
void AddRow(Drained* out, const energy_spill_key& key, const energy_spill& row, uint32_t variance,
            double unit) {
  auto& rows = out->rows;
  rows.cpu.push_back(key.cpu);
  rows.pid.push_back(key.tgid);
  rows.start_ns.push_back(key.start_ns);
  rows.cgroup.push_back(key.cgroup);
  rows.label.push_back(key.label);
  rows.time_ns.push_back(row.time_ns);
  rows.counts.push_back(row.energy * unit);
  uint64_t mixed = row.energy > row.certain ? row.energy - row.certain : 0;
  rows.uncertain_counts.push_back(mixed * unit * std::sqrt(variance / kRelative));
  rows.comm.insert(rows.comm.end(), row.comm, row.comm + ENERGY_COMM);
}

}  // namespace

// Makes each online CPU change its bank, and notes which one it left. A CPU whose last bank is still there,
// because that drain failed, has no other to change to: it is taken now, and the CPU changes the next time.
int Probe::Switchover() {
  int prog = bpf_program__fd(skeleton_->progs.swap_buffers);
  for (uint32_t cpu = 0; cpu < cpu_count_; cpu++) {
    energy_cpu& account = cpus_[cpu];
    if (left_[cpu] != kNoBank) continue;
    uint8_t left = account.buffer & 1;
    int status = RunOn(cpu, prog, left ^ 1, nullptr);
    if (status == -ENXIO) {
      if (TakeOver(cpu)) left_[cpu] = left;
    } else if (status) {
      return Fail("swap the buffers of a CPU", status);
    } else if ((account.buffer & 1) != left) {
      left_[cpu] = left;
    }
  }
  return 0;
}

// Takes over the account that a CPU left when it went offline: it does not begin another until GiveBack().
// False: nothing is in it, or the CPU is back.
bool Probe::TakeOver(uint32_t cpu) {
  energy_cpu& account = cpus_[cpu];
  if (!__sync_bool_compare_and_swap(&account.state, ENERGY_IDLE, ENERGY_READER_OWNED)) return false;
  const energy_buffer& bank = account.buffers[account.buffer & 1];
  if (bank.switches || bank.gap) return true;
  GiveBack(cpu);
  return false;
}

void Probe::GiveBack(uint32_t cpu) {
  __sync_bool_compare_and_swap(&cpus_[cpu].state, ENERGY_READER_OWNED, ENERGY_IDLE);
}

void Probe::TakeBank(uint32_t cpu, energy_buffer* bank, Drained* out, uint64_t* sum) {
  for (uint32_t i = 0; i < ENERGY_ROWS; i++) {
    const energy_hot& hot = bank->hot[i];
    const energy_cold& cold = bank->cold[i];
    if (!hot.owner) continue;
    energy_spill_key key{cpu, hot.owner - 1, cold.start_ns, cold.cgroup, cold.label};
    energy_spill row{cold.time_ns + hot.pending_ns,
                     cold.energy + hot.pending * bank->price[hot.window & (ENERGY_PRICES - 1)], cold.certain};
    memcpy(row.comm, cold.comm, ENERGY_COMM);
    AddRow(out, key, row, cold.variance, unit_ / kFraction);
    *sum += row.energy;
  }
  auto& cpus = out->cpus;
  cpus.cpu.push_back(cpu);
  cpus.switches.push_back(bank->switches);
  cpus.lost_rows.push_back(bank->lost_rows);
  cpus.backwards.push_back(bank->backwards);
  cpus.jumps.push_back(bank->jumps);
  cpus.reads.push_back(bank->reads);
  cpus.counts.push_back(bank->energy * unit_ / kFraction);
  cpus.gap_counts.push_back(bank->gap * unit_);
  cpus.lost_counts.push_back(bank->lost_energy * unit_ / kFraction);
  *sum += bank->lost_energy;
}

// Takes what the CPUs that changed over had moved to an overflow map. Others may be writing theirs.
int Probe::TakeSpills(int map, uint8_t bank, Drained* out, std::vector<uint64_t>* sums,
                      std::vector<energy_spill_key>* taken) {
  constexpr uint32_t kBatch = 1024;
  std::vector<energy_spill_key> keys(kBatch);
  std::vector<energy_spill> values(kBatch);
  uint32_t cursor = 0;
  for (bool first = true, last = false; !last; first = false) {
    uint32_t count = kBatch;
    int status = bpf_map_lookup_batch(map, first ? nullptr : &cursor, &cursor, keys.data(), values.data(),
                                      &count, nullptr);
    if (status && errno != ENOENT) return -errno;
    last = status != 0;
    for (uint32_t i = 0; i < count; i++) {
      if (left_[keys[i].cpu] != bank) continue;
      AddRow(out, keys[i], values[i], kUnknown, unit_ / kFraction);
      (*sums)[keys[i].cpu] += values[i].energy;
      taken->push_back(keys[i]);
    }
  }
  return 0;
}

// One record of the ring.
int Probe::TakeEvent(void* self, void* data, size_t) {
  Drained* out = static_cast<Probe*>(self)->ring_out_;
  const auto* life = static_cast<const energy_lifecycle*>(data);
  if (life->kind == ENERGY_MKDIR) {
    const auto* mkdir = static_cast<const energy_mkdir*>(data);
    // A path that was cut off is none: the directory itself is asked then.
    if (mkdir->path_bytes == 0 || mkdir->path_bytes >= ENERGY_PATH) return 0;
    out->mkdirs.cgroup.push_back(mkdir->cgroup);
    out->mkdirs.path.emplace_back(mkdir->path, mkdir->path_bytes - 1);
    return 0;
  }
  auto& lives = out->lives;
  lives.kind.push_back(life->kind);
  lives.pid.push_back(life->tgid);
  lives.start_ns.push_back(life->start_ns);
  lives.parent_pid.push_back(life->parent_tgid);
  lives.parent_start_ns.push_back(life->parent_start_ns);
  lives.comm.insert(lives.comm.end(), life->comm, life->comm + ENERGY_COMM);
  return 0;
}

// Reads all and only then forgets it: what fails half-way leaves everything for the next drain.
int Probe::DrainLocked(Drained* out) {
  if (!skeleton_) return Fail("drain", -EBADF);
  out->time_ns = MonotonicNs();
  int status = Switchover();
  if (status) return status;

  std::vector<uint64_t> sums(cpu_count_);
  bool spilled[2] = {};
  for (uint32_t cpu = 0; cpu < cpu_count_; cpu++) {
    if (left_[cpu] == kNoBank) continue;
    energy_buffer* bank = &cpus_[cpu].buffers[left_[cpu]];
    if (bank->spills) spilled[left_[cpu]] = true;
    TakeBank(cpu, bank, out, &sums[cpu]);
  }
  const auto& maps = skeleton_->maps;
  const bpf_map* spills[2][2] = {{maps.spills0, maps.cgroup_spills0}, {maps.spills1, maps.cgroup_spills1}};
  std::vector<energy_spill_key> taken[2][2];
  for (uint8_t bank = 0; bank < 2; bank++) {
    for (int i = 0; spilled[bank] && i < 2; i++) {
      status = TakeSpills(bpf_map__fd(spills[bank][i]), bank, out, &sums, &taken[bank][i]);
      if (status) return Fail("read the overflow maps", status);
    }
  }
  ring_out_ = out;
  status = ring_buffer__consume(ring_);
  ring_out_ = nullptr;
  if (status < 0) return Fail("read the ring of events", status);
  out->lost_events = skeleton_->bss->lost_events;

  for (int bank = 0; bank < 2; bank++) {
    for (int i = 0; i < 2; i++)
      for (const auto& key : taken[bank][i]) bpf_map_delete_elem(bpf_map__fd(spills[bank][i]), &key);
  }
  for (uint32_t cpu : out->cpus.cpu) {
    energy_buffer* bank = &cpus_[cpu].buffers[left_[cpu]];
    out->cpus.residual_counts.push_back(static_cast<int64_t>(bank->energy - sums[cpu]) * unit_ / kFraction);
    // Counters and hot rows; what is behind them is written anew before it is read.
    memset(bank, 0, offsetof(energy_buffer, cold));
    left_[cpu] = kNoBank;
    GiveBack(cpu);
  }
  return 0;
}
