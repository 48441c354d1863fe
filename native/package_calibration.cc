// SPDX-License-Identifier: Apache-2.0
#include "package_calibration.h"

#include <vector>

#include "calibration.h"
#include "clock.h"

namespace {

constexpr double kLongestNs = 5'000'000;    // windows of longer periods tell too little
constexpr int64_t kPauseNs = 15'000;        // between two reads
constexpr size_t kFewChanges = 3;           // within 150 ms: it is looked at for longer
constexpr int64_t kSlowNs = 4'000'000'000;  // more than three periods of a virtual one
constexpr int64_t kStepNs = 10'000'000;

// The mean time between changes of a counter that moves rarely; NAN: there were not two.
int FindSlowPeriod(CounterReader* reader, Worker* worker, double* period_ns) {
  std::vector<int64_t> changes;
  uint64_t last = 0;
  int status = reader->Read(&last);
  const int64_t begin = MonotonicNs();
  for (int64_t now = begin; !status && now - begin < kSlowNs && changes.size() <= kFewChanges;
       now = MonotonicNs()) {
    if (!worker->SleepUntil(now + kStepNs)) break;
    uint64_t counts = 0;
    status = reader->Read(&counts);
    if (counts != last) changes.push_back(now);
    last = counts;
  }
  *period_ns = changes.size() < 2 ? NAN : double(changes.back() - changes.front()) / (changes.size() - 1);
  return status;
}

LearningState Judge(const Calibration& found) {
  if (found.period_ns >= kVirtualPeriodNs) return LearningState::kVirtual;
  if (found.period_ns == 0 || found.period_ns > kLongestNs) return LearningState::kPeriod;
  if (found.changes == 0) return LearningState::kUnmoved;
  return found.steady ? LearningState::kLearning : LearningState::kUnsteady;
}

}  // namespace

LearningState CalibratePackage(CounterReader* reader, Worker* worker, Calibration* found, int* error) {
  Poll poll;
  // Others are to run on its CPU as well.
  *error = PollCounter(
      [&](uint64_t* count) {
        worker->SleepUntil(MonotonicNs() + kPauseNs);
        return reader->Read(count);
      },
      [&] { return worker->Stopping(); }, &poll);
  if (!*error) *found = FindUpdatePeriod(poll);
  if (!*error && found->changes < kFewChanges) {
    double period_ns = NAN;
    *error = FindSlowPeriod(reader, worker, &period_ns);
    if (!std::isnan(period_ns)) found->period_ns = period_ns;
  }
  if (*error) return LearningState::kUnreadable;
  return worker->Stopping() ? LearningState::kCalibrating : Judge(*found);
}
