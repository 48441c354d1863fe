// SPDX-License-Identifier: Apache-2.0
#include "row_reader.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <cmath>
#include <cstring>

#include "energy.h"
#include "map_window.h"

namespace {

constexpr double kFraction = 1 << ENERGY_FRACTION;  // of a unit, in which BPF keeps energies
constexpr double kRelative = 1 << 16;               // of 1, in which BPF keeps variances

// Appends what a row says, in counts of `fraction` counts each. Only the energy of mixtures with others can
// be wrong: by the standard deviation of its process's power.
void AddRow(Drained* out, const energy_spill_key& key, const energy_spill& row, uint32_t variance,
            double fraction) {
  auto& rows = out->rows;
  auto& owners = out->owners;
  rows.cpu.push_back(key.cpu);
  rows.pid.push_back(key.tgid);
  owners.start_ns.push_back(key.start_ns);
  owners.cgroup.push_back(key.cgroup);
  owners.comm.insert(owners.comm.end(), row.comm, row.comm + ENERGY_COMM);
  rows.label.push_back(key.label);
  rows.time_ns.push_back(row.time_ns);
  rows.counts.push_back(row.energy * fraction);
  uint64_t mixed = row.energy > row.certain ? row.energy - row.certain : 0;
  rows.uncertain_counts.push_back(mixed * fraction * std::sqrt(variance / kRelative));
  rows.predicted_joules.push_back(NAN);  // until somebody predicts them
  rows.predicted_error_joules.push_back(NAN);
}

}  // namespace

void RowReader::ReadBuffer(uint32_t cpu, const energy_buffer& buffer) {
  for (uint32_t i = 0; i < ENERGY_ROWS; i++) {
    const energy_hot& hot = buffer.hot[i];
    const energy_cold& cold = buffer.cold[i];
    if (!hot.owner) continue;
    energy_spill_key key{cpu, hot.owner - 1, cold.start_ns, cold.cgroup, cold.label};
    energy_spill row{cold.time_ns + hot.pending_ns,
                     cold.energy + hot.pending * buffer.price[hot.window & (ENERGY_PRICES - 1)],
                     cold.certain};
    memcpy(row.comm, cold.comm, ENERGY_COMM);
    AddRow(out_, key, row, cold.variance, unit_counts_ / kFraction);
    sums_[cpu] += row.energy;
  }
  auto& cpus = out_->cpus;
  cpus.cpu.push_back(cpu);
  cpus.switches.push_back(buffer.switches);
  cpus.lost_rows.push_back(buffer.lost_rows);
  cpus.backwards.push_back(buffer.backwards);
  cpus.jumps.push_back(buffer.jumps);
  cpus.counts.push_back(buffer.energy * unit_counts_ / kFraction);
  cpus.gap_counts.push_back(buffer.gap * unit_counts_);
  cpus.lost_counts.push_back(buffer.lost_energy * unit_counts_ / kFraction);
  sums_[cpu] += buffer.lost_energy;
}

int RowReader::ReadSpillLog(int map, uint32_t cpu, uint32_t first, uint32_t count) {
  if (count == 0) return 0;
  const MapWindow window(map, size_t{first} * sizeof(energy_spilled), count * sizeof(energy_spilled));
  if (!window.mapped()) return -errno;
  const auto* spilled = reinterpret_cast<const energy_spilled*>(window.get());
  for (uint32_t i = 0; i < count; i++) {
    energy_spill_key key{cpu, spilled[i].tgid, spilled[i].start_ns, spilled[i].cgroup, spilled[i].label};
    energy_spill row{spilled[i].time_ns, spilled[i].energy, spilled[i].certain};
    memcpy(row.comm, spilled[i].comm, ENERGY_COMM);
    AddRow(out_, key, row, ENERGY_VARIANCE_NEW, unit_counts_ / kFraction);
    sums_[cpu] += row.energy;
  }
  return 0;
}

int RowReader::ReadOverflow(int map, const std::function<bool(uint32_t cpu)>& is_taken,
                            std::vector<energy_spill_key>* keys) {
  constexpr uint32_t kBatch = 1024;
  std::vector<energy_spill_key> found(kBatch);
  std::vector<energy_spill> values(kBatch);
  uint32_t cursor = 0;
  for (bool first = true, last = false; !last; first = false) {
    uint32_t count = kBatch;
    int status = bpf_map_lookup_batch(map, first ? nullptr : &cursor, &cursor, found.data(), values.data(),
                                      &count, nullptr);
    if (status && errno != ENOENT) return -errno;
    last = status != 0;
    for (uint32_t i = 0; i < count; i++) {
      if (!is_taken(found[i].cpu)) continue;
      AddRow(out_, found[i], values[i], ENERGY_VARIANCE_NEW, unit_counts_ / kFraction);
      sums_[found[i].cpu] += values[i].energy;
      keys->push_back(found[i]);
    }
  }
  return 0;
}

double RowReader::Residual(uint32_t cpu, const energy_buffer& buffer) const {
  return static_cast<int64_t>(buffer.energy - sums_[cpu]) * unit_counts_ / kFraction;
}
