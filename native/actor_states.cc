// SPDX-License-Identifier: Apache-2.0
#include "actor_states.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace {

// All of these are from the simulations of the study, where its seeds were tuned; none is critical.
constexpr double kWeight = 0.95;         // of the run time that gives weight at the gate is kept each time
constexpr double kEnoughSeenS = 0.03;    // thread seconds before a process has a state of its own
constexpr double kBeginsS = 0.004;       // thread seconds for which an executable begins
constexpr double kEnoughRecentS = 1e-4;  // and of them recently
constexpr double kGoneS = 1e-5;          // less than that recently: forgotten, if it has no state
constexpr size_t kMostProcesses = 4096;  // that are remembered, between two rebalancings more
constexpr size_t kSpareStates = 8;       // kept free for new executables until the next rebalancing
constexpr double kExecutableTauS = 150,
                 kProcessTauS = 30;  // a power wanders by kWander of the mean in that time
constexpr double kWidest = 2;        // variances grow up to so many times that of something unknown
// What was seen since the last prices tells who ran beside whom, when it is much more than this; else what
// was seen before does.
constexpr double kTrustS = 0.005;

// An executable's state tells what its only process draws, but not that this may change sooner than what
// executables draw does: so much of a process's own variance remains (tried: 0 covers too few, 1 learns
// longer).
constexpr double kAlone = 0.25;

}  // namespace

ActorStates::ActorStates(KalmanFilter* filter, double executable_watts, double process_watts)
    : filter_(filter), executable_watts_(executable_watts), process_watts_(process_watts) {}

void ActorStates::Give(ActorState* actor, double watts) {
  if (actor->state < 0) actor->state = filter_->Allocate(0, watts * watts);
}

void ActorStates::Take(ActorState* actor) {
  if (actor->state >= 0) filter_->Drop(actor->state);
  actor->state = -1;
}

// What an actor did in an earlier interval does not count in this one.
void ActorStates::Begin(ActorState* actor) const {
  if (actor->interval_number == interval_number_) return;
  actor->interval = actor->unpriced = {};
  actor->interval_j = 0;
  actor->interval_number = interval_number_;
}

OwnStates ActorStates::Note(const WindowTask& task, const RunTime& run) {
  const auto add = [&](ActorState* actor) {
    actor->recent.Add(run);
    actor->weight_s += run.Thread();
    actor->seen_s += run.Thread();
  };
  ActorState& executable = executables_[task.who.executable];
  Give(&executable, executable_watts_);
  add(&executable);
  ActorState& process = processes_[task.who.process];
  process.executable = task.who.executable;
  add(&process);
  Begin(&process);
  process.unpriced.Add(run);
  recent_.Add(run);
  return {executable.state, process.state, executable.seen_s < kBeginsS};
}

Known ActorStates::Find(const Actor& who) const {
  Known known;
  known.together = recent_.Together();
  const auto blend = [&](const RunTime& seen) {
    known.together = (seen.together_s + kTrustS * known.together) / (seen.run_s + kTrustS);
  };
  const auto sharpen = [&](const ActorState& actor) {
    blend(actor.recent);
    if (actor.interval_number == interval_number_) blend(actor.interval);
  };
  const auto executable = executables_.find(who.executable);
  const auto process = processes_.find(who.process);
  if (executable == executables_.end()) return known;
  known.states.executable = executable->second.state;
  sharpen(executable->second);
  if (process == processes_.end()) return known;
  known.states.process = process->second.state;
  sharpen(process->second);
  if (process->second.interval_number == interval_number_) {
    known.interval_j = process->second.interval_j;
    known.interval_thread_s = process->second.interval.Thread();
  }
  const double all_s = executable->second.recent.run_s;
  const double others = all_s > 0 ? 1 - process->second.recent.run_s / all_s : 1;
  known.unknown = known.states.process >= 0 ? 0 : std::clamp(others, kAlone, 1.0);
  return known;
}

void ActorStates::FadeAll(Map* actors, double added, double prior) {
  for (auto& [key, actor] : *actors)
    if (actor.state >= 0) filter_->Fade(actor.state, added, kWidest * prior * prior);
}

void ActorStates::Fade(double seconds, double watts) {
  const double variance = 2 * seconds * watts * watts;
  FadeAll(&executables_, variance / kExecutableTauS, executable_watts_);
  FadeAll(&processes_, variance / kProcessTauS, process_watts_);
}

void ActorStates::Doubt(const std::vector<WindowTask>& tasks, double square_j) {
  const auto thread_s = [](const WindowTask& task) { return RunTime{task.run_s, task.together_s}.Thread(); };
  double all_s = 0;
  for (const WindowTask& task : tasks) all_s += thread_s(task);
  if (!(all_s > 0)) return;
  for (const WindowTask& task : tasks) {
    const double variance = square_j * thread_s(task) / std::pow(all_s, 3);
    const OwnStates states = Find(task.who).states;
    const auto widen = [&](int state, double prior) {
      if (state >= 0) filter_->Fade(state, variance, kWidest * prior * prior);
    };
    widen(states.executable, executable_watts_);
    widen(states.process, process_watts_);
  }
}

// Executables that have not run for long give way, the least first, when there are more than states.
void ActorStates::MakeRoom() {
  if (filter_->Room() >= kSpareStates) return;
  std::vector<std::pair<double, ActorState*>> order;
  for (auto& [key, executable] : executables_)
    if (executable.state >= 0) order.push_back({executable.weight_s, &executable});
  const size_t most = std::min(order.size(), kSpareStates - filter_->Room());
  std::partial_sort(order.begin(), order.begin() + most, order.end());
  for (size_t i = 0; i < most; i++) Take(order[i].second);
}

// A process has a state of its own if its executable has several that run: the only one of an executable is
// told by the executable's.
void ActorStates::ShareRoom() {
  std::unordered_map<uint64_t, int> running;
  std::vector<std::pair<double, ActorState*>> order;
  size_t room = filter_->Room();
  for (auto& [key, process] : processes_) {
    if (process.recent.Thread() > kEnoughRecentS) {
      running[process.executable]++;
      order.push_back({process.recent.Thread(), &process});
    } else if (process.state >= 0) {
      Take(&process);
      room++;
      continue;
    }
    if (process.state >= 0) room++;
  }
  room -= std::min(room, kSpareStates);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<ActorState*> chosen;
  for (const auto& [run, process] : order) {
    const bool told = running[process->executable] < 2 && process->state < 0;
    if (chosen.size() < room && !told && process->seen_s >= kEnoughSeenS)
      chosen.push_back(process);
    else
      Take(process);
  }
  for (ActorState* process : chosen) Give(process, process_watts_);
}

void ActorStates::Forget() {
  recent_.Scale(kRecentRun);
  std::vector<double> run_s;
  for (Map* actors : {&executables_, &processes_})
    for (auto& [key, actor] : *actors) {
      actor.recent.Scale(kRecentRun);
      actor.weight_s *= kWeight;
    }
  for (const auto& [key, process] : processes_) run_s.push_back(process.recent.run_s);
  double least = kGoneS;
  if (run_s.size() > kMostProcesses) {
    std::nth_element(run_s.begin(), run_s.end() - kMostProcesses, run_s.end());
    least = std::max(least, run_s[run_s.size() - kMostProcesses]);
  }
  const auto forget = [](Map* actors, double least_s) {
    for (auto entry = actors->begin(); entry != actors->end();) {
      const bool gone = entry->second.state < 0 && entry->second.recent.run_s < least_s;
      entry = gone ? actors->erase(entry) : std::next(entry);
    }
  };
  forget(&executables_, kGoneS);
  forget(&processes_, least);
}

void ActorStates::Rebalance() {
  ShareRoom();
  MakeRoom();
  Forget();
}
