// SPDX-License-Identifier: Apache-2.0
#include "update_timer.h"

#include <algorithm>
#include <cmath>

#include "clock.h"

namespace {

constexpr int kStep = 2;               // updates from one that is timed to the next: a window
constexpr int64_t kPauseNs = 20'000;   // between two reads while it does not move
constexpr int64_t kLateNs = 200'000;   // behind when it was due it is not waited for any longer
constexpr int64_t kExactNs = 150'000;  // two reads that are further apart do not tell when it moved
constexpr int64_t kGuardNs = 10'000;   // the second read comes so long after it is due
// How late the thread wakes is the kernel's and the hardware's: to begin with; and beyond that others ran.
constexpr double kWakeNs = 40'000, kWakeStrayNs = 10'000, kMostWakeNs = 200'000;
constexpr int kMostBad = 4;

}  // namespace

void UpdateTimer::Start(double period_ns, double jitter_ns) {
  period_ns_ = period_ns;
  stray_ns_ = std::min(2 * jitter_ns, period_ns / 4);
  due_ns_ = 0;
  if (!wake_ns_) wake_ns_ = kWakeNs, wake_stray_ns_ = kWakeStrayNs;
  bad_ = 0;
  unmoved_ns_ = MonotonicNs();
  reader_->Read(&counts_);
}

// Expects the next update. What was expected is changed only if it lies outside of the two reads: where in
// between the counter moved they do not tell.
void UpdateTimer::Settle(const CounterEdge& edge, int64_t unmoved_ns, int64_t moved_ns) {
  const bool exact = edge.width_ns <= static_cast<uint64_t>(kExactNs);
  if (!exact) return Miss();
  bad_ = 0;
  width_ns_ += (edge.width_ns - width_ns_) / (width_ns_ ? 64 : 1);
  if (due_ns_ == 0) due_ns_ = edge.clock_ns;
  due_ns_ = std::clamp<double>(due_ns_, unmoved_ns, moved_ns) + kStep * period_ns_;
}

void UpdateTimer::Miss() {
  if (due_ns_) due_ns_ += kStep * period_ns_;
  if (++bad_ >= kMostBad) due_ns_ = 0;
}

// How late the thread woke, a mean that forgets, and by how much it strays from that.
void UpdateTimer::NoteWake(double late_ns) {
  if (late_ns > kMostWakeNs) return;
  wake_stray_ns_ += (std::abs(late_ns - wake_ns_) - wake_stray_ns_) / 16;
  wake_ns_ += (late_ns - wake_ns_) / 16;
}

UpdateTimer::Seen UpdateTimer::Next(CounterEdge* edge) {
  const int64_t begin = MonotonicNs();
  // The thread may have been kept from running for longer than that.
  if (due_ns_ && begin > due_ns_) due_ns_ += std::ceil((begin - due_ns_) / period_ns_) * period_ns_;
  const double asked_ns = due_ns_ ? due_ns_ - stray_ns_ - wake_ns_ - 3 * wake_stray_ns_ : begin;
  if (!worker_->SleepUntil(asked_ns)) return Seen::kNothing;
  unmoved_ns_ = MonotonicNs();
  if (due_ns_ && asked_ns > begin) NoteWake(unmoved_ns_ - asked_ns);
  if (reader_->Read(&counts_)) return Seen::kError;
  const bool late = due_ns_ && unmoved_ns_ > due_ns_ + stray_ns_;
  const Seen seen = late ? Seen::kNothing : Poll(edge);
  if (seen == Seen::kNothing) Miss();
  return seen;
}

// Reads until the counter has moved.
UpdateTimer::Seen UpdateTimer::Poll(CounterEdge* edge) {
  int64_t now = MonotonicNs();
  const double end = due_ns_ ? due_ns_ + stray_ns_ + kLateNs : now + 2.5 * period_ns_;
  for (int64_t next = due_ns_ ? due_ns_ + stray_ns_ + kGuardNs - wake_ns_ : 0; now < end;
       next = now + kPauseNs) {
    if (!worker_->SleepUntil(next)) break;
    uint64_t counts = 0;
    const int64_t before = MonotonicNs();
    if (reader_->Read(&counts)) return Seen::kError;
    now = MonotonicNs();
    if (counts != counts_) {
      const auto width = static_cast<uint64_t>(now - unmoved_ns_);
      *edge = {unmoved_ns_ + width / 2, width, counts};
      Settle(*edge, unmoved_ns_, now);
      counts_ = counts;
      unmoved_ns_ = before;
      return Seen::kUpdate;
    }
    unmoved_ns_ = before;
  }
  return Seen::kNothing;
}
