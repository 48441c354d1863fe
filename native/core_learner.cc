// SPDX-License-Identifier: Apache-2.0
#include "core_learner.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "actors.h"
#include "clock.h"
#include "core_model.h"
#include "energy.h"
#include "energy.skel.h"
#include "program.h"
#include "switch_log.h"
#include "update_log.h"

namespace {

constexpr int64_t kMsNs = 1'000'000, kSecondNs = 1'000'000'000;
constexpr int64_t kLookNs = CoreModel::kLookNs;
// Where cores take turns, each has so long a one.
constexpr int64_t kTurnNs = 100 * kMsNs;
// A core that has fewer windows in that time rests.
constexpr uint64_t kLeastWindows = 1;
// A period that is found to be otherwise by more than this part is another counter's.
constexpr double kSamePeriod = 0.1;
// Of one CPU's time, what the thread may use, and what it may have saved up: what is new is worth more.
constexpr double kBudget = 0.02, kSavedNs = 0.25e9;
// What learning from one core costs at first: 1000 windows a second of 8 us each.
constexpr double kFirstCost = 0.008, kCostStep = 0.25;
// BPF reads a counter that moves all the time so often.
constexpr double kReadsNs = 1e6;
// What a core can draw where nobody says it.
constexpr double kMostCoreWatts = 1000;

WindowCounts& operator+=(WindowCounts& a, const WindowCounts& b) {
  a = {a.cut + b.cut, a.wide + b.wide, a.length + b.length, a.lost + b.lost, a.energy + b.energy};
  return a;
}

struct Core {
  uint32_t zone;
  std::vector<uint32_t> cpus;
};

std::vector<Core> CoresOf(const std::vector<int32_t>& zone_of_cpu) {
  std::vector<Core> cores;
  for (uint32_t cpu = 0; cpu < zone_of_cpu.size(); cpu++) {
    if (zone_of_cpu[cpu] < 0) continue;
    const uint32_t zone = zone_of_cpu[cpu];
    auto its = std::find_if(cores.begin(), cores.end(), [&](const Core& core) { return core.zone == zone; });
    if (its == cores.end()) its = cores.insert(its, {zone, {}});
    its->cpus.push_back(cpu);
  }
  return cores;
}

CoreModelOptions ModelOptions(const std::vector<Core>& cores, const ProbeOptions& probe, double period_ns) {
  CoreModelOptions options;
  for (const Core& core : cores) options.threads.push_back(core.cpus.size());
  options.joules_per_count = probe.joules_per_count;
  options.period_ns = period_ns > 0 ? period_ns : kReadsNs;
  options.max_watts = probe.max_watts > 0 ? probe.max_watts : kMostCoreWatts;
  return options;
}

std::vector<uint32_t> CpusOf(const std::vector<Core>& cores) {
  std::vector<uint32_t> cpus;
  for (const Core& core : cores) cpus.insert(cpus.end(), core.cpus.begin(), core.cpus.end());
  return cpus;
}

std::vector<uint32_t> ZonesOf(const std::vector<Core>& cores) {
  std::vector<uint32_t> zones;
  for (const Core& core : cores) zones.push_back(core.zone);
  return zones;
}

}  // namespace

// What the thread works with, for these cores.
struct CoreLearner::Tools {
  Tools(Program* program, std::vector<Core> found, double period_ns)
      : cores(std::move(found)),
        switches(program->logs(), &program->skeleton().bss->logging, CpusOf(cores)),
        updates(program->updates(), ZonesOf(cores)),
        actors(program->cpus()),
        model(ModelOptions(cores, program->options(), period_ns)) {
    for (const Core& core : cores) {
      first.push_back(cpu_count);
      cpu_count += core.cpus.size();
    }
  }

  std::vector<Core> cores;
  std::vector<size_t> first;  // by core: the index of its first CPU in `switches`
  size_t cpu_count = 0;
  SwitchLog switches;
  UpdateLog updates;
  ActorFinder actors;
  CoreModel model;
  std::vector<SwitchRecord> records;
  std::vector<CounterEdge> edges;
  uint64_t corrections = 0;
};

CoreLearner::CoreLearner(Program* program)
    : program_(program),
      period_ns_(NAN),
      zone_of_cpu_(program->cpu_count(), -1),
      cost_(kFirstCost),
      allowance_ns_(kSavedNs) {
  status_.period_ns = NAN;
}

CoreLearner::~CoreLearner() { worker_.Stop(); }

int CoreLearner::Start() {
  return worker_.Start([this] { Run(); });
}

CoreLearningStatus CoreLearner::Status() {
  std::lock_guard<std::mutex> lock(mutex_);
  CoreLearningStatus status = status_;
  status.cpu_ns = worker_.CpuNs();
  return status;
}

void CoreLearner::Tell() {
  const CoreModel& model = tools_->model;
  std::lock_guard<std::mutex> lock(mutex_);
  status_ = before_;
  status_.period_ns = learned_period_ns_;
  status_.windows += model.counts();
  status_.corrections += tools_->corrections;
  status_.restarts += model.restarts();
  status_.burst_ms = WantedNs() / kMsNs;
}

void CoreLearner::Run() {
  Worker::BePrompt();
  paid_ns_ = MonotonicNs();
  paid_cpu_ns_ = 0;
  while (!worker_.Stopping()) {
    const int64_t begin = MonotonicNs();
    if (!FindCores()) {
      worker_.SleepUntil(begin + kTurnNs);
      continue;
    }
    const Turn turn = NextTurn();
    if (turn.cores.empty()) {
      worker_.SleepUntil(begin + kTurnNs);
    } else {
      Burst(turn);
      Tell();
    }
    Pay(turn);
    const int64_t now = MonotonicNs();
    tools_->actors.Forget(now);
    // So much of each second, from where it begins: cores that take turns do so in its first part.
    const int64_t second = now / kSecondNs * kSecondNs;
    if (now - second >= WantedNs()) worker_.SleepUntil(second + kSecondNs);
  }
}

// Finds out which CPUs share which counter, and begins anew where that has changed; false: there is nothing
// to learn from yet. While a counter is bound anew its CPUs have none for a moment, and those that are
// offline have none: both say nothing new.
bool CoreLearner::FindCores() {
  const double period_ns = period_ns_.load(std::memory_order_relaxed);
  if (std::isnan(period_ns)) return false;
  bool changed = !tools_ || Differs(period_ns);
  for (uint32_t cpu = 0; cpu < zone_of_cpu_.size(); cpu++) {
    const int32_t zone = __atomic_load_n(&program_->cpus()[cpu].zone, __ATOMIC_ACQUIRE);
    if (zone < 0 || zone == zone_of_cpu_[cpu]) continue;
    zone_of_cpu_[cpu] = zone;
    changed = true;
  }
  if (!changed) return true;
  if (tools_) {
    before_.windows += tools_->model.counts();
    before_.corrections += tools_->corrections;
    before_.restarts += tools_->model.restarts() + 1;
    tools_.reset();
  }
  std::vector<Core> cores = CoresOf(zone_of_cpu_);
  if (cores.empty()) return false;
  learned_period_ns_ = period_ns;
  next_core_ = 0;
  tools_ = std::make_unique<Tools>(program_, std::move(cores), period_ns);
  return true;
}

bool CoreLearner::Differs(double period_ns) const {
  return std::abs(period_ns - learned_period_ns_) > kSamePeriod * learned_period_ns_;
}

// For how long of each second it is worth to listen. Where hardly anything runs there is little to learn.
int64_t CoreLearner::WantedNs() const { return rests_ ? kTurnNs : tools_->model.BurstMs() * kMsNs; }

// All cores for as long as the model wants, if there is the CPU time for it. Else as many as there is time
// for, by turns.
CoreLearner::Turn CoreLearner::NextTurn() {
  std::vector<size_t> listening;
  for (size_t i = 0; i < tools_->cores.size(); i++)
    if (tools_->model.Listens(i)) listening.push_back(i);
  const size_t count = listening.size();
  const int64_t now = MonotonicNs();
  Turn turn;
  turn.length_ns = std::min(WantedNs(), (now / kSecondNs + 1) * kSecondNs - now);
  const bool all = allowance_ns_ >= cost_ * count * turn.length_ns;
  if (!all) turn.length_ns = kTurnNs;
  const double affordable = std::max(0.0, allowance_ns_ / (cost_ * turn.length_ns));
  const size_t some = all ? count : std::min<size_t>(count, affordable);
  for (size_t i = 0; i < some; i++) turn.cores.push_back(listening[(next_core_ + i) % count]);
  next_core_ = (next_core_ + some) % count;
  return turn;
}

// Reckons what a turn has cost.
void CoreLearner::Pay(const Turn& turn) {
  const int64_t now = MonotonicNs(), cpu_ns = worker_.CpuNs();
  const double used_ns = cpu_ns - paid_cpu_ns_;
  allowance_ns_ = std::min(kSavedNs, allowance_ns_ + kBudget * (now - paid_ns_) - used_ns);
  paid_ns_ = now;
  paid_cpu_ns_ = cpu_ns;
  if (turn.cores.empty()) return;
  const double cost = used_ns / (static_cast<double>(turn.length_ns) * turn.cores.size());
  cost_ += kCostStep * (cost - cost_);
}

void CoreLearner::Burst(const Turn& turn) {
  Tools& tools = *tools_;
  const int64_t begin = MonotonicNs();
  const uint64_t cut = tools.model.counts().cut;
  tools.switches.Listen();
  tools.updates.Skip();
  tools.model.BeginBurst(begin);
  int64_t now = begin;
  // What is learned may have turned out to be known.
  while (now - begin < std::min(turn.length_ns, WantedNs()) && worker_.SleepUntil(now + kLookNs)) {
    Learn(turn);
    now = MonotonicNs();
  }
  const int64_t length_ns = now - begin;
  // Windows are cut when they are a lag old.
  worker_.SleepUntil(now + CoreModel::kLagNs);
  Learn(turn);
  tools.switches.Unlisten();
  rests_ = (tools.model.counts().cut - cut) * kTurnNs < kLeastWindows * turn.cores.size() * length_ns;
}

// Takes what the logs have of these cores, learns from it, and corrects BPF's powers. Where BPF writes one at
// the same time, one of both is lost, which only costs accuracy.
void CoreLearner::Learn(const Turn& turn) {
  Tools& tools = *tools_;
  const int64_t now = MonotonicNs();
  for (size_t index : turn.cores) {
    const Core& core = tools.cores[index];
    for (size_t i = 0; i < core.cpus.size(); i++) {
      const bool lost = tools.switches.Take(tools.first[index] + i, &tools.records);
      for (const SwitchRecord& record : tools.records) tools.actors.Note(core.cpus[i], record.prev, now);
      tools.model.AddRecords(index, i, tools.records.data(), tools.records.size(), lost);
    }
    tools.updates.Take(index, &tools.edges);
    for (const CounterEdge& edge : tools.edges) tools.model.AddUpdate(index, edge);
  }
  tools.model.Learn(now, [&](uint32_t tgid) { return tools.actors.Find(tgid); });
  if (worker_.Stopping()) return;
  const double joules_per_unit = program_->options().joules_per_count * program_->unit().counts;
  tools.corrections += tools.model.Correct(now, program_->powers(), joules_per_unit);
}
