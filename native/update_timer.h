// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "counter_reader.h"
#include "windows.h"
#include "worker.h"

// Times every second update of a counter with a steady period, for the thread of a worker that runs on the
// counter's CPU. Where the phase is known an update takes two reads, shortly before and after it is due.
class UpdateTimer {
 public:
  UpdateTimer(CounterReader* reader, Worker* worker) : reader_(reader), worker_(worker) {}

  // Begins anew, for a counter of that period: the next update is waited for, whenever it comes.
  void Start(double period_ns, double jitter_ns);

  enum class Seen {
    kUpdate,   // `edge` is set; its width tells how exactly
    kNothing,  // the counter did not move when it was due, or the thread is to stop
    kError,    // the counter cannot be read: the reader knows why
  };
  Seen Next(CounterEdge* edge);

  // How exactly updates are seen, of those that are seen exactly: a mean that forgets, ns; 0: none was.
  double width_ns() const { return width_ns_; }

 private:
  Seen Poll(CounterEdge* edge);
  void NoteWake(double late_ns);
  void Settle(const CounterEdge& edge, int64_t unmoved_ns, int64_t moved_ns);
  void Miss();

  CounterReader* reader_;
  Worker* worker_;
  double period_ns_ = 0;
  int64_t stray_ns_ = 0;                    // by how much an update may come earlier or later than it is due
  double due_ns_ = 0;                       // when the next one is expected; 0: the phase is not known
  double wake_ns_ = 0, wake_stray_ns_ = 0;  // how late the thread wakes
  int64_t unmoved_ns_ = 0;                  // when the counter was last known not to have moved
  uint64_t counts_ = 0;                     // then
  int bad_ = 0;                             // updates in a row that were not seen exactly, or not at all
  double width_ns_ = 0;
};
