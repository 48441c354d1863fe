// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

struct energy_power;

// What is known of a process's power while no other thread of its core is busy.
struct LearnedPower {
  uint32_t tgid = 0;
  double watts = 0, error_w = 0;  // and its standard deviation
};

// Compares the powers that BPF has learned of processes with what a better model says, and writes those that
// are off into BPF's map. Powers share energy out among those who run on one core, so it is their ratios that
// count: what all on a core are off by together, as its frequency changes, is left alone. And BPF follows
// what a process draws just now, so an entry is off if it is so in the mean of some run time. Pure; for one
// thread.
class PowerCorrection {
 public:
  explicit PowerCorrection(size_t cores) : ran_(cores) {}

  // A process has run on a core, seconds of a thread that has the core to itself.
  void AddRun(uint32_t core, uint32_t tgid, double thread_s) { ran_[core][tgid] += thread_s; }
  // Corrects the entries of those who have run since the last call, and are known. `powers`: BPF's map;
  // `joules_per_unit`: of its energies (joules_per_count * CountUnit::counts). BPF may write an entry at the
  // same time: then one of both is lost, never halves of each. Returns how many were written.
  size_t Correct(const std::vector<LearnedPower>& learned, energy_power* powers, double joules_per_unit);
  // Once per second or so: forgets whom nothing was heard of for a minute of calls.
  void Forget();

 private:
  struct Late {               // of a process, fading with its run time
    uint32_t start = 0;       // of the entry: ids are used again,
    uint16_t comm_class = 0;  // and by then whoever executed another program is known as that
    double log_off = 0;       // sum of log(BPF's power / what it should be) x thread seconds
    double thread_s = 0;      // sum of them
    uint32_t heard = 0;       // calls of Forget() before it was heard of
  };
  struct Compared {  // with an entry, now
    energy_power* entry;
    double learned, error, bpf;        // powers, W
    double thread_s = 0, level_s = 0;  // run time; the same times the level of each core's powers
  };
  using Run = std::unordered_map<uint32_t, double>;  // thread seconds by process

  void AddCore(const Run& ran, std::unordered_map<uint32_t, Compared>* all) const;

  std::vector<Run> ran_;  // by core
  std::unordered_map<uint32_t, Late> late_;
  uint32_t forgotten_ = 0;  // calls of Forget()
};
