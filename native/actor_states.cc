// SPDX-License-Identifier: Apache-2.0
#include "actor_states.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace {

// All of these are from the simulations of the study, where its seeds were tuned; none is critical.
constexpr double kWeight = 0.95;         // of the run time that gives weight at the gate is kept each time
constexpr double kEnoughSeenS = 0.03;    // thread seconds before a process has a state of its own
constexpr double kEnoughRecentS = 1e-4;  // and of them recently
constexpr double kGoneS = 1e-5;          // less than that recently: forgotten, if it has no state
constexpr size_t kMostProcesses = 8192;  // that are remembered at all
constexpr size_t kSpareStates = 8;       // kept free for new executables until the next rebalancing
constexpr double kExecutableTauS = 150,
                 kProcessTauS = 30;  // a power wanders by kWander of the mean in that time
constexpr double kWidest = 2;        // variances grow up to so many times that of something unknown
// What was seen since the last prices tells who ran beside whom, when it is much more than this; else what
// was seen before does.
constexpr double kTrustS = 0.005;

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

void ActorStates::Note(const WindowTask& task, const RunTime& run) {
  const auto add = [&](ActorState* actor) {
    if (actor->interval_number != interval_number_) actor->interval = {};
    actor->interval_number = interval_number_;
    actor->interval.Add(run);
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
  recent_.Add(run);
}

int ActorStates::ExecutableState(const Actor& who) const {
  const auto found = executables_.find(who.executable);
  return found == executables_.end() ? -1 : found->second.state;
}

int ActorStates::ProcessState(const Actor& who) const {
  const auto found = processes_.find(who.process);
  return found == processes_.end() ? -1 : found->second.state;
}

double ActorStates::Together(const Actor& who) const {
  double part = recent_.Together();
  const auto sharpen = [&](const Map& actors, uint64_t key) {
    const auto found = actors.find(key);
    if (found == actors.end()) return;
    const ActorState& actor = found->second;
    const auto blend = [&](const RunTime& seen) {
      part = (seen.together_s + kTrustS * part) / (seen.run_s + kTrustS);
    };
    blend(actor.recent);
    if (actor.interval_number == interval_number_) blend(actor.interval);
  };
  sharpen(executables_, who.executable);
  sharpen(processes_, who.process);
  return part;
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
  const auto fade = [](ActorState* actor) {
    actor->recent.Scale(kRecentRun);
    actor->weight_s *= kWeight;
  };
  recent_.Scale(kRecentRun);
  for (auto entry = executables_.begin(); entry != executables_.end();) {
    fade(&entry->second);
    const bool gone = entry->second.state < 0 && entry->second.recent.run_s < kGoneS;
    entry = gone ? executables_.erase(entry) : std::next(entry);
  }
  const double least = processes_.size() > kMostProcesses ? kEnoughRecentS : kGoneS;
  for (auto entry = processes_.begin(); entry != processes_.end();) {
    fade(&entry->second);
    const bool gone = entry->second.state < 0 && entry->second.recent.run_s < least;
    entry = gone ? processes_.erase(entry) : std::next(entry);
  }
}

void ActorStates::Rebalance() {
  MakeRoom();
  ShareRoom();
  Forget();
}
