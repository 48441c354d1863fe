// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>

// A part of a BPF map in our memory, read only, while this lives: what is not mapped adds nothing to the
// resident memory.
class MapWindow {
 public:
  MapWindow(int fd, size_t offset, size_t bytes) {
    const size_t page = sysconf(_SC_PAGESIZE);
    before_ = offset % page;
    bytes_ = (before_ + bytes + page - 1) / page * page;
    memory_ = mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, fd, offset - before_);
  }
  ~MapWindow() {
    if (mapped()) munmap(memory_, bytes_);
  }
  MapWindow(const MapWindow&) = delete;
  MapWindow& operator=(const MapWindow&) = delete;

  // Whether mmap(2) succeeded, which has set errno otherwise.
  bool mapped() const { return memory_ != MAP_FAILED; }
  const char* get() const { return static_cast<const char*>(memory_) + before_; }

 private:
  size_t before_, bytes_;
  void* memory_;
};
