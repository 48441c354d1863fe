// SPDX-License-Identifier: Apache-2.0
#include "update_period.h"

#include <algorithm>
#include <numeric>

namespace {

// The part of all reads that bring a change where a counter moves all the time: an interrupt may delay a
// read, but nothing brings one forward.
constexpr double kContinuous = 0.9;
constexpr size_t kEnoughReads = 100;     // to tell that it moves all the time
constexpr size_t kEnoughDistances = 10;  // between two changes in a row, to tell a period
// A change was missed for a while where two reads are so many times as far apart as is usual.
constexpr double kMissed = 6;
// The period is at least so many times what updates stray, and what reads miss.
constexpr double kSteadiness = 8;
constexpr double kShortestNs = 200'000, kLongestNs = 20'000'000;
// A period is known well enough to a part of it: BPF predicts updates some periods ahead.
constexpr double kExact = 1.0 / 2048;
// The standard deviation in median absolute deviations, of a normal distribution.
constexpr double kSigma = 1.4826;

double Median(std::vector<double> values) {
  if (values.empty()) return NAN;
  auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The changes that can be dated, and the distances between two of them where none can have come between.
struct Dated {
  std::vector<double> at;         // when each was seen, ns
  std::vector<double> unseen;     // how long each may have been there before it was seen, ns
  std::vector<double> distances;  // ns
  double longest_ns = 0;          // the longest time without a dated change
  size_t runs = 0;                // rows of distances without a break
};

// Changes that were missed for a while are left out. Of two in a row between which nothing was missed one
// follows the other by a single period; of all others it is not known how many there are between them.
Dated DateChanges(const Poll& poll, double usual_ns) {
  Dated dated;
  size_t row = 0;
  for (const auto& [at, before] : poll.changes) {
    const bool seen = at - before < kMissed * usual_ns;
    if (seen && !dated.at.empty()) dated.longest_ns = std::max(dated.longest_ns, at - dated.at.back());
    if (seen && row > 0) {
      dated.distances.push_back(at - dated.at.back());
      dated.runs += row == 1;
    }
    if (seen) dated.at.push_back(at), dated.unseen.push_back(at - before);
    row = seen ? row + 1 : 0;
  }
  return dated;
}

Dated DateChanges(const Poll& poll, const Calibration& found) {
  Dated dated = DateChanges(poll, found.read_ns);
  if (dated.distances.size() >= kEnoughDistances) return dated;
  // Reads of some counters take longer when these move.
  std::vector<double> unseen;
  for (const auto& change : poll.changes) unseen.push_back(change.at - change.before);
  return DateChanges(poll, Median(unseen));
}

// The mean distance, which many changes in a row tell well however they stray, of those that can be a period.
// A counter that sums up others may be seen to move twice for one update: a mean of all would be too short,
// and the more periods lie between two changes the more of them would be counted.
double MeanDistance(const std::vector<double>& distances) {
  const double usual = Median(distances);
  double sum = 0;
  size_t count = 0;
  for (double distance : distances)
    if (std::abs(distance - usual) <= usual / 2) sum += distance, count++;
  return sum / count;
}

double Dot(const std::vector<double>& x, const std::vector<double>& y) {
  return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
}

void Center(std::vector<double>* values) {
  const double mean = std::accumulate(values->begin(), values->end(), 0.0) / values->size();
  for (double& value : *values) value -= mean;
}

}  // namespace

Calibration FindUpdatePeriod(const Poll& poll) {
  Calibration found;
  found.reads = poll.reads;
  found.changes = poll.changes.size();
  found.read_ns = Median(poll.read_ns);
  found.counts_per_ns = poll.counts_per_ns;
  if (found.reads >= kEnoughReads && found.changes >= kContinuous * found.reads) {
    found.period_ns = 0;
    return found;
  }
  const Dated dated = DateChanges(poll, found);
  const double distances = dated.distances.size();
  if (!distances) return found;
  // The line through changes by their number (least squares), which comes from the mean distance.
  const double rough = MeanDistance(dated.distances);
  std::vector<double> at = dated.at, number{0};
  for (size_t i = 1; i < at.size(); i++)
    number.push_back(number.back() + std::round((at[i] - at[i - 1]) / rough));
  Center(&at);
  Center(&number);
  const double spread = Dot(number, number);
  if (!spread) return found;
  found.period_ns = Dot(number, at) / spread;
  std::vector<double> deviations;
  for (size_t i = 0; i < at.size(); i++) deviations.push_back(std::abs(at[i] - number[i] * found.period_ns));
  found.jitter_ns = Median(deviations);
  const double sigma = kSigma * found.jitter_ns, most = found.period_ns / kSteadiness;
  // A longer time without one may have been a period more, or less: twice what is to be expected.
  const double missed = dated.longest_ns / rough * sigma * std::sqrt(2.0 * dated.runs) / distances;
  found.steady = distances >= kEnoughDistances && found.period_ns >= kShortestNs &&
                 found.period_ns <= kLongestNs && found.jitter_ns <= most && Median(dated.unseen) <= most &&
                 2 * missed <= rough / 4 && sigma / std::sqrt(spread) <= kExact * found.period_ns;
  return found;
}
