// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "drained.h"
#include "outcome.h"

struct ring_buffer;

// Reads the ring in which BPF tells of processes that fork, exec and exit, and of new cgroups.
class EventRing {
 public:
  EventRing() = default;
  ~EventRing();
  EventRing(const EventRing&) = delete;
  EventRing& operator=(const EventRing&) = delete;

  // `fd`: the descriptor of the ring buffer's map.
  Outcome Open(int fd);
  // Appends all that is in it to `out`, and empties it.
  Outcome Consume(Drained* out);

 private:
  static int TakeRecord(void* ring, void* data, size_t bytes);

  ring_buffer* reader_ = nullptr;
  Drained* out_ = nullptr;  // where the records of a Consume() under way go
};
