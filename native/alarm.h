// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

#include <thread>

#include "perf_event.h"

// Calls JavaScript whenever BPF rings. A thread waits for that, which does not keep the process alive.
// All calls come from JavaScript's thread.
class Alarm {
 public:
  Alarm() = default;
  ~Alarm() { Stop(); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // `ring`: the descriptor of a BPF ring buffer, which needs not stay open. Returns 0 or -errno.
  int Start(int ring, const Napi::Function& callback);
  void Stop();

 private:
  UniqueFd stop_;  // eventfd
  std::thread thread_;
  Napi::ThreadSafeFunction call_;
};
