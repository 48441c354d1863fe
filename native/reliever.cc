// SPDX-License-Identifier: Apache-2.0
#include "reliever.h"

#include <cstdint>

#include "clock.h"
#include "drainer.h"

namespace {

// What nobody rings for is looked at as often. Energy takes a minute to be too much.
constexpr int64_t kPeriodNs = 500'000'000;
// Where no more is taken, BPF rings at each event until the next drain.
constexpr int64_t kPauseNs = 100'000'000;

}  // namespace

Outcome Reliever::Start(std::mutex* calls) {
  int status = worker_.Start([this, calls] { Run(calls); });
  return status ? Fail("start the thread that relieves the kernel", status) : Outcome{};
}

// Whoever holds `calls` may wait for this thread to end, or drains: it is not waited for.
void Reliever::Run(std::mutex* calls) {
  Worker::BePrompt();
  EventRing* events = drainer_->events();
  for (int64_t next_ns = MonotonicNs(); worker_.WaitFor(events->wakes(), next_ns - MonotonicNs());) {
    if (!events->Relieve()) worker_.SleepUntil(MonotonicNs() + kPauseNs);
    if (MonotonicNs() < next_ns) continue;
    next_ns = MonotonicNs() + kPeriodNs;
    std::unique_lock<std::mutex> lock(*calls, std::try_to_lock);
    // What cannot be taken out now is tried again the next time, and Drain() says why.
    if (lock) drainer_->Relieve();
  }
}
