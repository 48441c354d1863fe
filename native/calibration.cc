// SPDX-License-Identifier: Apache-2.0
// When a counter changes and what a read of it costs: by polling it on its CPU, as nothing says it.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cmath>

#include "clock.h"
#include "energy.h"
#include "energy.skel.h"
#include "own_thread.h"
#include "probe.h"
#include "rhythm.h"

namespace {

constexpr int64_t kLongestNs = 150'000'000;      // 150 changes of an energy counter
constexpr size_t kChanges = 128, kReads = 4096;  // with both a median needs no more
constexpr double kLeastJitterNs = 30'000;

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
    for (uint32_t zone = 0; zone < events_.size(); zone++)
      zones_[zone].period_ns = zones_[zone].caught_ns = 0;
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
  *out = FindRhythm(poll);
  if (options_.switched) ExpectUpdates(*out);
  return 0;
}
