// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

// Owns a file descriptor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

// What a user-space read of an event gives (PERF_FORMAT_TOTAL_TIME_ENABLED | _RUNNING).
struct PerfReading {
  uint64_t count = 0;
  uint64_t enabled_ns = 0;
  uint64_t running_ns = 0;
};

// Returns 0 or -errno. A pinned event that the PMU has no room for ends like a file, without an error
// (perf_event_open(2), "pinned"); in BPF the same is -EBUSY.
inline int ReadCounter(int fd, PerfReading* out) {
  ssize_t bytes = ::read(fd, out, sizeof(*out));
  if (bytes < 0) return -errno;
  return bytes == sizeof(*out) ? 0 : -EBUSY;
}

struct PerfEventSpec {
  uint32_t type = 0;
  uint64_t config = 0;
  uint64_t config1 = 0;
  uint64_t config2 = 0;
};

// Opens a counter of one CPU, for all tasks. Returns a descriptor or -errno.
//
// Pinned: an event that is not pinned and dies (hotplug, multiplexing) goes on returning its last value
// with success; a pinned one returns -EBUSY to BPF (perf_event_read_local). Nothing is excluded, since
// energy PMUs refuse any exclude bit (PERF_PMU_CAP_NO_EXCLUDE).
inline int OpenCpuCounter(const PerfEventSpec& spec, int cpu) {
  perf_event_attr attr{};
  attr.size = sizeof(attr);
  attr.type = spec.type;
  attr.config = spec.config;
  attr.config1 = spec.config1;
  attr.config2 = spec.config2;
  attr.pinned = 1;
  attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  long fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
  return fd < 0 ? -errno : static_cast<int>(fd);
}
