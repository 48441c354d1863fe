// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <utility>

// The elements of a BPF array map (BPF_F_MMAPABLE) in our memory, while this lives.
template <typename T>
class SharedMapping {
 public:
  SharedMapping() = default;
  SharedMapping(const SharedMapping&) = delete;
  SharedMapping& operator=(const SharedMapping&) = delete;
  ~SharedMapping() {
    if (elements_) munmap(elements_, bytes_);
  }

  // Maps `count` elements of the map with this descriptor, once. Returns 0 or -errno.
  int Map(int fd, size_t count) {
    const size_t page = sysconf(_SC_PAGESIZE);
    bytes_ = (sizeof(T) * count + page - 1) / page * page;
    void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return -errno;
    elements_ = static_cast<T*>(memory);
    return 0;
  }
  T* get() const { return elements_; }

 private:
  T* elements_ = nullptr;
  size_t bytes_ = 0;
};
