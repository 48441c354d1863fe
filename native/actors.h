// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "windows.h"

struct energy_cpu;

// Whom the model knows a process by: its id and start, and the name of its executable (16 bytes, as the
// kernel has it). Process 0 is idle.
Actor ActorOf(uint32_t tgid, uint64_t start_ns, const char* comm);

// Finds out who is behind the process ids of logs: in the rows that BPF has of each, while it measures. For
// one thread.
class ActorFinder {
 public:
  // `cpus`: the accounts, by CPU, which outlive this.
  explicit ActorFinder(const energy_cpu* cpus) : cpus_(cpus) {}

  // A process has run on a CPU, some ms ago at most: notes who it is, unless that is known.
  void Note(uint32_t cpu, uint32_t tgid, int64_t now_ns);
  // Who was noted; else somebody of whom nothing but the id is known.
  Actor Find(uint32_t tgid) const;
  // Forgets those who did not run for a while.
  void Forget(int64_t now_ns);

 private:
  struct Known {
    Actor actor;
    int64_t noted_ns = 0;  // first
    int64_t seen_ns = 0, checked_ns = 0;
  };

  bool Look(uint32_t cpu, uint32_t tgid, Actor* actor) const;

  const energy_cpu* cpus_;
  std::unordered_map<uint32_t, Known> known_;
};
