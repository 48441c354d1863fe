// SPDX-License-Identifier: Apache-2.0
#include "update_timer.h"

#include <algorithm>

#include "clock.h"

namespace {

constexpr int64_t kPauseNs = 15'000;     // between two reads
constexpr int64_t kLateNs = 200'000;     // behind when it was due the counter is not waited for any longer
constexpr int64_t kExactNs = 150'000;    // two reads that are further apart do not tell when it moved
constexpr int64_t kEarliestNs = 60'000;  // before it is due, to begin with
constexpr int64_t kLeastEarlyNs = 30'000;
constexpr int kMostBad = 3;
// Reads before an update that find the counter unmoved: with more of them the thread could sleep longer.
constexpr int kEnoughReads = 3;

}  // namespace

void UpdateTimer::Start(double period_ns, double jitter_ns) {
  period_ns_ = period_ns;
  jitter_ns_ = jitter_ns;
  due_ns_ = 0;
  early_ns_ = kEarliestNs + 2 * jitter_ns_;
  bad_ = 0;
  unmoved_ns_ = MonotonicNs();
  status_ = reader_->Read(&counts_);
}

// Expects the next update from where this one was. They stray by a jitter each: of that a quarter is taken
// for a change of phase.
void UpdateTimer::Settle(int64_t at_ns, int64_t width_ns, int unmoved_reads) {
  const bool exact = width_ns <= kExactNs;
  bad_ = exact ? 0 : bad_ + 1;
  if (exact) width_ns_ += (width_ns - width_ns_) / (width_ns_ ? 64 : 1);
  if (due_ns_ == 0 || bad_ >= kMostBad) {
    due_ns_ = exact ? at_ns + period_ns_ : 0;
    return;
  }
  // Woken too late for the update, or needlessly early.
  if (unmoved_reads == 0) early_ns_ = std::min(early_ns_ * 3 / 2, period_ns_ / 3);
  if (unmoved_reads > kEnoughReads) early_ns_ = std::max(early_ns_ - 1000, kLeastEarlyNs + jitter_ns_);
  due_ns_ += period_ns_ + (exact ? (at_ns - due_ns_) / 4 : 0);
}

UpdateTimer::Seen UpdateTimer::Next(CounterEdge* edge) {
  const int64_t begin = MonotonicNs();
  // The thread may have been kept from running for longer than a period.
  if (due_ns_ && begin > due_ns_ + period_ns_ / 2)
    due_ns_ += (begin - due_ns_ + period_ns_ / 2) / period_ns_ * period_ns_;
  const int64_t end = due_ns_ ? due_ns_ + kLateNs + 2 * jitter_ns_ : begin + 2 * period_ns_ + period_ns_ / 2;
  if (due_ns_ && !worker_->SleepUntil(due_ns_ - early_ns_)) return Seen::kNothing;
  for (int unmoved_reads = 0;; unmoved_reads++) {
    uint64_t counts = 0;
    const int64_t before = MonotonicNs();
    status_ = reader_->Read(&counts);
    if (status_) return Seen::kError;
    const int64_t after = MonotonicNs();
    if (counts != counts_) {
      const int64_t width = after - unmoved_ns_;
      *edge = {static_cast<uint64_t>(unmoved_ns_ + width / 2), static_cast<uint64_t>(width), counts};
      Settle(unmoved_ns_ + width / 2, width, unmoved_reads);
      counts_ = counts;
      unmoved_ns_ = before;
      return Seen::kUpdate;
    }
    unmoved_ns_ = before;
    if (after > end || worker_->Stopping()) break;
    if (!worker_->SleepUntil(after + kPauseNs)) return Seen::kNothing;
  }
  if (due_ns_) due_ns_ += period_ns_;
  if (++bad_ >= kMostBad) due_ns_ = 0;
  return Seen::kNothing;
}
