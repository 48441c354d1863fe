// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "actor_states.h"
#include "kalman.h"
#include "windows.h"

struct PackageModelOptions {
  std::vector<uint32_t> cores;  // of each package, not threads
  double max_watts = 0;         // the most that a package can draw
  double joules_per_count = 0;  // of its counter
  size_t most_deviations =
      256;  // states for executables and processes; the time per window grows as its square
  // Counters of packages have a part that no task draws. Counters of single cores have none: a "package" is
  // then a core (cores: 1 each), and no part of a thread's power is its core's: one filter cannot tell them
  // apart there. By how much all power wanders is learned, as frequencies of single cores may change.
  bool uncore = true;
};

// What a process, or a CPU's idle task, ran in an interval. Processes that ran on several CPUs may have
// several rows.
struct IntervalRow {
  Actor who;         // who.process 0: idle time
  double run_s = 0;  // who ran beside whom is not known here: the model has the part of it from the windows
};

struct Interval {
  uint32_t package = 0;
  double end_s = 0;    // CLOCK_MONOTONIC, the clock of the windows
  double seconds = 0;  // length
  std::vector<IntervalRow> rows;
};

// What the model says that a package drew in an interval, for whom. The counter knows the sum better: whoever
// prices scales all (rows, shared_j; idle_j is in the rows of idle time, if there are any) to what it
// counted.
struct Prediction {
  bool learned = false;         // false: nothing to go by (yet, or no longer); all else is 0 and NAN then
  double gate = 0;              // 0: tasks are priced alike per second of run time, 1: each by its own power
  double shared_j = 0;          // the package's static part, which is nobody's
  double idle_j = 0;            // of idle cores
  std::vector<double> joules;   // of each row; those of idle time have their part of idle_j
  std::vector<double> error_j;  // standard deviation of each, on the same scale; NAN for idle time
};

// What a process draws per thread second without a busy thread beside it, common part and its own.
struct ActorPower {
  double watts = 0, error_w = 0;  // and its standard deviation; 0: powers do not differ by more than chance
  double seen_s = 0;              // thread seconds that tell of it; 0: nothing does
};

// Learns the power of executables and processes from windows of all packages of a machine. What a package
// draws is taken to be
//   static x time - asleep x time with all cores idle + idle x core seconds idle
//   + sum over tasks of (active x core seconds awake + (thread + executable's + process's) x thread seconds)
// and a Kalman filter with full covariance learns the powers. Pure: no clock, no I/O; one thread at a time.
class PackageModel {
 public:
  explicit PackageModel(const PackageModelOptions& options);
  PackageModel(const PackageModel&) = delete;

  // Windows come in the order of time per package.
  void Learn(const Window& window);
  // Intervals are asked for when their windows have been learned from, those of all packages in a row: what
  // was seen counts for an interval until prices of as many packages as there are were asked for.
  Prediction Predict(const Interval& interval);
  // As it runs as of late. In their order.
  std::vector<ActorPower> PowersOf(const std::vector<Actor>& actors) const;

  // How much of each second is worth being learned from: 1000, 300 or 100 ms.
  int BurstMs() const { return burst_ms_; }
  // Times that it had to begin anew (a number went wrong, a power was absurd).
  uint64_t restarts() const { return restarts_; }

  // CPUs came or went.
  void SetCores(const std::vector<uint32_t>& cores) { options_.cores = cores; }

 private:
  // States that are not somebody's: the first of the filter.
  enum Common { kStatic, kIdle, kActive, kThread, kAsleep, kCommons };

  // Without windows for kStaleS nobody is told apart any longer, for kForgottenS nothing at all is known.
  static constexpr double kStaleS = 10, kForgottenS = 600;
  static constexpr double kMeanActive = 0.8;  // core seconds awake in a thread second, about
  // Standard deviations, as parts of a thread's power: of executables, and of an executable's processes.
  static constexpr double kExecutableSpread = 0.45, kProcessSpread = 0.2;

  // What a package did in a time, summed.
  struct Sums {
    double seconds = 0, cores_idle_s = 0, package_idle_s = 0;
    void Add(const Sums& other);
    void Scale(double factor) { seconds *= factor, cores_idle_s *= factor, package_idle_s *= factor; }
  };
  struct Package {
    int drift = -1;            // state: by which part all of its power is off for some windows
    double last_s = NAN;       // end of the last window
    double last_surprise = 0;  // its residual, in standard deviations
    int far_side = 0;          // of what was expected it was far off to: 1 above, -1 below, 0 neither
    Sums recent;
    // Since prices were last asked for, as of tasks: see ActorState.
    Sums interval, unpriced;
    double shared_j = 0, idle_j = 0;
  };
  struct Block {  // of windows in a row
    double residual = 0, variance = 0, seconds = 0;
  };
  struct Start {  // what was seen until there is enough to begin with
    double seconds = 0, joules = 0;
    RunTime run;
  };
  struct Load {  // a process, to be priced
    RunTime run;
    Known known;
  };
  struct Total {  // of all that a package did, for errors of parts
    double joules = 0, variance = 0;
    std::vector<double> covariance;  // with each state
  };
  struct Priced {
    double shared_j = 0, idle_j = 0;
    std::vector<double> joules;  // of each load
    Total total;
  };

  void Begin(const Window& window);
  void BeginAnew();
  void LearnWindow(const Window& window);
  void BeginInterval();
  void AddTerm(int state, double factor);
  void AddSums(const Sums& sums);
  void AddLoad(const RunTime& run, const OwnStates& states);
  const std::vector<KalmanFilter::Term>& TakeTerms();
  void Fade(double seconds);
  void Drift(Package* package, const Window& window, double joules);
  void ReviewDrift(Package* package, const Window& window, double surprise);
  void Observe(const Window& window, const Sums& sums);
  void DoubtTasks(const Window& window, const KalmanFilter::Innovation& seen);
  void AddToBlock(const KalmanFilter::Innovation& seen, double seconds);
  void Clamp();
  bool Sound() const;
  bool Fresh(const Package& package, double now_s) const { return now_s - package.last_s < kStaleS; }

  double Mean(Common state) const { return filter_.Mean(state); }
  double MeanThreadWatts() const { return kMeanActive * Mean(kActive) + Mean(kThread); }
  double Joules(const RunTime& run, const OwnStates& states, double gate) const;
  double IntervalJoules(const Load& load, double gate) const;
  Sums SumsOf(const Interval& interval, const std::vector<Load>& loads) const;
  std::array<KalmanFilter::Term, 4> TermsOf(const Load& load) const;
  double OwnVariance(const Load& load) const;
  double ErrorOf(const Load& load, double joules, double variance) const;
  std::vector<Load> LoadsOf(const Interval& interval, std::vector<int>* load_of_row) const;
  double Error(const Load& load, double joules, const Total& total) const;
  double Gate() const;
  double GateOf(const ActorStates::Map& actors) const;
  void PriceInterval();
  double SharedJoules(const Sums& sums) const;
  Priced Price(const Sums& sums, const std::vector<Load>& loads, double gate);
  void ReviewBurst();

  PackageModelOptions options_;
  KalmanFilter filter_;
  std::optional<ActorStates> actors_;  // once it has begun
  std::vector<Package> packages_;
  Start start_;
  double drift_ = 0;     // by which part all power wanders: its standard deviation
  double noise_ = 0;     // variance of what a window draws beyond the states, as a part of its square
  double surprise_ = 1;  // mean square of the residuals by their variance: 1 if all is as assumed
  // The same of the residuals' sums over blocks of windows: more if power sways for longer than a window, so
  // that many of them tell less than their number says. 0: not looked at.
  double sway_ = 0;
  Block block_;
  double begun_s_ = 0, last_s_ = 0, unfaded_s_ = 0, rebalanced_s_ = 0, reviewed_s_ = 0;
  size_t asked_ = 0;  // times that prices were asked for since the interval began
  int burst_ms_ = 1000;
  uint64_t restarts_ = 0;
  std::vector<KalmanFilter::Term> terms_;
  std::vector<double> factor_;  // of each state in terms_
};
