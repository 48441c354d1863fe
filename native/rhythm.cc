// SPDX-License-Identifier: Apache-2.0
#include "rhythm.h"

#include <algorithm>
#include <limits>

namespace {

constexpr double kContinuous =
    0.9;                       // of all reads: an interrupt may delay one, but nothing brings it forward
constexpr double kMissed = 6;  // reads
constexpr size_t kEnough = 10;
constexpr double kSteadiness = 8;  // a period is this many times what updates stray, and what reads miss
constexpr double kShortestNs = 200'000, kLongestNs = 20'000'000;

double Median(std::vector<double> values) {
  if (values.empty()) return NAN;
  auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The changes that can be dated, and how long it took from one to the next.
struct Dated {
  std::vector<double> at, unseen, distances;
};

// Not those that were missed for a while. Of two in a row between which nothing was missed one follows the
// other by a single period; of all others it is not known how many there are between them.
Dated DateChanges(const Poll& poll, double longest_ns) {
  Dated dated;
  bool follows = false;
  for (const auto& [at, before] : poll.changes) {
    const bool seen = at - before < longest_ns;
    if (seen && follows) dated.distances.push_back(at - dated.at.back());
    if (seen) dated.at.push_back(at), dated.unseen.push_back(at - before);
    follows = seen;
  }
  return dated;
}

}  // namespace

Calibration FindRhythm(const Poll& poll) {
  Calibration found;
  found.reads = poll.reads;
  found.changes = poll.changes.size();
  found.read_ns = Median(poll.read_ns);
  found.counts_per_ns = poll.counts_per_ns;
  if (found.changes >= kContinuous * poll.reads) {
    found.period_ns = 0;
    return found;
  }
  Dated dated = DateChanges(poll, kMissed * found.read_ns);
  // Reads of some counters take longer when these move.
  if (dated.distances.size() < kEnough) dated = DateChanges(poll, std::numeric_limits<double>::infinity());
  const auto& at = dated.at;
  const double rough = Median(dated.distances);
  std::vector<double> periods{0};  // since the first change
  for (size_t i = 1; i < at.size(); i++)
    periods.push_back(periods.back() + std::round((at[i] - at[i - 1]) / rough));
  if (at.empty() || periods.back() < 1) return found;
  // BPF predicts updates some periods ahead: the mean is ten times as exact as the median.
  found.period_ns = (at.back() - at.front()) / periods.back();
  std::vector<double> strays, deviations;
  for (size_t i = 0; i < at.size(); i++) strays.push_back(at[i] - at[0] - periods[i] * found.period_ns);
  const double middle = Median(strays);
  for (double stray : strays) deviations.push_back(std::abs(stray - middle));
  found.jitter_ns = Median(deviations);
  const double most = found.period_ns / kSteadiness;
  found.steady = dated.distances.size() >= kEnough && found.period_ns >= kShortestNs &&
                 found.period_ns <= kLongestNs && found.jitter_ns <= most && Median(dated.unseen) <= most;
  return found;
}
