// SPDX-License-Identifier: Apache-2.0
// The BPF program, its maps and its perf events: everything that must be closed. No JavaScript in sight.
#pragma once

#include <cmath>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "perf_event.h"
#include "rhythm.h"

struct energy_buffer;
struct energy_spill_key;
struct energy_cpu;
struct energy_zone;
struct energy_bpf;
struct ring_buffer;

struct ProbeOptions {
  std::string btf;        // path of the kernel's BTF
  bool shared = false;    // counters of several CPUs that BPF reads
  bool switched = false;  // BPF reads the counters; else what is bound is only calibrated
  bool idle_pays = false;
  double joules_per_count = 0;  // of the counters that BPF reads
  double max_watts = 0;         // what one of them cannot exceed; 0: not known
  bool follow_forks = false;
  std::string controller;  // cgroup v1 controller whose cgroups are charged; empty: v2
  int hierarchy = 0;       // its id as in /proc/cgroups; 0 for v2
  uint32_t spill_entries = 0;
};

// What one drain takes out of the kernel: columns, all of one length per group.
struct Drained {
  struct {
    std::vector<uint32_t> cpu, pid, label;
    std::vector<double> start_ns, cgroup, time_ns, counts, uncertain_counts;
    std::vector<char> comm;
  } rows;
  struct {
    std::vector<uint32_t> cpu, switches, lost_rows, backwards, jumps, reads;
    std::vector<double> counts, gap_counts, lost_counts, residual_counts;
  } cpus;
  struct {
    std::vector<uint32_t> kind, pid, parent_pid;
    std::vector<double> start_ns, parent_start_ns;
    std::vector<char> comm;
  } lives;
  struct {
    std::vector<double> cgroup;
    std::vector<std::string> path;
  } mkdirs;
  double lost_events = 0;
  double time_ns = 0;  // CLOCK_MONOTONIC at the change of banks
};

// How a call ended: 0 or -errno, and then what could not be done ("open the perf event").
struct Outcome {
  int status = 0;
  const char* step = "";
};

// Calls exclude one another, whatever thread they come from, so each may have to wait for another one's end.
class Probe {
 public:
  Probe();
  ~Probe();
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  // `own_pid`: pid of this process in the first pid namespace, as in all rows.
  Outcome Open(const ProbeOptions& options, uint32_t* own_pid);
  // Opens a zone's counter on one of its CPUs and gives it to those CPUs of the zone that can read it. Anew
  // when CPUs come and go: the zone then counts from there. Without CPUs: takes its counter away.
  Outcome Bind(uint32_t zone, const std::vector<uint32_t>& cpus, int lead, const PerfEventSpec& spec);
  // Polls a zone's counter on a CPU that can read it, for 150 ms at most.
  Outcome Calibrate(uint32_t zone, uint32_t cpu, Calibration* out);
  Outcome Start();
  Outcome Drain(Drained* out);
  // Zones whose counter cannot be read: BPF met an error, and no success since. And how long the machine
  // slept (suspend) since this was asked last, 0 if it did not: registers may have begun anew.
  Outcome Failing(std::vector<uint32_t>* zones, double* asleep_ns);
  // Becomes readable when BPF wants Failing() to be asked and the CPUs to be looked at. -EBADF: not open.
  int AlarmFd();
  void Close();

 private:
  // With the mutex held:
  Outcome Ended(int status) const { return {status, status ? step_ : ""}; }
  int Fail(const char* step, int status);
  int OpenLocked(uint32_t* own_pid);
  int BindLocked(uint32_t zone, const std::vector<uint32_t>& cpus, int lead, const PerfEventSpec& spec);
  int CalibrateLocked(uint32_t zone, uint32_t cpu, Calibration* out);
  void ExpectUpdates(const Calibration& found);
  int StartLocked();
  int DrainLocked(Drained* out);
  void CloseLocked();
  int Load(int subsys);
  int FailingLocked(std::vector<uint32_t>* zones, double* asleep_ns);
  void Sharpen();
  int TakeAway(uint32_t zone, const std::vector<uint32_t>& cpus, int next, uint64_t* from);
  int GiveToBpf(uint32_t zone, const std::vector<uint32_t>& cpus, int fd, uint64_t from);
  int RunOn(uint32_t cpu, int prog, uint64_t argument, uint32_t* result);
  int Switchover();
  bool TakeOver(uint32_t cpu);
  void GiveBack(uint32_t cpu);
  int VisitCpus();
  void TakeBank(uint32_t cpu, energy_buffer* bank, Drained* out, uint64_t* sum);
  int TakeSpills(int map, uint8_t bank, Drained* out, std::vector<uint64_t>* sums,
                 std::vector<energy_spill_key>* taken);
  static int TakeEvent(void* self, void* data, size_t size);

  std::mutex mutex_;
  const char* step_ = "";
  ProbeOptions options_;
  energy_bpf* skeleton_ = nullptr;
  ring_buffer* ring_ = nullptr;
  Drained* ring_out_ = nullptr;
  uint32_t cpu_count_ = 0;  // possible CPUs
  double unit_ = 1;         // counts: what BPF reckons in
  int64_t slept_ns_ = 0;    // how long the machine had slept when it was looked at last
  energy_cpu* cpus_ = nullptr;
  energy_zone* zones_ = nullptr;
  static constexpr uint8_t kNoBank = 2;  // offline, or nothing yet
  std::vector<uint8_t> left_;            // by CPU: the bank that it has left and that is not taken yet
  std::vector<UniqueFd> events_;         // by zone
  std::vector<uint32_t> leads_;          // by zone: the CPU of its event
  uint32_t sharpened_ = 0;               // the zone whose turn it is
};
