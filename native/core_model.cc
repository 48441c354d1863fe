// SPDX-License-Identifier: Apache-2.0
#include "core_model.h"

#include <algorithm>

namespace {

constexpr uint64_t kSecondNs = 1'000'000'000, kCorrectionNs = 24'000'000;
constexpr size_t kMostDeviations = 64;  // more states gain nothing, and cost as their square
// A window is one update long: that tells twice as much as two of them, of tasks that take turns within
// microseconds. Updates are missed where nobody switches near them; such a window is long, and tells the
// less.
constexpr double kShortest = 0.5, kLongest = 12;  // periods
// Thread seconds before a power is worth anything, and after which it is not new any more.
constexpr double kEnoughSeenS = 0.03, kKnownS = 0.5;
constexpr double kNewPart = 0.1;   // of all run time, from which on all of each second is taken
constexpr double kLate = 0.9;      // what is kept of "of late" at each correction
constexpr double kRegained = 0.1;  // of the time may be full

WindowOptions CutterOptions(const CoreModelOptions& options, uint32_t core) {
  WindowOptions cutter;
  cutter.package = core;
  cutter.core_of_cpu.assign(options.threads[core], 0);
  cutter.joules_per_count = options.joules_per_count;
  cutter.period_ns = options.period_ns;
  cutter.max_watts = options.max_watts;
  cutter.lag_ns = CoreModel::kLagNs;
  cutter.shortest_periods = kShortest;
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

}  // namespace

CoreModel::CoreModel(const CoreModelOptions& options)
    : most_cores_(options.most_cores), model_(ModelOptions(options)), correction_(options.threads.size()) {
  for (uint32_t core = 0; core < options.threads.size(); core++)
    cutters_.emplace_back(CutterOptions(options, core));
}

void CoreModel::BeginBurst(uint64_t now_ns) {
  for (WindowCutter& cutter : cutters_) cutter.BeginBurst(now_ns);
  Spend(now_ns);
}

bool CoreModel::Listens(size_t core) const {
  return (core + cutters_.size() - first_core_) % cutters_.size() < most_cores_;
}

void CoreModel::AddRecords(size_t core, size_t cpu_of_core, const SwitchRecord* records, size_t count,
                           bool lost) {
  if (Listens(core)) cutters_[core].AddRecords(cpu_of_core, records, count, lost);
}

void CoreModel::AddUpdate(size_t core, const CounterEdge& update) {
  if (Listens(core)) cutters_[core].AddEdge(update);
}

void CoreModel::Learn(uint64_t now_ns, const std::function<Actor(uint32_t tgid)>& find) {
  for (WindowCutter& cutter : cutters_) {
    for (Window& window : cutter.Cut(now_ns)) {
      for (WindowTask& task : window.tasks) {
        task.who = find(task.tgid);
        const double thread_s = RunTime{task.run_s, task.together_s}.Thread();
        RanProcess& ran = ran_[task.tgid];
        ran.who = task.who;
        ran.thread_s += thread_s;
        correction_.AddRun(window.package, task.tgid, thread_s);
      }
      model_.Learn(window);
    }
  }
  Spend(now_ns);
  if (now_ns - turned_ns_ >= kSecondNs) Turn(now_ns);
}

// Others have their turn: what is known of them ends where it began.
void CoreModel::Turn(uint64_t now_ns) {
  turned_ns_ = now_ns;
  correction_.Forget();
  if (most_cores_ >= cutters_.size()) return;
  first_core_ = (first_core_ + most_cores_) % cutters_.size();
  for (WindowCutter& cutter : cutters_) cutter.BeginBurst(now_ns);
}

void CoreModel::Spend(uint64_t now_ns) {
  const double passed_ns = spent_ns_ ? std::min(now_ns - spent_ns_, kSecondNs) : 0;
  spent_ns_ = now_ns;
  full_ns_ = std::min(full_ns_ + (BurstMs() == kShortMs ? kRegained : -1) * passed_ns, kFullNs);
}

size_t CoreModel::Correct(uint64_t now_ns, energy_power* powers, double joules_per_unit) {
  if (now_ns - corrected_ns_ < kCorrectionNs) return 0;
  corrected_ns_ = now_ns;
  return correction_.Correct(TakePowers(), powers, joules_per_unit);
}

// Of those who ran since the last call those who are known well enough. Notes how many are new.
std::vector<LearnedPower> CoreModel::TakePowers() {
  std::vector<LearnedPower> powers;
  std::vector<Actor> actors;
  for (const auto& [tgid, ran] : ran_) actors.push_back(ran.who);
  const std::vector<ActorPower> found = model_.PowersOf(actors);
  all_s_ *= kLate, new_s_ *= kLate;
  size_t i = 0;
  for (const auto& [tgid, ran] : ran_) {
    const ActorPower& power = found[i++];
    all_s_ += ran.thread_s;
    if (power.seen_s < kEnoughSeenS) continue;
    if (power.seen_s < kKnownS) new_s_ += ran.thread_s;
    if (power.watts > 0) powers.push_back({tgid, power.watts, power.error_w});
  }
  ran_.clear();
  is_new_ = new_s_ >= kNewPart * all_s_;
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
