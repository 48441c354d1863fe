// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include "outcome.h"
#include "unique_fd.h"

// Who is at the other end of a Unix socket: whoever called connect(2), as the kernel noted it then. A
// descriptor that was passed on, or kept by a child, still tells of that process.
struct Peer {
  pid_t pid = 0;  // in our pid namespace; 0: it is in none that we see
  uid_t uid = 0;  // in our user namespace
  gid_t gid = 0;
  // Of that very process, whoever has its pid by now. Linux 6.5 and later tell; else none.
  UniqueFd process;
};

Outcome AskPeer(int socket, Peer* peer);
