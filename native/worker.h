// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

#include "own_thread.h"
#include "thread_maker.h"
#include "unique_fd.h"

// A thread that works on its own until it is stopped. Start(), Pause(), Resume() and Stop() are called by one
// thread.
class Worker {
 public:
  Worker() = default;
  ~Worker() { Stop(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Runs `work` in a new thread that takes no signals, with the priority of `maker` where there is one. It
  // ends by itself when Stopping(). Returns 0 or -errno.
  int Start(std::function<void()> work, ThreadMaker* maker = nullptr);
  // Returns when the thread has ended; does nothing if it was not started.
  void Stop();
  // Pause() returns when `work` has, and Resume() lets the same thread begin it anew.
  void Pause();
  void Resume();

  // For the thread itself.
  bool Stopping() const { return stopping_.load(std::memory_order_relaxed); }
  // See own_thread.h.
  static void BePrompt() { ::BePrompt(); }
  // Sleeps until a time of CLOCK_MONOTONIC, as exactly as the kernel can, or until it is to stop. Returns
  // false if it is.
  bool SleepUntil(int64_t ns);
  // Sleeps until `fd` is readable, for so many ns at most, or until it is to stop. Returns false if it is.
  bool WaitFor(int fd, int64_t ns);

  // CPU time of the thread so far, ns.
  int64_t CpuNs() const;

 private:
  static void* Run(void* worker);
  void RunUntilItEnds();

  UniqueFd stop_;  // an eventfd, readable when the work is to end
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;  // of the next three
  std::condition_variable changed_;
  bool rests_ = false;  // the work has ended
  bool ends_ = false;   // the thread is to end
  std::function<void()> work_;
  pthread_t thread_{};
  bool runs_ = false;
};
