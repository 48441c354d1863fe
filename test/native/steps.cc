// SPDX-License-Identifier: Apache-2.0
// Makes each system call of a probe's life fail in turn, and prints for each what the probe said and what it
// left open, one JSON object a line. A process of its own does that for each call, since libbpf remembers
// what it has found out about the kernel.
//
// The calls of one thread are put before a supervisor (seccomp's user notification), which refuses one of
// them.
#include <bpf/libbpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "alarm.h"
#include "probe.h"

namespace {

using Names = std::vector<std::string>;

// Calls that open, map or start something, or that run BPF. mmap only where it maps a file, and fcntl only
// where it makes a descriptor: memory of our own is a matter of malloc.
const struct {
  uint32_t number;
  const char* name;
} kCalls[] = {{SYS_bpf, "bpf"},
              {SYS_perf_event_open, "perf_event_open"},
              {SYS_mmap, "mmap"},
              {SYS_openat, "openat"},
              {SYS_fcntl, "fcntl"},
              {SYS_eventfd2, "eventfd2"},
              {SYS_epoll_create1, "epoll_create1"},
              {SYS_epoll_ctl, "epoll_ctl"},
              {SYS_clone3, "clone3"},
              {SYS_sched_setaffinity, "sched_setaffinity"}};

[[noreturn]] void Die(const char* what) {
  perror(what);
  _exit(1);
}

// From now on the calls above, made by this thread and those that it starts, wait for who reads the
// descriptor that is returned.
int Supervise() {
  std::vector<sock_filter> program = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  const sock_filter ask = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
  const sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  for (const auto& call : kCalls) {
    if (call.number == SYS_mmap) {
      program.insert(program.end(), {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call.number, 0, 4),
                                     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[4])),
                                     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, UINT32_MAX, 0, 1), allow, ask});
    } else if (call.number == SYS_fcntl) {
      program.insert(program.end(), {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call.number, 0, 4),
                                     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
                                     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_DUPFD_CLOEXEC, 1, 0), allow, ask});
    } else {
      program.insert(program.end(), {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call.number, 0, 1), ask});
    }
  }
  program.push_back(allow);
  sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) Die("steps: prctl");
  int fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
  if (fd < 0) Die("steps: seccomp");
  return fd;
}

// Refuses the call with this number, counted from 1, and lets all others go on until it is `over`. Returns
// its name; empty: there were fewer calls.
std::string RefuseOne(int listener, int refused, const std::atomic<bool>& over) {
  std::string name;
  for (int call = 1; !over;) {
    pollfd waiting{listener, POLLIN, 0};
    if (poll(&waiting, 1, 10) <= 0) continue;
    if (!(waiting.revents & POLLIN)) break;
    seccomp_notif request{};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request)) continue;
    seccomp_notif_resp answer{request.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    if (call++ == refused) {
      answer = {request.id, 0, -ENOMEM, 0};
      for (const auto& one : kCalls)
        if (static_cast<int>(one.number) == request.data.nr) name = one.name;
    }
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
  close(listener);
  return name;
}

// What this process holds: descriptors, mappings of BPF maps, threads.
Names Holdings() {
  Names held;
  DIR* directory = opendir("/proc/self/fd");
  while (dirent* entry = readdir(directory)) {
    char link[256] = "";
    if (readlinkat(dirfd(directory), entry->d_name, link, sizeof(link) - 1) > 0) held.push_back(link);
  }
  closedir(directory);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    size_t at = line.find("anon_inode");
    if (at != std::string::npos) held.push_back("mapping of " + line.substr(at));
  }
  directory = opendir("/proc/self/task");
  while (dirent* entry = readdir(directory))
    if (entry->d_name[0] != '.') held.push_back("thread");
  closedir(directory);
  std::sort(held.begin(), held.end());
  return held;
}

void PrintMore(const char* name, const Names& before) {
  Names more;
  const Names now = Holdings();
  std::set_difference(now.begin(), now.end(), before.begin(), before.end(), std::back_inserter(more));
  printf(", \"%s\": [", name);
  for (size_t i = 0; i < more.size(); i++) printf("%s\"%s\"", i ? ", " : "", more[i].c_str());
  printf("]");
}

// A probe's life up to the first step that fails.
Outcome Live(Probe* probe, Alarm* alarm, const PerfEventSpec& tsc) {
  ProbeOptions options;
  options.btf = "/sys/kernel/btf/vmlinux";
  options.controller = "memory";
  options.switched = options.idle_pays = options.follow_forks = options.learns = true;
  options.joules_per_count = 1e-9;
  options.spill_entries = 64;
  uint32_t own_pid;
  Outcome outcome = probe->Open(options, &own_pid);
  for (int i = 0; i < 2 && !outcome.Failed(); i++) outcome = probe->Bind(0, {0}, 0, tsc);
  Calibration found;
  if (!outcome.Failed()) outcome = probe->Calibrate(0, 0, &found);
  UniqueFd alarms;
  if (!outcome.Failed()) outcome = probe->OpenAlarms(&alarms);
  if (!outcome.Failed()) outcome = alarm->Start(std::move(alarms), [] {});
  if (!outcome.Failed()) outcome = probe->Start();
  Drained drained;
  if (!outcome.Failed()) outcome = probe->Drain(&drained);
  return outcome;
}

// False: there are fewer calls than that.
bool Refuse(int refused, const PerfEventSpec& tsc) {
  const Names before = Holdings();
  Probe probe;
  Alarm alarm;
  Outcome outcome;
  std::string name;
  {
    std::atomic<int> listener{-1};
    std::atomic<bool> over{false};
    std::thread supervisor([&] {
      while (listener < 0) std::this_thread::yield();
      name = RefuseOne(listener, refused, over);
    });
    std::thread supervised([&] {
      listener = Supervise();
      outcome = Live(&probe, &alarm, tsc);
      // What a probe starts goes on until it is closed, and makes none of these calls.
      alarm.Stop();
    });
    supervised.join();
    over = true;
    supervisor.join();
  }
  printf("{\"call\": \"%s\", \"status\": %d, \"step\": \"%s\"", name.c_str(), outcome.status, outcome.step);
  PrintMore("left", before);
  Drained drained;
  printf(", \"drained\": %d", probe.Drain(&drained).status);
  probe.Close();
  PrintMore("closed", before);
  printf("}\n");
  return !name.empty();
}

}  // namespace

int main() {
  libbpf_set_print(nullptr);
  PerfEventSpec tsc;
  std::ifstream("/sys/bus/event_source/devices/msr/type") >> tsc.type;
  {
    // libbpf tries out once what the kernel can do, and takes a refusal for something that it cannot.
    Probe probe;
    Alarm alarm;
    Outcome outcome = Live(&probe, &alarm, tsc);
    if (outcome.Failed()) Die(outcome.step);
  }
  for (int refused = 1; Refuse(refused, tsc);) refused++;
}
