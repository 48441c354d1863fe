// SPDX-License-Identifier: Apache-2.0
#include "counter_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

int CounterReader::Open(const CounterLocation& location, uint64_t range) {
  location_ = location;
  range_ = range;
  begun_ = false;
  running_ns_ = 0;
  fd_ = UniqueFd();
  const int fd = location.via == CounterLocation::Via::kPerf
                     ? OpenCpuCounter(location.event, location.cpu)
                     : open(location.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return status_ = location.via == CounterLocation::Via::kPerf ? fd : -errno;
  fd_ = UniqueFd(fd);
  uint64_t counts;
  return Read(&counts);
}

int CounterReader::ReadRaw(uint64_t* count) {
  if (location_.via == CounterLocation::Via::kPerf) {
    PerfReading reading;
    const int status = ReadCounter(fd_.get(), &reading);
    if (status) return status;
    *count = reading.count;
    // An event that went offline with its CPU goes on being read with success: its time stands still.
    if (reading.running_ns <= running_ns_) return -EBUSY;
    running_ns_ = reading.running_ns;
    return 0;
  }
  if (location_.via == CounterLocation::Via::kMsr) {
    uint64_t value = 0;  // msr(4) gives 8 bytes at the register's number, of which a RAPL counter has 4
    const ssize_t bytes = pread(fd_.get(), &value, sizeof(value), location_.address);
    *count = static_cast<uint32_t>(value);
    return bytes < 0 ? -errno : bytes == sizeof(value) ? 0 : -EIO;
  }
  char text[32] = "";
  const ssize_t bytes = pread(fd_.get(), text, sizeof(text) - 1, 0);
  if (bytes < 0) return -errno;
  char* end = text;
  *count = strtoull(text, &end, 10);
  return end == text ? -EIO : 0;
}

int CounterReader::Read(uint64_t* counts) {
  uint64_t now = 0;
  status_ = ReadRaw(&now);
  if (status_) return status_;
  if (!begun_) {
    counts_ = 0;
  } else {
    counts_ += now - last_;
    if (now < last_) counts_ += range_;
  }
  begun_ = true;
  last_ = now;
  *counts = counts_;
  return 0;
}
