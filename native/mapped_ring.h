// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

// Reads a BPF ring buffer, of which no more is mapped than what holds records, while they are read. libbpf's
// reader maps the whole ring, twice in a row, for as long as it lives: 16 MB of resident memory for a ring of
// 8 MiB that is empty most of the time, and 4,096 pages to map at each start.
class MappedRing {
 public:
  MappedRing() = default;
  ~MappedRing();
  MappedRing(const MappedRing&) = delete;
  MappedRing& operator=(const MappedRing&) = delete;

  // `fd`, which has to outlive this: the descriptor of the ring buffer's map. Returns 0 or -errno.
  int Open(int fd);
  // Calls `take` for each record, in their order, and gives the room of each back to BPF; ends at one that is
  // still being written. Returns 0 or -errno.
  int Consume(void (*take)(void* context, const void* record, size_t bytes), void* context);

 private:
  int fd_ = -1;
  size_t page_ = 0;
  size_t bytes_ = 0;           // of the ring: a power of two
  char* positions_ = nullptr;  // two pages: how far was read, which we write, and how far BPF has written
};
