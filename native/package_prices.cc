// SPDX-License-Identifier: Apache-2.0
// What the model says of an interval: prices, their errors, and whether they are worth it.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "package_model.h"

namespace {

// Constants are those of the study.
constexpr double kLeastOfBase = 0.2;     // a task draws at least so much of what the common states say,
constexpr double kLeastThreadW = 0.001;  // and a little
constexpr double kLeastOfStatic = 0.2;   // a package's static part is at least so much of its static power
constexpr size_t kGateMost = 32;         // who counts at the gate, and for the bursts: those who run most
constexpr double kGateShut = 1, kGateOpens = 2;            // the gate opens over so much from there on
constexpr double kLeastSurprise = 0.1, kMostSurprise = 4;  // by which errors are scaled
constexpr double kMostSway = 12;
constexpr double kModelError = 0.02;         // of each price, by what no state can tell
constexpr double kWarmS = 5;                 // all windows are taken for so long
constexpr double kPoor = 0.1, kFair = 0.05;  // relative errors above which all, or some windows are taken
constexpr double kTrustS = 0.005;  // of run time seen in an interval: much more tells of the rest of it
constexpr double kEnoughS = 0.02;  // of windows, to know how much a package sleeps

}  // namespace

double PackageModel::Joules(const RunTime& run, const OwnStates& states, double gate) const {
  const double base = Mean(kActive) * run.ActiveCore() + Mean(kThread) * run.Thread();
  double own_w = 0;
  for (int state : {states.executable, states.process}) own_w += state < 0 ? 0 : filter_.Mean(state);
  return std::max(kLeastOfBase * base + kLeastThreadW * run.Thread(), base + gate * own_w * run.Thread());
}

// Powers change within long intervals, and so does who runs beside whom: what a load did is priced second by
// second, and what was not seen of it like that which was.
void PackageModel::PriceInterval() {
  const double gate = Gate();
  actors_->PriceInterval(
      [&](const RunTime& run, const OwnStates& states) { return Joules(run, states, gate); });
  for (Package& package : packages_) {
    const Sums sums = std::exchange(package.unpriced, {});
    package.shared_j += SharedJoules(sums);
    package.idle_j += Mean(kIdle) * sums.cores_idle_s;
    package.interval.Add(sums);
  }
}

double PackageModel::IntervalJoules(const Load& load, double gate) const {
  const double thread_s = load.run.Thread();
  if (thread_s <= 0) return 0;
  const double now_w = Joules(load.run, load.known.states, gate) / thread_s;
  const double seen_s = load.known.interval_thread_s;
  return thread_s * (load.known.interval_j + kTrustS * now_w) / (seen_s + kTrustS);
}

double PackageModel::SharedJoules(const Sums& sums) const {
  if (!options_.uncore) return 0;
  const double static_j = Mean(kStatic) * sums.seconds;
  return std::max(kLeastOfStatic * static_j, static_j - Mean(kAsleep) * sums.package_idle_s);
}

// Whether powers differ by more than chance: the mean square of what tells one from the mean, by its variance
// (in which covariances count: what all have in common does not tell them apart).
double PackageModel::GateOf(const ActorStates::Map& actors) const {
  std::vector<std::pair<double, int>> all;
  for (const auto& [key, actor] : actors)
    if (actor.state >= 0 && actor.weight_s > 0) all.push_back({actor.weight_s, actor.state});
  if (all.size() < 2) return 0;
  const size_t most = std::min(all.size(), kGateMost);
  std::partial_sort(all.begin(), all.begin() + most, all.end(), std::greater<>());
  all.resize(most);
  double weights = 0, mean = 0, mean_variance = 0, squares = 0, variances = 0;
  for (const auto& [weight, state] : all) weights += weight, mean += weight * filter_.Mean(state);
  mean /= weights;
  std::vector<double> with_mean(most, 0);  // covariance of each with their mean
  for (size_t i = 0; i < most; i++) {
    for (const auto& [weight, state] : all)
      with_mean[i] += weight / weights * filter_.Covariance(all[i].second, state);
    mean_variance += all[i].first / weights * with_mean[i];
  }
  for (size_t i = 0; i < most; i++) {
    const auto [weight, state] = all[i];
    const double difference = filter_.Mean(state) - mean;
    squares += weight * difference * difference;
    variances += weight * std::max(1e-12, filter_.Variance(state) - 2 * with_mean[i] + mean_variance);
  }
  return squares / variances / std::clamp(surprise_, kLeastSurprise, 1.0);
}

double PackageModel::Gate() const {
  const double most = std::max(GateOf(actors_->executables()), GateOf(actors_->processes()));
  return std::clamp((most - kGateShut) / kGateOpens, 0.0, 1.0);
}

// What a load draws, as a sum of states; those that there are not are -1.
std::array<KalmanFilter::Term, 4> PackageModel::TermsOf(const Load& load) const {
  const double thread_s = load.run.Thread();
  return {{{kActive, load.run.ActiveCore()},
           {kThread, thread_s},
           {load.known.states.executable, thread_s},
           {load.known.states.process, thread_s}}};
}

double PackageModel::OwnVariance(const Load& load) const {
  const auto terms = TermsOf(load);
  double variance = 0;
  for (const auto& a : terms)
    for (const auto& b : terms)
      if (a.state >= 0 && b.state >= 0)
        variance += a.factor * b.factor * filter_.Covariance(a.state, b.state);
  return variance;
}

// The standard deviation of a price whose states tell so much.
double PackageModel::ErrorOf(const Load& load, double joules, double variance) const {
  const double surprise = std::clamp(surprise_, kLeastSurprise, kMostSurprise);
  variance = std::max(0.0, variance) * std::max(surprise, std::min(sway_, kMostSway));
  // In proportion to what threads have turned out to draw, if that is less than it was taken for.
  const double watts = MeanThreadWatts(), thread_s = load.run.Thread();
  const double process_w = std::min(actors_->process_watts(), kProcessSpread * watts);
  variance += load.known.unknown * std::pow(process_w * thread_s, 2);
  // No window has shown who it is: it is priced like the mean, and may be anybody.
  const double executable_w = std::min(actors_->executable_watts(), kExecutableSpread * watts);
  if (load.known.states.executable < 0) variance += std::pow(executable_w * thread_s, 2);
  return std::sqrt(variance + std::pow(kModelError * joules, 2));
}

// The error of a price when the sum of all prices is known: what the load draws less its part of all.
double PackageModel::Error(const Load& load, double joules, const Total& total) const {
  const double part = joules / total.joules;
  double variance = part * part * total.variance + OwnVariance(load);
  for (const auto& term : TermsOf(load))
    if (term.state >= 0) variance -= 2 * part * term.factor * total.covariance[term.state];
  return ErrorOf(load, joules, variance);
}

std::vector<ActorPower> PackageModel::PowersOf(const std::vector<Actor>& actors) const {
  std::vector<ActorPower> powers(actors.size());
  if (!actors_) return powers;
  const double gate = Gate();
  for (size_t i = 0; i < actors.size(); i++) {
    const auto process = actors_->processes().find(actors[i].process);
    if (process == actors_->processes().end()) continue;
    const Load load{process->second.recent, actors_->Find(actors[i])};
    const double thread_s = load.run.Thread();
    if (load.known.states.executable < 0 || !(thread_s > 0)) continue;
    const double joules = Joules(load.run, load.known.states, gate);
    powers[i].seen_s = process->second.seen_s;
    if (gate == 0) continue;
    powers[i].watts = joules / thread_s;
    powers[i].error_w = ErrorOf(load, joules, OwnVariance(load)) / thread_s;
  }
  return powers;
}

PackageModel::Priced PackageModel::Price(const Sums& sums, const std::vector<Load>& loads, double gate) {
  Priced priced;
  priced.shared_j = SharedJoules(sums);
  priced.idle_j = Mean(kIdle) * sums.cores_idle_s;
  terms_.clear();
  AddSums(sums);
  for (const Load& load : loads) {
    AddLoad(load.run, load.known.states);
    priced.joules.push_back(IntervalJoules(load, gate));
  }
  const auto& terms = TakeTerms();
  Total& total = priced.total;
  total.covariance = filter_.Times(terms);
  for (const KalmanFilter::Term& term : terms) {
    total.joules += term.factor * filter_.Mean(term.state);
    total.variance += term.factor * total.covariance[term.state];
  }
  return priced;
}

// The processes of an interval, and which of them each row is of; -1: idle time.
std::vector<PackageModel::Load> PackageModel::LoadsOf(const Interval& interval,
                                                      std::vector<int>* load_of_row) const {
  std::vector<Load> loads;
  std::unordered_map<uint64_t, int> known;
  for (const IntervalRow& row : interval.rows) {
    if (row.who.process == 0) {
      load_of_row->push_back(-1);
      continue;
    }
    const auto [found, added] = known.emplace(row.who.process, static_cast<int>(loads.size()));
    if (added) loads.push_back({{}, actors_->Find(row.who)});
    loads[found->second].run.run_s += std::max(row.run_s, 0.0);
    load_of_row->push_back(found->second);
  }
  for (Load& load : loads) load.run.together_s = load.run.run_s * load.known.together;
  return loads;
}

PackageModel::Sums PackageModel::SumsOf(const Interval& interval, const std::vector<Load>& loads) const {
  const Package& package = packages_[interval.package];
  const double cores = options_.cores[interval.package];
  Sums sums;
  sums.seconds = interval.seconds;
  sums.cores_idle_s = cores * interval.seconds;
  for (const Load& load : loads) sums.cores_idle_s -= load.run.ActiveCore();
  sums.cores_idle_s = std::max(sums.cores_idle_s, 0.0);
  const Sums& seen = package.interval.seconds >= kEnoughS ? package.interval : package.recent;
  const double asleep = seen.seconds > 0 ? seen.package_idle_s / seen.seconds : 0;
  // All cores are idle together for no longer than the mean of them is.
  sums.package_idle_s = std::min(asleep * interval.seconds, sums.cores_idle_s / cores);
  return sums;
}

Prediction PackageModel::Predict(const Interval& interval) {
  Prediction prediction;
  prediction.joules.assign(interval.rows.size(), 0);
  prediction.error_j.assign(interval.rows.size(), NAN);
  if (!actors_ || interval.package >= packages_.size()) return prediction;
  if (!(interval.end_s - packages_[interval.package].last_s < kForgottenS)) return prediction;
  const bool fresh = Fresh(packages_[interval.package], interval.end_s);
  asked_ += fresh;
  PriceInterval();
  std::vector<int> load_of_row;
  const std::vector<Load> loads = LoadsOf(interval, &load_of_row);
  prediction.learned = true;
  prediction.gate = fresh ? Gate() : 0;
  const Sums sums = SumsOf(interval, loads);
  const Priced priced = Price(sums, loads, prediction.gate);
  const Package& package = packages_[interval.package];
  const bool seen = package.interval.seconds >= kEnoughS;
  prediction.shared_j =
      seen ? package.shared_j / package.interval.seconds * interval.seconds : priced.shared_j;
  prediction.idle_j = priced.idle_j;
  if (seen && package.interval.cores_idle_s > 0) {
    prediction.idle_j = package.idle_j / package.interval.cores_idle_s * sums.cores_idle_s;
  }
  std::vector<double> error_j;
  for (size_t i = 0; i < loads.size(); i++)
    error_j.push_back(Error(loads[i], priced.joules[i], priced.total));
  double idle_s = 0;
  for (const IntervalRow& row : interval.rows) idle_s += row.who.process == 0 ? row.run_s : 0;
  for (size_t i = 0; i < interval.rows.size(); i++) {
    const double run_s = std::max(interval.rows[i].run_s, 0.0);
    const int load = load_of_row[i];
    if (load < 0) {
      prediction.joules[i] = idle_s > 0 ? prediction.idle_j * run_s / idle_s : 0;
    } else if (loads[load].run.run_s > 0) {
      const double part = run_s / loads[load].run.run_s;
      prediction.joules[i] = priced.joules[load] * part;
      prediction.error_j[i] = error_j[load] * part;
    }
  }
  return prediction;
}

// Takes fewer windows when those who draw most are known well.
void PackageModel::ReviewBurst() {
  std::vector<Load> loads;
  for (const auto& [key, process] : actors_->processes())
    if (process.recent.run_s > 0) loads.push_back({process.recent, actors_->Find({key, process.executable})});
  Sums sums;
  for (const Package& package : packages_) {
    sums.seconds += package.recent.seconds;
    sums.cores_idle_s += package.recent.cores_idle_s;
    sums.package_idle_s += package.recent.package_idle_s;
  }
  const Priced priced = Price(sums, loads, 1);
  std::vector<std::pair<double, size_t>> order;
  for (size_t i = 0; i < loads.size(); i++) order.push_back({loads[i].run.Thread(), i});
  const size_t most = std::min(order.size(), kGateMost);
  std::partial_sort(order.begin(), order.begin() + most, order.end(), std::greater<>());
  double joules = 0, error_j = 0;
  for (size_t k = 0; k < most; k++) {
    const size_t i = order[k].second;
    joules += priced.joules[i];
    error_j += Error(loads[i], priced.joules[i], priced.total);
  }
  const double relative = joules > 0 ? error_j / joules : 1;
  if (last_s_ - begun_s_ < kWarmS || relative > kPoor)
    burst_ms_ = 1000;
  else
    burst_ms_ = relative > kFair ? 300 : 100;
}
