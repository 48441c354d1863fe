// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unordered_map>
#include <utility>

#include "kalman.h"
#include "windows.h"

// Run time, and the part of it while another thread of the same core was busy.
struct RunTime {
  double run_s = 0, together_s = 0;

  // Seconds of a core that was awake for this: the threads of a core share it.
  double ActiveCore() const { return run_s - together_s / 2; }
  // Seconds of a thread that had a core of its own: beside another it does 11/16 of the work (the product's
  // weight of threads that run together, bpf/smt.bpf.h).
  double Thread() const { return run_s - together_s * 5 / 16; }
  double Together() const { return run_s > 0 ? together_s / run_s : 0; }
  void Add(const RunTime& other) { run_s += other.run_s, together_s += other.together_s; }
  void Scale(double factor) { run_s *= factor, together_s *= factor; }
};

// What is known of a process, or of an executable: how much it ran, and its state in the filter, which is by
// how much its power per thread differs from the machine's (of a process: from its executable's).
struct ActorState {
  int state = -1;           // none
  uint64_t executable = 0;  // of a process
  RunTime recent;           // fades with kRecentRun
  double weight_s = 0;      // thread seconds, fading slower: who counts at the gate
  double seen_s = 0;        // thread seconds since it came
  // Since prices were last asked for: what has been priced, for how much, and what has not yet (of
  // processes).
  RunTime interval, unpriced;
  double interval_j = 0;
  uint64_t interval_number = 0;
};

// The states that tell what a task draws; -1: none.
struct OwnStates {
  int executable = -1, process = -1;
  // The executable has hardly run yet. What it does first (exec, the loader) tells little of what it draws.
  bool begins = false;
};

struct Known {
  OwnStates states;
  // What was priced since prices were last asked for, and for how much.
  double interval_j = 0, interval_thread_s = 0;
  // The part of its run time that a task runs beside others: as seen since the last prices, or recently, of
  // itself, its executable, or everybody.
  double together = 0;
  // How much of the variance among an executable's processes no state tells for this one.
  double unknown = 1;
};

// The executables and processes that have run, and who of them has a state. The states of executables come
// first; what room they leave is for the processes with the most run time.
class ActorStates {
 public:
  using Map = std::unordered_map<uint64_t, ActorState>;

  ActorStates(KalmanFilter* filter, double executable_watts, double process_watts);

  // The task's share of a window: the executable's state is made if there is none yet.
  OwnStates Note(const WindowTask& task, const RunTime& run);
  Known Find(const Actor& who) const;
  void BeginInterval() { interval_number_++; }

  // Prices what has run since it was last called by `joules(run time, states)`.
  template <typename Joules>
  void PriceInterval(Joules joules) {
    for (auto& [key, process] : processes_) {
      if (process.interval_number != interval_number_ || process.unpriced.run_s <= 0) continue;
      ActorState& executable = executables_[process.executable];
      const RunTime run = std::exchange(process.unpriced, {});
      process.interval_j += joules(run, OwnStates{executable.state, process.state});
      process.interval.Add(run);
      Begin(&executable);
      executable.interval.Add(run);
    }
  }

  // Once per kRebalanceSeconds: gives and takes states, lets run time fade, forgets who is gone.
  void Rebalance();
  // Widens what is known by the passing of time: `watts` is how far a power wanders, see FadeStates().
  void Fade(double seconds, double watts);

  // Of these tasks some draw otherwise than they did, by so much energy squared (J^2): what is known of each
  // widens, the more the longer it ran.
  void Doubt(const std::vector<WindowTask>& tasks, double square_j);

  const Map& executables() const { return executables_; }
  const Map& processes() const { return processes_; }
  const RunTime& recent() const { return recent_; }
  double executable_watts() const { return executable_watts_; }
  double process_watts() const { return process_watts_; }

 private:
  void Begin(ActorState* actor) const;
  void Give(ActorState* actor, double watts);
  void Take(ActorState* actor);
  void FadeAll(Map* actors, double added, double prior);
  void MakeRoom();
  void ShareRoom();
  void Forget();

  KalmanFilter* filter_;
  double executable_watts_, process_watts_;
  uint64_t interval_number_ = 1;
  Map executables_, processes_;
  RunTime recent_;
};

// States are given and taken, and run time fades, every so many seconds (study).
constexpr double kRebalanceSeconds = 0.5;
// Run time that counts as recent keeps so much each time (study).
constexpr double kRecentRun = 0.8;
