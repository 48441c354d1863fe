// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "outcome.h"
#include "perf_event.h"
#include "unique_fd.h"

class Program;

// Gives counters to the CPUs that they count for, and takes them away again.
class Binder {
 public:
  // The counter of a zone.
  struct Counter {
    UniqueFd event;     // none: it is not bound
    uint32_t lead = 0;  // the CPU of its event
  };

  explicit Binder(Program* program) : program_(program) {}

  // Opens a zone's counter on one of its CPUs and gives it to those CPUs of the zone that can read it. Anew
  // when CPUs come and go: the zone then counts from there. Without CPUs: takes its counter away. After a
  // failure no CPU has a counter of the zone, and its old event is kept for the next try.
  Outcome Bind(uint32_t zone, const std::vector<uint32_t>& cpus, uint32_t lead, const PerfEventSpec& spec);

  // By zone, as far as some were ever bound.
  const std::vector<Counter>& counters() const { return counters_; }

 private:
  // What the old event and the one that follows it had counted at the same moment.
  struct Handover {
    int status = 0;           // of reading the new event, -errno
    uint64_t from = 0;        // counts of the new event, behind what the old one has counted, too
    uint64_t last_count = 0;  // of the old event
    uint64_t rest_units = 0;  // what the old one had counted and nobody was charged with
  };

  Outcome CheckArguments(uint32_t zone, const std::vector<uint32_t>& cpus, uint32_t lead) const;
  std::vector<uint32_t> CpusOf(uint32_t zone) const;
  Handover TakeAway(uint32_t zone, const std::vector<uint32_t>& cpus, int next, uint64_t earlier);
  uint64_t TakeUnpriced(const std::vector<uint32_t>& former, const std::vector<uint32_t>& cpus, bool in_gap);
  void ReadAlone(uint32_t zone, PerfReading* reading) const;
  Handover ReadBoth(uint32_t zone, int next, uint64_t earlier) const;
  Outcome GiveToBpf(uint32_t zone, const std::vector<uint32_t>& cpus, int event, uint64_t from);

  Program* program_;
  std::vector<Counter> counters_;
};
