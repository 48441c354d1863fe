// SPDX-License-Identifier: Apache-2.0
#include "mapped_ring.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "map_window.h"

namespace {

// What a record takes of the ring: its header, its data, and what aligns the next one to 8 bytes.
size_t RoomOf(size_t bytes) { return (BPF_RINGBUF_HDR_SZ + bytes + 7) / 8 * 8; }

}  // namespace

MappedRing::~MappedRing() {
  if (!positions_) return;
  munmap(positions_, page_);
  munmap(positions_ + page_, page_);
}

// The first page of a ring may be written to where it is mapped alone.
int MappedRing::Open(int fd) {
  bpf_map_info info{};
  uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(fd, &info, &size)) return -errno;
  page_ = sysconf(_SC_PAGESIZE);
  void* both = mmap(nullptr, 2 * page_, PROT_READ, MAP_SHARED, fd, 0);
  if (both == MAP_FAILED) return -errno;
  positions_ = static_cast<char*>(both);
  if (mmap(both, page_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) return -errno;
  bytes_ = info.max_entries;
  fd_ = fd;
  return 0;
}

// The kernel maps the data twice in a row, behind the two positions: what begins near the end of the ring
// goes on there.
int MappedRing::Consume(void (*take)(void*, const void*, size_t), void* context) {
  auto* read_to = reinterpret_cast<unsigned long*>(positions_);
  const auto* written_to = reinterpret_cast<const unsigned long*>(positions_ + page_);
  unsigned long at = *read_to;
  for (unsigned long end; at != (end = __atomic_load_n(written_to, __ATOMIC_ACQUIRE));) {
    const size_t begin = at & (bytes_ - 1);
    const MapWindow window(fd_, 2 * page_ + begin, end - at);
    if (!window.mapped()) return -errno;
    for (const unsigned long first = at; at < end;) {
      const char* record = window.get() + (at - first);
      const uint32_t length = __atomic_load_n(reinterpret_cast<const uint32_t*>(record), __ATOMIC_ACQUIRE);
      if (length & BPF_RINGBUF_BUSY_BIT) return 0;
      const size_t bytes = length & ~BPF_RINGBUF_DISCARD_BIT;
      if (!(length & BPF_RINGBUF_DISCARD_BIT)) take(context, record + BPF_RINGBUF_HDR_SZ, bytes);
      at += RoomOf(bytes);
      __atomic_store_n(read_to, at, __ATOMIC_RELEASE);
    }
  }
  return 0;
}
