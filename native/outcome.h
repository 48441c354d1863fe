// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>

// How a call ended: 0, or -errno and what could not be done ("open the perf event"). TypeScript has the
// advice for each step, so steps are string literals of this tree.
struct Outcome {
  int status = 0;
  const char* step = "";

  bool Failed() const { return status != 0; }
};

// The outcome of a step that failed with -errno; a status that tells no error becomes -EIO.
inline Outcome Fail(const char* step, int status) { return {status < 0 ? status : -EIO, step}; }
