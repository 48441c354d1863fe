// SPDX-License-Identifier: Apache-2.0
// How often a counter changes and what a read of it costs: by polling it on its CPU, as nothing says it.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cmath>

#include "clock.h"
#include "energy.h"
#include "energy.skel.h"
#include "own_thread.h"
#include "probe.h"

namespace {

constexpr int64_t kLongestNs = 150'000'000;      // 150 changes of an energy counter
constexpr size_t kChanges = 128, kReads = 4096;  // with both a median needs no more
constexpr double kContinuous =
    0.9;  // of all reads: an interrupt may delay one, but nothing brings it forward

constexpr double kMissed = 6;  // reads
constexpr size_t kSteady = 10;
constexpr double kSteadiness = 8;  // periods are this many times as long as updates stray
constexpr double kShortestNs = 200'000, kLongestPeriodNs = 20'000'000, kLeastJitterNs = 30'000;

struct Change {
  double at, before;  // it was seen, and certainly not yet
};

struct Poll {
  std::vector<double> read_ns;
  std::vector<Change> changes;
  size_t reads = 0;
  double counts_per_ns = NAN;
};

int PollCounter(int fd, Poll* out) {
  PerfReading first, last;
  int status = ReadCounter(fd, &first);
  if (status) return status;
  last = first;
  const int64_t begin = MonotonicNs();
  // What was read before a clock was may be as old as the clock before that one: others ran in between.
  int64_t earlier = begin;
  for (int64_t before = begin, now; before - begin < kLongestNs; earlier = before, before = now) {
    PerfReading reading;
    status = ReadCounter(fd, &reading);
    if (status) return status;
    now = MonotonicNs();
    out->reads++;
    if (out->read_ns.size() < kReads) out->read_ns.push_back(now - before);
    if (reading.count != last.count) out->changes.push_back({double(now), double(earlier)});
    last = reading;
    if (out->reads >= kReads && out->changes.size() >= kChanges) break;
  }
  out->counts_per_ns = static_cast<double>(last.count - first.count) / (MonotonicNs() - begin);
  // As in a drain: a dead event reads with success.
  return last.running_ns > first.running_ns ? 0 : -EBUSY;
}

double Median(std::vector<double> values) {
  if (values.empty()) return NAN;
  auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Calibration Evaluate(const Poll& poll) {
  Calibration found;
  found.reads = poll.reads;
  found.changes = poll.changes.size();
  found.read_ns = Median(poll.read_ns);
  found.counts_per_ns = poll.counts_per_ns;
  if (found.changes >= kContinuous * poll.reads) {
    found.period_ns = 0;
    return found;
  }
  std::vector<double> at, distances;
  // Not those that were missed for a while because others ran on this CPU, unless there are no others.
  for (double longest : {kMissed * found.read_ns, kLongestNs * 1.0}) {
    if (at.size() >= kSteady) break;
    at.clear();
    for (const auto& change : poll.changes)
      if (change.at - change.before < longest) at.push_back(change.at);
  }
  for (size_t i = 1; i < at.size(); i++) distances.push_back(at[i] - at[i - 1]);
  const double rough = Median(distances);
  std::vector<double> periods{0};  // since the first change
  for (double distance : distances) periods.push_back(periods.back() + std::round(distance / rough));
  if (at.empty() || periods.back() < 1) return found;
  // BPF predicts updates some periods ahead: the mean is ten times as exact as the median.
  found.period_ns = (at.back() - at.front()) / periods.back();
  std::vector<double> strays, deviations;
  for (size_t i = 0; i < at.size(); i++) strays.push_back(at[i] - at[0] - periods[i] * found.period_ns);
  const double middle = Median(strays);
  for (double stray : strays) deviations.push_back(std::abs(stray - middle));
  found.jitter_ns = Median(deviations);
  found.steady = found.changes >= kSteady && found.period_ns >= kShortestNs &&
                 found.period_ns <= kLongestPeriodNs && found.jitter_ns <= found.period_ns / kSteadiness;
  return found;
}

}  // namespace

Outcome Probe::Calibrate(uint32_t zone, uint32_t cpu, Calibration* out) {
  std::lock_guard<std::mutex> lock(mutex_);
  return Ended(CalibrateLocked(zone, cpu, out));
}

// Tells BPF what a busy CPU draws, and when the counter can have moved. What has no steady period is taken
// for what moves all the time.
void Probe::ExpectUpdates(const Calibration& found) {
  // Three standard deviations: 1.48 median deviations each, where updates stray as a normal distribution
  // does.
  double jitter_ns = std::max(kLeastJitterNs, 3 * 1.48 * found.jitter_ns);
  if (found.steady || found.period_ns == 0) {
    skeleton_->bss->period_ns = found.period_ns;
    skeleton_->data->jitter_ns = std::min(jitter_ns, found.period_ns / 4);
    for (uint32_t zone = 0; zone < events_.size(); zone++) zones_[zone].period = zones_[zone].caught = 0;
  }
  double power = found.counts_per_ns / unit_ * (1 << ENERGY_POWER_FRACTION);
  if (power >= 1 && power < UINT32_MAX) skeleton_->data->first_power = power;
}

int Probe::CalibrateLocked(uint32_t zone, uint32_t cpu, Calibration* out) {
  if (zone >= events_.size() || events_[zone].get() < 0) return Fail("calibrate a counter", -EBADF);
  Poll poll;
  int moved = 0, polled = 0;
  int status = InOwnThread([&, fd = events_[zone].get()] {
    moved = MoveTo(cpu);
    if (moved == 0) polled = PollCounter(fd, &poll);
  });
  if (status) return Fail("start a thread", status);
  if (moved) return Fail("run on the CPU of a counter", moved);
  if (polled) return Fail("read the perf event", polled);
  *out = Evaluate(poll);
  if (options_.switched) ExpectUpdates(*out);
  return 0;
}
