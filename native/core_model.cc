// SPDX-License-Identifier: Apache-2.0
#include "core_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "energy.h"

namespace {

constexpr size_t kMostDeviations = 64;  // more states gain nothing, and cost as their square
// Updates are missed where nobody switches near them: such a window is long, and says as much for that.
constexpr double kLongest = 12;         // periods
constexpr double kEnoughSeenS = 0.03;   // thread seconds before a power is worth anything
constexpr double kOff = 0.5;            // an entry that is off by less is left alone
constexpr double kErrorWritten = 0.05;  // what BPF is told of the error, as a part of the power
constexpr double kVarianceLeast = 80, kVarianceMost = 65535;             // of entries: bpf/power_model.bpf.h
constexpr double kPowerLeast = ENERGY_WATT / 20., kPowerMost = 1 << 24;  // bpf/gate.bpf.h

WindowOptions CutterOptions(const CoreModelOptions& options, uint32_t core) {
  WindowOptions cutter;
  cutter.package = core;
  cutter.core_of_cpu.assign(options.threads[core], 0);
  cutter.joules_per_count = options.joules_per_count;
  cutter.period_ns = options.period_ns;
  cutter.max_watts = options.max_watts;
  cutter.lag_ns = CoreModel::kLagNs;
  cutter.longest_periods = kLongest;
  return cutter;
}

PackageModelOptions ModelOptions(const CoreModelOptions& options) {
  PackageModelOptions model;
  model.cores.assign(options.threads.size(), 1);
  model.max_watts = options.max_watts;
  model.joules_per_count = options.joules_per_count;
  model.most_deviations = kMostDeviations;
  model.uncore = false;
  return model;
}

// The part of an entry that is written: it lies in one word, so that it can be exchanged at once.
struct Guess {
  uint32_t power;
  uint16_t variance, comm_class;
};
static_assert(sizeof(Guess) == sizeof(uint64_t) && offsetof(energy_power, power) % sizeof(uint64_t) == 0 &&
                  offsetof(energy_power, comm_class) ==
                      offsetof(energy_power, power) + offsetof(Guess, comm_class),
              "as bpf/energy.h has it");

}  // namespace

CoreModel::CoreModel(const CoreModelOptions& options) : model_(ModelOptions(options)) {
  for (uint32_t core = 0; core < options.threads.size(); core++)
    cutters_.emplace_back(CutterOptions(options, core));
}

void CoreModel::BeginBurst(uint64_t now_ns) {
  for (WindowCutter& cutter : cutters_) cutter.BeginBurst(now_ns);
}

void CoreModel::AddRecords(size_t core, size_t cpu_of_core, const SwitchRecord* records, size_t count,
                           bool lost) {
  cutters_[core].AddRecords(cpu_of_core, records, count, lost);
}

void CoreModel::AddUpdate(size_t core, const CounterEdge& update) { cutters_[core].AddEdge(update); }

void CoreModel::Learn(uint64_t now_ns, const std::function<Actor(uint32_t tgid)>& find) {
  for (WindowCutter& cutter : cutters_) {
    for (Window& window : cutter.Cut(now_ns)) {
      for (WindowTask& task : window.tasks) seen_[task.tgid] = task.who = find(task.tgid);
      model_.Learn(window);
    }
  }
}

std::vector<LearnedPower> CoreModel::TakePowers() {
  std::vector<LearnedPower> powers;
  std::vector<uint32_t> tgids;
  std::vector<Actor> actors;
  for (const auto& [tgid, actor] : seen_) tgids.push_back(tgid), actors.push_back(actor);
  seen_.clear();
  const std::vector<ActorPower> found = model_.PowersOf(actors);
  for (size_t i = 0; i < found.size(); i++)
    if (found[i].seen_s >= kEnoughSeenS) powers.push_back({tgids[i], found[i].watts, found[i].error_w});
  return powers;
}

WindowCounts CoreModel::counts() const {
  WindowCounts sum;
  for (const WindowCutter& cutter : cutters_) {
    const WindowCounts& counts = cutter.counts();
    sum.cut += counts.cut, sum.wide += counts.wide, sum.length += counts.length;
    sum.lost += counts.lost, sum.energy += counts.energy;
  }
  return sum;
}

bool CorrectPower(energy_power* entry, const LearnedPower& learned, double joules_per_unit) {
  // Of 2^-12 units per ns.
  const double power_w = joules_per_unit * 1e9 / (1 << ENERGY_POWER_FRACTION);
  auto* word = reinterpret_cast<uint64_t*>(&entry->power);
  uint64_t before = __atomic_load_n(word, __ATOMIC_ACQUIRE);
  if (__atomic_load_n(&entry->owner, __ATOMIC_RELAXED) != learned.tgid + 1) return false;
  Guess guess;
  memcpy(&guess, &before, sizeof(guess));
  if (!(learned.watts > 0) || !(std::abs(guess.power * power_w / learned.watts - 1) > kOff)) return false;
  guess.power = std::clamp(learned.watts / power_w, kPowerLeast, kPowerMost);
  guess.variance = std::clamp(std::pow(kErrorWritten, 2) * 65536, kVarianceLeast, kVarianceMost);
  uint64_t after;
  memcpy(&after, &guess, sizeof(after));
  return __atomic_compare_exchange_n(word, &before, after, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}
