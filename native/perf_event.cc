// SPDX-License-Identifier: Apache-2.0
#include "perf_event.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

// The event is pinned: one that is not pinned and dies (hotplug, multiplexing) goes on returning its last
// value with success; a pinned one returns -EBUSY to BPF (perf_event_read_local). Nothing is excluded, since
// energy PMUs refuse any exclude bit (PERF_PMU_CAP_NO_EXCLUDE).
int OpenCpuCounter(const PerfEventSpec& spec, int cpu) {
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

// A pinned event that the PMU has no room for ends like a file, without an error (perf_event_open(2),
// "pinned"); in BPF the same is -EBUSY.
int ReadCounter(int fd, PerfReading* out) {
  ssize_t bytes = read(fd, out, sizeof(*out));
  if (bytes < 0) return -errno;
  return bytes == sizeof(*out) ? 0 : -EBUSY;
}

void StopCounter(int fd) {
  if (fd >= 0) ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
}
