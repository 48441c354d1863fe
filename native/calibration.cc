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

int PollEvent(int event, Poll* out) {
  PerfReading first, last;
  int status = ReadCounter(event, &first);
  if (status) return status;
  auto read = [&](uint64_t* count) {
    const int failed = ReadCounter(event, &last);
    *count = last.count;
    return failed;
  };
  status = PollCounter(
      read, [] { return false; }, out);
  if (status) return status;
  // A dead event reads with success.
  return last.running_ns > first.running_ns ? 0 : -EBUSY;
}

}  // namespace

int PollCounter(const std::function<int(uint64_t* count)>& read, const std::function<bool()>& stop,
                Poll* out) {
  uint64_t first = 0, last = 0;
  int status = read(&first);
  if (status) return status;
  last = first;
  const int64_t begin = MonotonicNs();
  // What was read before a clock was may be as old as the clock before that one: others ran in between.
  int64_t earlier = begin;
  for (int64_t before = begin, now; before - begin < kLongestNs && !stop(); earlier = before, before = now) {
    uint64_t count = 0;
    status = read(&count);
    if (status) return status;
    now = MonotonicNs();
    out->reads++;
    if (out->read_ns.size() < kReads) out->read_ns.push_back(now - before);
    if (count != last) out->changes.push_back({double(now), double(earlier)});
    last = count;
    if (out->reads >= kReads && out->changes.size() >= kChanges) break;
  }
  out->counts_per_ns = static_cast<double>(last - first) / (MonotonicNs() - begin);
  return 0;
}

Outcome Calibrate(int event, uint32_t cpu, Calibration* out) {
  Poll poll;
  int moved = 0, polled = 0;
  int status = InOwnThread([&] {
    moved = MoveTo(cpu);
    if (moved == 0) polled = PollEvent(event, &poll);
  });
  if (status) return Fail("start a thread", status);
  if (moved) return Fail("run on the CPU of a counter", moved);
  if (polled) return Fail("read the perf event", polled);
  *out = FindUpdatePeriod(poll);
  return {};
}
