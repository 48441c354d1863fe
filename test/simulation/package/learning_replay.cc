// SPDX-License-Identifier: Apache-2.0
#include "learning_replay.h"

#include <cmath>
#include <numeric>

namespace {

constexpr uint64_t kSecondNs = 1'000'000'000, kMsNs = 1'000'000;
constexpr uint64_t kWidthNs = 15'000;         // between two reads of a counter
constexpr double kPackageW = 20, kCoreW = 8;  // what no package exceeds, and with each core

uint32_t WidthOf(const ReplayedMachine& machine) { return machine.threads / machine.packages; }

double MostWatts(const ReplayedMachine& machine) { return kPackageW + kCoreW * WidthOf(machine) / 2; }

PackageModelOptions ModelOptions(const ReplayedMachine& machine) {
  PackageModelOptions options;
  options.cores.assign(machine.packages, WidthOf(machine) / 2);
  options.max_watts = MostWatts(machine);
  options.joules_per_count = TRACE_JOULES_PER_COUNT;
  return options;
}

WindowOptions CutterOptions(const ReplayedMachine& machine, uint32_t package) {
  WindowOptions options;
  options.package = package;
  for (uint32_t cpu = 0; cpu < WidthOf(machine); cpu++) options.core_of_cpu.push_back(cpu / 2);
  options.joules_per_count = TRACE_JOULES_PER_COUNT;
  options.period_ns = machine.period_ns;
  options.max_watts = MostWatts(machine);
  return options;
}

std::vector<uint32_t> CpusOf(const ReplayedMachine& machine, uint32_t package) {
  std::vector<uint32_t> cpus(WidthOf(machine));
  std::iota(cpus.begin(), cpus.end(), package * WidthOf(machine));
  return cpus;
}

}  // namespace

LearningReplay::LearningReplay(const ReplayedMachine& machine, const engine& engine)
    : options_(machine), width_(WidthOf(machine)), model_(ModelOptions(machine)) {
  for (uint32_t i = 0; i < machine.packages; i++) {
    SwitchLog log(engine.logs, engine.logging, CpusOf(machine, i));
    packages_.emplace_back(
        new Package{i * width_, WindowCutter(CutterOptions(machine, i)), log, ActorFinder(engine.cpus)});
  }
}

// Bursts begin with each second. The last windows of one are cut a lag after it, and until then switches are
// logged.
void LearningReplay::Pass(uint64_t now_ns) {
  const uint64_t lag_ns = WindowOptions().lag_ns;
  const bool is_burst = now_ns % kSecondNs < model_.BurstMs() * kMsNs + lag_ns;
  if (is_burst == is_burst_) return;
  is_burst_ = is_burst;
  for (const auto& package : packages_) {
    if (is_burst) {
      package->log.Listen();
      package->cutter.BeginBurst(now_ns);
    } else {
      Learn(package.get(), now_ns);
      package->log.Unlisten();
      package->actors.Forget(now_ns);
    }
  }
}

// Every second update ends a window.
void LearningReplay::AddEdge(uint32_t index, uint64_t clock_ns, uint64_t counts) {
  Package& package = *packages_[index];
  if (!is_burst_ || clock_ns % kSecondNs >= model_.BurstMs() * kMsNs) return;
  package.cutter.AddEdge({clock_ns, kWidthNs, counts});
  package.odd = !package.odd;
  if (!package.odd) Learn(&package, clock_ns);
}

void LearningReplay::Learn(Package* package, uint64_t now_ns) {
  for (uint32_t i = 0; i < width_; i++) {
    const bool lost = package->log.Take(i, &records_);
    for (const SwitchRecord& record : records_)
      package->actors.Note(package->first_cpu + i, record.prev, now_ns);
    package->cutter.AddRecords(i, records_.data(), records_.size(), lost);
  }
  for (Window& window : package->cutter.Cut(now_ns)) {
    for (WindowTask& task : window.tasks) task.who = package->actors.Find(task.tgid);
    model_.Learn(window);
  }
}

void LearningReplay::Predict(Drained* drained, double seconds) {
  auto& rows = drained->rows;
  const auto& owners = drained->owners;
  rows.predicted_joules.assign(rows.cpu.size(), NAN);
  rows.predicted_error_joules.assign(rows.cpu.size(), NAN);
  for (uint32_t package = 0; package < packages_.size(); package++) {
    Interval interval{package, drained->time_ns / 1e9, seconds, {}};
    std::vector<size_t> where;
    for (size_t i = 0; i < rows.cpu.size(); i++) {
      if (rows.cpu[i] / width_ != package) continue;
      const Actor who = ActorOf(rows.pid[i], owners.start_ns[i], &owners.comm[i * ENERGY_COMM]);
      interval.rows.push_back({who, rows.time_ns[i] / 1e9});
      where.push_back(i);
    }
    const Prediction found = model_.Predict(interval);
    for (size_t i = 0; found.learned && i < where.size(); i++) {
      rows.predicted_joules[where[i]] = found.joules[i];
      rows.predicted_error_joules[where[i]] = found.error_j[i];
    }
    drained->packages.zone.push_back(package);
    drained->packages.learned.push_back(found.learned && found.gate > 0);
    drained->packages.shared_joules.push_back(found.learned ? found.shared_j : NAN);
    drained->packages.idle_joules.push_back(found.learned ? found.idle_j : NAN);
  }
}
