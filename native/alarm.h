// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>
#include <pthread.h>

#include "perf_event.h"

struct ring_buffer;

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
  static void* Wait(void* self);

  UniqueFd ring_, stop_;  // stop_: an eventfd
  ring_buffer* reader_ = nullptr;
  pthread_t thread_{};
  bool waits_ = false;
  Napi::ThreadSafeFunction call_;
};
