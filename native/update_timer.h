// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "counter_reader.h"
#include "windows.h"
#include "worker.h"

// Times the updates of a counter with a steady period: sleeps until shortly before each is due, and reads
// until the counter has moved. For the thread of a worker that runs on the counter's CPU.
class UpdateTimer {
 public:
  UpdateTimer(CounterReader* reader, Worker* worker) : reader_(reader), worker_(worker) {}

  // Begins anew, for a counter of that period: the next update is waited for, whenever it comes.
  void Start(double period_ns, double jitter_ns);

  enum class Seen {
    kUpdate,   // `edge` is set; its width tells how exactly
    kNothing,  // the counter did not move when it was due, or the thread is to stop
    kError,    // the counter cannot be read: `status()`
  };
  Seen Next(CounterEdge* edge);

  int status() const { return status_; }
  // How exactly updates are seen: a mean that forgets, ns.
  double width_ns() const { return width_ns_; }

 private:
  void Settle(int64_t at_ns, int64_t width_ns, int unmoved_reads);

  CounterReader* reader_;
  Worker* worker_;
  int status_ = 0;
  int64_t period_ns_ = 0, jitter_ns_ = 0;
  int64_t due_ns_ = 0;      // when the next update is expected; 0: whenever
  int64_t early_ns_ = 0;    // reading begins so long before
  int64_t unmoved_ns_ = 0;  // when it was last known not to have moved
  uint64_t counts_ = 0;     // then
  int bad_ = 0;             // updates in a row that were not seen exactly, or not at all
  double width_ns_ = 0;
};
