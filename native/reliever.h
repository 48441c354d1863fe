// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>

#include "outcome.h"
#include "worker.h"

class Drainer;

// Takes out of the kernel what would find no room there until the next drain. On a crowded machine JavaScript
// may not get to run for tens of seconds, and an application may keep the event loop busy: this is a thread
// of its own, which needs none of them.
class Reliever {
 public:
  explicit Reliever(Drainer* drainer) : drainer_(drainer) {}

  // The drainer is open. `calls` is locked by whoever uses it, by this as well.
  Outcome Start(std::mutex* calls);

 private:
  void Run(std::mutex* calls);

  Drainer* drainer_;
  Worker worker_;
};
