// SPDX-License-Identifier: Apache-2.0
// How often a counter changes and what a read of it costs: by polling it on its CPU, as nothing says it.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <time.h>

#include <algorithm>
#include <cmath>

#include "energy.h"
#include "energy.skel.h"
#include "own_thread.h"
#include "probe.h"

namespace {

constexpr int64_t kLongestNs = 150'000'000;      // 150 changes of an energy counter
constexpr size_t kChanges = 128, kReads = 4096;  // with both a median needs no more
constexpr double kContinuous =
    0.9;  // of all reads: an interrupt may delay one, but nothing brings it forward

constexpr double kMissed = 5;  // reads
constexpr size_t kSteady = 10;
constexpr double kShortestNs = 200'000, kLongestPeriodNs = 20'000'000, kLeastJitterNs = 30'000;

struct Change {
  double at, before;  // it was seen, and not yet
};

struct Poll {
  std::vector<double> read_ns;
  std::vector<Change> changes;
  size_t reads = 0;
  double counts_per_ns = NAN;
};

int64_t MonotonicNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

int PollCounter(int fd, Poll* out) {
  PerfReading first, last;
  int status = ReadCounter(fd, &first);
  if (status) return status;
  last = first;
  const int64_t begin = MonotonicNs();
  for (int64_t before = begin, now; before - begin < kLongestNs; before = now) {
    PerfReading reading;
    status = ReadCounter(fd, &reading);
    if (status) return status;
    now = MonotonicNs();
    out->reads++;
    if (out->read_ns.size() < kReads) out->read_ns.push_back(now - before);
    if (reading.count != last.count) out->changes.push_back({double(now), double(before)});
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
  std::vector<double> deviations;
  double periods = 0;
  for (double distance : distances) {
    double count = std::round(distance / rough);
    periods += count;
    if (count == 1) deviations.push_back(std::abs(distance - rough));
  }
  found.jitter_ns = Median(deviations);
  // BPF predicts updates some periods ahead: the mean is ten times as exact as the median.
  found.period_ns = periods > 0 ? (at.back() - at.front()) / periods : NAN;
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
  // Distances between updates that each stray by sigma have a median deviation of 0.95 sigma.
  double jitter_ns = std::max(kLeastJitterNs, 3 / 0.95 * found.jitter_ns);
  bool steady = found.changes >= kSteady && found.period_ns >= kShortestNs &&
                found.period_ns <= kLongestPeriodNs && jitter_ns <= found.period_ns / 4;
  skeleton_->bss->period_ns = steady ? found.period_ns : 0;
  skeleton_->data->jitter_ns = jitter_ns;
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
