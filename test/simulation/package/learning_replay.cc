// SPDX-License-Identifier: Apache-2.0
#include "learning_replay.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>

namespace {

constexpr uint64_t kLagNs = 20'000'000;  // after which windows are cut (WindowOptions), and some more
constexpr uint64_t kSecondNs = 1'000'000'000, kMsNs = 1'000'000;
constexpr uint64_t kWidthNs = 15'000;  // between two reads of a counter
constexpr uint64_t kWindowEdges = 2;   // updates from one window to the next
constexpr double kPackageW = 20, kCoreW = 8;  // what no package exceeds, and with each core

double MostWatts(const ReplayedMachine& options) {
  return kPackageW + kCoreW * options.threads / options.packages / 2;
}

PackageModelOptions ModelOptions(const ReplayedMachine& options) {
  PackageModelOptions result;
  result.cores.assign(options.packages, options.threads / options.packages / 2);
  result.max_watts = MostWatts(options);
  result.joules_per_count = TRACE_JOULES_PER_COUNT;
  return result;
}

WindowOptions CutterOptions(const ReplayedMachine& options, uint32_t package) {
  WindowOptions result;
  result.package = package;
  for (uint32_t cpu = 0; cpu < options.threads / options.packages; cpu++)
    result.core_of_cpu.push_back(cpu / 2);
  result.joules_per_count = TRACE_JOULES_PER_COUNT;
  result.period_ns = options.period_ns;
  result.max_watts = MostWatts(options);
  return result;
}

uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  x ^= x >> 31;
  return x ? x : 1;
}

Actor ActorOf(uint32_t tgid, uint64_t start_ns, const char* comm) {
  if (tgid == 0) return {};
  uint64_t name[2] = {};
  memcpy(name, comm, strnlen(comm, ENERGY_COMM));
  return {Mix(Mix(tgid) ^ start_ns), Mix(Mix(name[0]) ^ name[1])};
}

}  // namespace

LearningReplay::LearningReplay(const ReplayedMachine& options, const engine& engine)
    : options_(options),
      width_(options.threads / options.packages),
      engine_(engine),
      model_(ModelOptions(options)),
      taken_(options.threads) {
  for (uint32_t package = 0; package < options.packages; package++)
    packages_.push_back({WindowCutter(CutterOptions(options, package))});
}

// A burst begins with each second. Its last windows are cut a lag later, and until then all switches are
// logged.
void LearningReplay::Pass(uint64_t now_ns) {
  const uint64_t in_second = now_ns % kSecondNs;
  const bool is_burst = in_second < model_.BurstMs() * kMsNs + kLagNs;
  if (is_burst == is_burst_) return;
  is_burst_ = is_burst;
  *engine_.logging = is_burst;
  for (uint32_t package = 0; package < packages_.size(); package++) {
    if (!is_burst) {
      Cut(package, now_ns);
      continue;
    }
    for (uint32_t cpu = package * width_; cpu < (package + 1) * width_; cpu++)
      taken_[cpu] = engine_.logs[cpu].head;
    packages_[package].cutter.BeginBurst(now_ns);
  }
}

void LearningReplay::AddEdge(uint32_t package, uint64_t clock_ns, uint64_t counts) {
  Package& its = packages_[package];
  if (!is_burst_) return;
  if (clock_ns % kSecondNs < model_.BurstMs() * kMsNs) its.cutter.AddEdge({clock_ns, kWidthNs, counts});
  if (++its.edges % kWindowEdges == 0) Cut(package, clock_ns);
}

void LearningReplay::TakeLogs(uint32_t package) {
  std::vector<SwitchRecord> records;
  for (uint32_t i = 0; i < width_; i++) {
    const uint32_t cpu = package * width_ + i;
    const energy_log& log = engine_.logs[cpu];
    const bool is_lost = log.head - taken_[cpu] > ENERGY_LOG;
    records.clear();
    for (uint64_t at = is_lost ? log.head - ENERGY_LOG : taken_[cpu]; at < log.head; at++) {
      const energy_switch& entry = log.switches[at % ENERGY_LOG];
      records.push_back({entry.clock_ns, entry.prev, entry.next});
    }
    taken_[cpu] = log.head;
    packages_[package].cutter.AddRecords(i, records.data(), records.size(), is_lost);
  }
}

Actor LearningReplay::Find(uint32_t tgid) const {
  const task_struct& task = engine_.tasks[tgid];
  return ActorOf(tgid, task.start_ns, task.comm);
}

void LearningReplay::Cut(uint32_t package, uint64_t now_ns) {
  TakeLogs(package);
  for (Window& window : packages_[package].cutter.Cut(now_ns)) {
    for (WindowTask& task : window.tasks) task.who = Find(task.tgid);
    model_.Learn(window);
  }
}

void LearningReplay::Predict(Drained* drained, uint64_t end_ns, double seconds) {
  auto& rows = drained->rows;
  rows.predicted_joules.assign(rows.cpu.size(), NAN);
  rows.predicted_error_joules.assign(rows.cpu.size(), NAN);
  for (uint32_t package = 0; package < packages_.size(); package++) {
    Interval interval{package, end_ns / 1e9, seconds, {}};
    std::vector<size_t> row_of;
    for (size_t row = 0; row < rows.cpu.size(); row++) {
      if (PackageOf(rows.cpu[row]) != package) continue;
      const Actor who = ActorOf(rows.pid[row], rows.start_ns[row], &rows.comm[row * ENERGY_COMM]);
      interval.rows.push_back({who, rows.time_ns[row] / 1e9});
      row_of.push_back(row);
    }
    const Prediction prediction = model_.Predict(interval);
    for (size_t i = 0; prediction.learned && i < row_of.size(); i++) {
      rows.predicted_joules[row_of[i]] = prediction.joules[i];
      rows.predicted_error_joules[row_of[i]] = prediction.error_j[i];
    }
    drained->packages.zone.push_back(package);
    drained->packages.learned.push_back(prediction.learned && prediction.gate > 0);
    drained->packages.shared_joules.push_back(prediction.learned ? prediction.shared_j : NAN);
    drained->packages.idle_joules.push_back(prediction.learned ? prediction.idle_j : NAN);
  }
}
