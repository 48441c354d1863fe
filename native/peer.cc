// SPDX-License-Identifier: Apache-2.0
#include "peer.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>

// Debian 12's headers are of Linux 6.1.
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

Outcome AskPeer(int socket, Peer* peer) {
  constexpr const char* kStep = "ask who is connected";
  ucred credentials = {};
  socklen_t size = sizeof(credentials);
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return Fail(kStep, -errno);
  peer->pid = credentials.pid;
  peer->uid = credentials.uid;
  peer->gid = credentials.gid;
  int process = -1;
  size = sizeof(process);
  if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &process, &size) == 0) {
    peer->process = UniqueFd(process);
    return {};
  }
  // Kernels before 6.5 know no such option. ESRCH, ENODATA and EINVAL: it has ended.
  return errno == ENOPROTOOPT ? Outcome{} : Fail(kStep, -errno);
}
