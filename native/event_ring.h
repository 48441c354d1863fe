// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <mutex>

#include "drained.h"
#include "mapped_ring.h"
#include "outcome.h"
#include "unique_fd.h"

// Reads the ring in which BPF tells of processes that fork, exec and exit, and of new cgroups. A thread may
// call Relieve() whatever others do; all else is called by one at a time.
class EventRing {
 public:
  EventRing() = default;
  EventRing(const EventRing&) = delete;
  EventRing& operator=(const EventRing&) = delete;

  // `fd`: the descriptor of the ring buffer's map.
  Outcome Open(int fd);
  // Readable when BPF has woken who waits, since half of the ring is full, until Relieve() is called.
  int wakes() const { return wakes_.get(); }
  // If BPF has woken who waits: takes what is in the ring into memory, for the next Take(). Returns false
  // where too much is there already: then the ring fills, and BPF counts what finds no room.
  bool Relieve();
  // All events since the last time; empties the ring.
  Outcome Take(Drained* out);

 private:
  static void TakeRecord(void* ring, const void* data, size_t bytes);
  Outcome Consume();

  MappedRing ring_;
  UniqueFd wakes_;  // an epoll(7) that tells of the ring's wake-ups alone
  std::mutex mutex_;
  Drained held_;  // events, and nothing else
  size_t held_bytes_ = 0;
};
