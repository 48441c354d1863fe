// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "perf_event.h"
#include "unique_fd.h"

// Where a counter is read, as src/model/source.ts has it.
struct CounterLocation {
  enum class Via { kPerf, kPowercap, kMsr };
  Via via = Via::kPerf;
  PerfEventSpec event;   // kPerf
  uint32_t cpu = 0;      // kPerf: the CPU of the event
  std::string path;      // kPowercap, kMsr
  uint32_t address = 0;  // kMsr: number of the register
};

// Reads a counter again and again, in user space.
class CounterReader {
 public:
  // `range`: counts after which it starts at 0 again; 0: it does not. Returns 0 or -errno.
  int Open(const CounterLocation& location, uint64_t range);
  void Close() { fd_ = UniqueFd(); }
  // How the last Open() or Read() ended.
  int status() const { return status_; }

  // What was counted since Open(), without wraps: a counter that begins anew leaves a jump in it, ahead if it
  // has a range, else back. Returns 0 or -errno; -EBUSY: its perf event is dead.
  int Read(uint64_t* counts);

 private:
  int ReadRaw(uint64_t* count);

  CounterLocation location_;
  uint64_t range_ = 0;
  UniqueFd fd_;
  int status_ = 0;
  bool begun_ = false;
  uint64_t last_ = 0, counts_ = 0;
  uint64_t running_ns_ = 0;  // of a perf event
};
