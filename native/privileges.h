// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "outcome.h"

// Capabilities of this process. In Linux each thread has its own, as it has its own no_new_privs, and a new
// thread gets those of the one that starts it. Sets are masks: bit N is capability N of capabilities(7).

// Gives up for good, in every thread: the capabilities that are not in `keep` (permitted and effective), all
// inheritable and ambient ones, the bounding set as far as CAP_SETPCAP allows, and, by no_new_privs, what a
// program that is executed could gain. Whoever has none of that yet loses nothing.
//
// After a failure some threads may have given up already. -ETIMEDOUT: a thread takes no signal.
Outcome DropPrivileges(uint64_t keep);

// Empties the ambient set of the calling thread: a program that it executes inherits nothing by that.
void ClearAmbientCapabilities();

// What this kernel wants beyond CAP_PERFMON, found out by trying without it.
struct KernelWants {
  // bpf(2) wants CAP_BPF for what is open already. It does before Linux 5.19 where
  // kernel.unprivileged_bpf_disabled is not 0; since then it does for what is created alone (commit
  // c8644cd0efe7).
  bool bpf = false;
  // perf_event_open(2) wants CAP_SYS_ADMIN. It does where a distribution has added levels to
  // kernel.perf_event_paranoid and has not heard of CAP_PERFMON, above 2 or 3.
  bool admin = false;
};

KernelWants AskKernel();
