// SPDX-License-Identifier: Apache-2.0
#include "calibration.h"

#include <cerrno>
#include <cstddef>

#include "clock.h"
#include "own_thread.h"
#include "perf_event.h"

namespace {

constexpr int64_t kLongestNs = 150'000'000;      // 150 changes of an energy counter
constexpr size_t kChanges = 128, kReads = 4096;  // with both a median needs no more

int PollCounter(int event, Poll* out) {
  PerfReading first, last;
  int status = ReadCounter(event, &first);
  if (status) return status;
  last = first;
  const int64_t begin = MonotonicNs();
  // What was read before a clock was may be as old as the clock before that one: others ran in between.
  int64_t earlier = begin;
  for (int64_t before = begin, now; before - begin < kLongestNs; earlier = before, before = now) {
    PerfReading reading;
    status = ReadCounter(event, &reading);
    if (status) return status;
    now = MonotonicNs();
    out->reads++;
    if (out->read_ns.size() < kReads) out->read_ns.push_back(now - before);
    if (reading.count != last.count) out->changes.push_back({double(now), double(earlier)});
    last = reading;
    if (out->reads >= kReads && out->changes.size() >= kChanges) break;
  }
  out->counts_per_ns = static_cast<double>(last.count - first.count) / (MonotonicNs() - begin);
  // A dead event reads with success.
  return last.running_ns > first.running_ns ? 0 : -EBUSY;
}

}  // namespace

Outcome Calibrate(int event, uint32_t cpu, Calibration* out) {
  Poll poll;
  int moved = 0, polled = 0;
  int status = InOwnThread([&] {
    moved = MoveTo(cpu);
    if (moved == 0) polled = PollCounter(event, &poll);
  });
  if (status) return Fail("start a thread", status);
  if (moved) return Fail("run on the CPU of a counter", moved);
  if (polled) return Fail("read the perf event", polled);
  *out = FindUpdatePeriod(poll);
  return {};
}
