// SPDX-License-Identifier: Apache-2.0
#include "package_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace {

// Constants are those of the study, tuned in its simulated machines on other seeds than it was judged by.
constexpr double kBeginS = 0.02, kBeginRunS = 0.001;  // of windows, and of run time in them, to begin with
constexpr double kBeginAnywayS = 0.5;                 // also on a machine where nothing runs
constexpr double kThreadPart = 0.75;                  // of all power is the threads' at first
constexpr double kLeastStatic = 0.1;                  // and at least so much is not
constexpr double kLeastLoad = 0.25;   // threads per core that it is shared by: a guess from fewer is too high
constexpr double kActivePart = 0.45;  // of a thread's power is its core's that is awake
constexpr double kStaticSpread = 0.6;  // standard deviations: of the static power, as a part of it
constexpr double kIdleW = 0.1, kIdleSpreadW = 0.1;   // of an idle core
constexpr double kPartSpread = 0.25;                 // of each part of a thread's power
constexpr double kAsleepSpread = 0.3;                // of what a package draws less when all cores are idle
constexpr double kMostAsleep = 0.9;                  // of the static power
constexpr double kDrift = 0.04, kDriftTauS = 0.025;  // all power wanders by this part, for so long
constexpr double kFirstNoise = 0.0016, kLeastNoise = 1e-6, kMostNoise = 0.04;
constexpr double kNoiseStep = 0.004, kSurpriseStep = 0.002;
// Blocks of windows, and how fast what they say of power that sways is believed: phases of programs are some
// tens of ms long. Until there are some it is taken to sway.
constexpr double kBlockS = 0.1, kSwayStep = 0.1, kFirstSway = 4;
// Of counters of cores, from their own simulations (docs/adr/0019). Residuals in a row that have one sign say
// that all power wanders by more than was thought, or for longer.
constexpr double kCoreNoiseStep = 0.012;
constexpr double kCoreExecutableSpread = 0.8;  // no static part hides them
constexpr double kMostDrift = 0.25, kDriftStep = 0.01;
constexpr double kByChance = 0.05, kMostInARow = 3;  // less does not count; standard deviations
constexpr double kFarDrift = 3;                      // standard deviations: beyond, powers are wrong
constexpr double kInARowS = 1e-4;
// While an executable begins it may draw more or less by so many times a mean thread's power. Believed to
// what noise there is, one window of it would shift all that it cannot be told apart from.
constexpr double kBeginSpread = 1;
constexpr double kFarOff = 2;         // what is expected is taken to be so many times off at most
constexpr double kRobust = 12;        // a residual's square by its variance, at most
constexpr double kChanged = 0.1;      // of a residual's square that is beyond, where somebody has changed
constexpr double kFadeS = 0.1;        // states fade in steps of so long
constexpr double kCommonFade = 0.01;  // a common state wanders by this part of it in a second
constexpr double kActorFade = 0.15;   // an actor's by this part of a mean thread's, in its tau
constexpr double kLongestGapS = 60;   // more does not count
constexpr double kMostSurprise = 10;  // by which a surprise makes them fade faster
constexpr double kLeastIdleW = 0.02,
                 kLeastCommonW = 0.001;  // common states fade as if they were at least that
constexpr double kReviewS = 1;

RunTime RunOf(const WindowTask& task) { return {task.run_s, task.together_s}; }

RunTime RunOf(const Window& window) {
  RunTime sum;
  for (const WindowTask& task : window.tasks) sum.Add(RunOf(task));
  return sum;
}

}  // namespace

void PackageModel::Sums::Add(const Sums& other) {
  seconds += other.seconds;
  cores_idle_s += other.cores_idle_s;
  package_idle_s += other.package_idle_s;
}

PackageModel::PackageModel(const PackageModelOptions& options)
    : options_(options),
      filter_(kCommons + options.cores.size() + options.most_deviations),
      packages_(options.cores.size()) {}

void PackageModel::BeginAnew() {
  restarts_++;
  filter_ = KalmanFilter(kCommons + packages_.size() + options_.most_deviations);
  actors_.reset();
  start_ = {};
  packages_.assign(packages_.size(), {});
  burst_ms_ = 1000;
}

void PackageModel::Learn(const Window& window) {
  if (window.package >= packages_.size() || !(window.end_s > window.begin_s) || !(window.joules > 0) ||
      std::isinf(window.joules))
    return;
  if (actors_)
    LearnWindow(window);
  else
    Begin(window);
}

// Begins when there is enough to tell the orders of magnitude, the first power of a thread being a part of
// all power by all run time.
void PackageModel::Begin(const Window& window) {
  Start& start = start_;
  start.joules += window.joules;
  start.seconds += window.end_s - window.begin_s;
  start.run.Add(RunOf(window));
  if (start.seconds < kBeginS || (start.run.run_s < kBeginRunS && start.seconds < kBeginAnywayS)) return;
  const RunTime run = start.run;
  const double watts = start.joules / start.seconds, threads = run.Thread() / start.seconds;
  const double cores = std::accumulate(options_.cores.begin(), options_.cores.end(), 0.0) / packages_.size();
  const double part = options_.uncore ? kThreadPart : 1;
  const double thread_w = part * watts / std::max(threads, kLeastLoad * cores);
  const double static_w = std::max(kLeastStatic * watts, watts - thread_w * threads);
  // Both parts together are such a thread's power in the mean, with what runs together here.
  const double active = options_.uncore ? kActivePart : 0;
  const double weighed = active * run.ActiveCore() + (1 - active) * run.Thread();
  const double part_w = weighed > 0 ? thread_w * run.Thread() / weighed : thread_w;
  const double uncore = options_.uncore ? static_w : 0;
  // In the order of Common.
  filter_.Allocate(uncore, std::pow(kStaticSpread * uncore, 2));
  filter_.Allocate(kIdleW, std::pow(kIdleSpreadW, 2));
  filter_.Allocate(active * part_w, options_.uncore ? std::pow(kPartSpread * thread_w, 2) : 0);
  filter_.Allocate((1 - active) * part_w, std::pow(kPartSpread * thread_w, 2));
  filter_.Allocate(0, std::pow(kAsleepSpread * uncore, 2));
  for (Package& package : packages_) package.drift = filter_.Allocate(0, kDrift * kDrift);
  drift_ = kDrift;
  const double spread = options_.uncore ? kExecutableSpread : kCoreExecutableSpread;
  actors_.emplace(&filter_, spread * thread_w, kProcessSpread * thread_w);
  factor_.assign(kCommons + packages_.size() + options_.most_deviations, 0);
  noise_ = kFirstNoise;
  surprise_ = 1;
  sway_ = options_.uncore ? kFirstSway : 0;
  block_ = {};
  begun_s_ = last_s_ = rebalanced_s_ = reviewed_s_ = window.end_s;
  unfaded_s_ = 0;
}

void PackageModel::LearnWindow(const Window& window) {
  Package& package = packages_[window.package];
  const auto fresh = [&](const Package& each) { return Fresh(each, window.end_s); };
  if (asked_ > 0 && asked_ >= static_cast<size_t>(std::count_if(packages_.begin(), packages_.end(), fresh)))
    BeginInterval();
  const Sums sums{window.end_s - window.begin_s, window.cores_idle_s, window.package_idle_s};
  package.recent.Add(sums);
  package.unpriced.Add(sums);
  Fade(window.end_s - last_s_);
  last_s_ = std::max(last_s_, window.end_s);
  Observe(window, sums);
  package.last_s = window.end_s;
  Clamp();
  if (last_s_ - rebalanced_s_ >= kRebalanceSeconds) {
    rebalanced_s_ = last_s_;
    actors_->Rebalance();
    for (Package& each : packages_) each.recent.Scale(kRecentRun);
  }
  if (!Sound()) {
    BeginAnew();
  } else if (last_s_ - reviewed_s_ >= kReviewS) {
    reviewed_s_ = last_s_;
    PriceInterval();
    ReviewBurst();
  }
}

void PackageModel::BeginInterval() {
  asked_ = 0;
  actors_->BeginInterval();
  for (Package& package : packages_) {
    package.interval = package.unpriced = {};
    package.shared_j = package.idle_j = 0;
  }
}

void PackageModel::AddTerm(int state, double factor) {
  if (state < 0 || factor == 0) return;
  if (factor_[state] == 0) terms_.push_back({state, 0});
  factor_[state] += factor;
}

void PackageModel::AddLoad(const RunTime& run, const OwnStates& states) {
  if (options_.uncore) AddTerm(kActive, run.ActiveCore());
  AddTerm(kThread, run.Thread());
  AddTerm(states.executable, run.Thread());
  AddTerm(states.process, run.Thread());
}

void PackageModel::AddSums(const Sums& sums) {
  if (options_.uncore) AddTerm(kStatic, sums.seconds);
  if (options_.uncore) AddTerm(kAsleep, -sums.package_idle_s);
  AddTerm(kIdle, sums.cores_idle_s);
}

// What was added, as terms of a sum.
const std::vector<KalmanFilter::Term>& PackageModel::TakeTerms() {
  for (KalmanFilter::Term& term : terms_) term.factor = std::exchange(factor_[term.state], 0);
  return terms_;
}

void PackageModel::Drift(Package* package, const Window& window, double joules) {
  // Windows that do not follow one another have little drift in common.
  const double since = std::isnan(package->last_s) ? kLongestGapS : window.end_s - package->last_s;
  const double kept = std::exp(-std::max(since, 0.0) / kDriftTauS);
  filter_.Decay(package->drift, kept, (1 - kept * kept) * drift_ * drift_);
  AddTerm(package->drift, joules);
}

void PackageModel::ReviewDrift(Package* package, const Window& window, double surprise) {
  surprise = std::clamp(surprise, -kMostInARow, kMostInARow);
  const double last = std::exchange(package->last_surprise, surprise);
  if (std::abs(window.begin_s - package->last_s) < kInARowS)
    drift_ = std::clamp(drift_ * std::exp(kDriftStep * (surprise * last - kByChance)), kDrift, kMostDrift);
  const double most = kFarDrift * drift_;
  filter_.SetMean(package->drift, std::clamp(filter_.Mean(package->drift), -most, most));
}

void PackageModel::Observe(const Window& window, const Sums& sums) {
  terms_.clear();
  AddSums(sums);
  double begins = 0;  // variance by what executables do first, J^2
  for (const WindowTask& task : window.tasks) {
    const RunTime run = RunOf(task);
    const OwnStates states = actors_->Note(task, run);
    AddLoad(run, states);
    if (states.begins) begins += std::pow(kBeginSpread * MeanThreadWatts() * run.Thread(), 2);
  }
  // Drift and noise are parts of what was to be expected. As parts of what was counted they would go with its
  // error, and all powers come out too low.
  double expected = 0;
  for (const KalmanFilter::Term& term : terms_) expected += factor_[term.state] * filter_.Mean(term.state);
  expected = std::clamp(expected, window.joules / kFarOff, window.joules * kFarOff);
  Drift(&packages_[window.package], window, expected);
  // The counter's unit: an error of one, evenly spread, at each end.
  const double square = expected * expected;
  const double variance = noise_ * square + begins + std::pow(options_.joules_per_count, 2) / 6;
  const auto seen = filter_.Update(TakeTerms(), window.joules, variance, kRobust);
  const double residual = seen.residual * seen.residual;
  const double step = options_.uncore ? kNoiseStep : kCoreNoiseStep;
  noise_ += step * (std::max(0.0, (residual - seen.predicted_variance - begins) / square) - noise_);
  noise_ = std::clamp(noise_, kLeastNoise, kMostNoise);
  surprise_ += kSurpriseStep * (residual / seen.variance - surprise_);
  if (options_.uncore) {
    AddToBlock(seen, sums.seconds);
    DoubtTasks(window, seen);
  } else {
    ReviewDrift(&packages_[window.package], window, seen.residual / std::sqrt(seen.variance));
  }
}

// One window that is far off may be wrong. When the next one is as well, to the same side, somebody who runs
// does something else than before, as programs do that have loaded: what is known of all of them widens, else
// what nobody does (the static power, what sleeps) would be learned to make up for it, and stay so.
void PackageModel::DoubtTasks(const Window& window, const KalmanFilter::Innovation& seen) {
  const double beyond = seen.residual * seen.residual - kRobust * seen.variance;
  const int side = beyond <= 0 ? 0 : seen.residual > 0 ? 1 : -1;
  const int last = std::exchange(packages_[window.package].far_side, side);
  if (side != 0 && side == last) actors_->Doubt(window.tasks, kChanged * beyond);
}

void PackageModel::AddToBlock(const KalmanFilter::Innovation& seen, double seconds) {
  block_.residual += seen.residual;
  block_.variance += seen.variance;
  block_.seconds += seconds;
  if (block_.seconds < kBlockS) return;
  sway_ += kSwayStep * (block_.residual * block_.residual / block_.variance - sway_);
  block_ = {};
}

// What is known widens with time, faster if residuals are larger than they should be.
void PackageModel::Fade(double seconds) {
  if (seconds > 0) unfaded_s_ += std::min(seconds, kLongestGapS);
  if (unfaded_s_ < kFadeS) return;
  const double passed = std::exchange(unfaded_s_, 0) * std::clamp(surprise_, 1.0, kMostSurprise);
  for (int state = kStatic; state < kCommons; state++) {
    const double watts = std::max(filter_.Mean(state), state == kIdle ? kLeastIdleW : kLeastCommonW);
    filter_.Fade(state, passed * std::pow(kCommonFade * watts, 2), INFINITY);
  }
  actors_->Fade(passed, kActorFade * MeanThreadWatts());
}

// No power is negative, and a package that sleeps draws something.
void PackageModel::Clamp() {
  for (int state = kStatic; state < kCommons; state++)
    if (filter_.Mean(state) < 0) filter_.SetMean(state, 0);
  filter_.SetMean(kAsleep, std::min(Mean(kAsleep), kMostAsleep * Mean(kStatic)));
}

bool PackageModel::Sound() const {
  for (const KalmanFilter::Term& term : terms_) {
    const double mean = filter_.Mean(term.state), variance = filter_.Variance(term.state);
    if (!(variance >= 0) || !(std::abs(mean) <= options_.max_watts)) return false;
  }
  return std::isfinite(surprise_) && std::isfinite(noise_) && std::isfinite(sway_);
}
