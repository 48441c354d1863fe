// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <mutex>

#include "drained.h"
#include "lifecycle_log.h"
#include "mapped_ring.h"
#include "outcome.h"
#include "unique_fd.h"

class Program;

// Reads what BPF tells of processes that fork, exec and exit, in logs, and of new cgroups, in a ring. A
// thread may call Relieve() whatever others do; all else is called by one at a time.
class EventRing {
 public:
  EventRing() = default;
  EventRing(const EventRing&) = delete;
  EventRing& operator=(const EventRing&) = delete;

  // The program is loaded, and outlives this.
  Outcome Open(const Program& program);
  // Readable when BPF has woken who waits, since half of the ring or of a log is full, until Relieve() is
  // called.
  int wakes() const { return wakes_.get(); }
  // If BPF has woken who waits: takes what is in them into memory, for the next Take(). Returns false
  // where too much is there already: then they fill, and BPF counts what finds no room.
  bool Relieve();
  // All events since the last time; empties the ring and the logs.
  Outcome Take(Drained* out);

 private:
  static void TakeRecord(void* ring, const void* data, size_t bytes);
  Outcome Consume();

  MappedRing ring_;
  UniqueFd wakes_;  // an epoll(7) that tells of the ring's wake-ups alone
  std::mutex mutex_;
  LifecycleLog processes_;
  Drained::Mkdirs mkdirs_;
  size_t mkdir_bytes_ = 0;
};
