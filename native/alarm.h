// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>

#include <functional>

#include "outcome.h"
#include "unique_fd.h"

struct ring_buffer;

// Calls back whenever BPF rings. A thread of its own waits for that, without keeping the process alive.
// Start() and Stop() are called by one thread.
class Alarm {
 public:
  Alarm() = default;
  ~Alarm() { Stop(); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // `ring`: the descriptor of a BPF ring buffer. `callback` is called in the thread of the alarm. After a
  // failure nothing is left open.
  Outcome Start(UniqueFd ring, std::function<void()> callback);
  // Returns when the thread has ended and all is closed; does nothing if it was not started.
  void Stop();

 private:
  static void* Wait(void* alarm);
  int StartThread();
  void Close();

  UniqueFd ring_, stop_;  // stop_: an eventfd, readable when the thread is to end
  ring_buffer* reader_ = nullptr;
  std::function<void()> callback_;
  pthread_t thread_{};
  bool waits_ = false;
};
